package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/influxdata/influxdb/query"
	"github.com/influxdata/influxql"
)

// maxQuery bounds the body of a /query request.
const maxQuery = 1 << 20

// defaultChunk is the server's number of rows per part of a chunked answer.
const defaultChunk = 10000

// results is the body of a /query answer, or one part of a chunked one.
type results struct {
	Results []*query.Result `json:"results,omitempty"`
	Error   string          `json:"error,omitempty"`
}

// query answers /query. The rows are streamed: what the caller does not read
// is not computed far ahead. The request counts as running until the answer is
// read, closed, or cut off by its context or by Engine.Close.
func (t transport) query(req *http.Request) (*http.Response, error) {
	form, err := queryForm(req)
	if err != nil {
		t.e.leave()
		return failure(req, http.StatusBadRequest, err.Error()), nil
	}
	q, err := influxql.NewParser(strings.NewReader(form.Get("q"))).ParseQuery()
	if err != nil {
		t.e.leave()
		return failure(req, http.StatusBadRequest, "error parsing query: "+err.Error()), nil
	}
	abort := make(chan struct{})
	opts := query.ExecutionOptions{
		Database: form.Get("db"), RetentionPolicy: form.Get("rp"), ChunkSize: defaultChunk,
		ReadOnly: req.Method == http.MethodGet, Authorizer: query.OpenAuthorizer, CoarseAuthorizer: query.OpenCoarseAuthorizer,
		Quiet: true, AbortCh: abort,
	}
	if n, err := strconv.Atoi(form.Get("chunk_size")); err == nil && n > 0 {
		opts.ChunkSize = n
	}
	pr, pw := io.Pipe()
	done := make(chan struct{})
	go func() {
		select {
		case <-req.Context().Done():
			_ = pw.CloseWithError(req.Context().Err())
		case <-t.e.closing:
			_ = pw.CloseWithError(ErrClosed)
		case <-done:
		}
	}()
	go func() {
		defer t.e.leave()
		defer close(done)
		in := t.e.exec.ExecuteQuery(q, opts, abort)
		err := encode(pw, in, form.Get("epoch"), form.Get("chunked") == "true")
		if err != nil {
			close(abort)
			for range in { // the executor may still be sending
			}
		}
		_ = pw.CloseWithError(err)
	}()
	return respond(req, http.StatusOK, nil, pr), nil
}

// queryForm reads the parameters without changing the caller's request.
func queryForm(req *http.Request) (url.Values, error) {
	form := req.URL.Query()
	if req.Method == http.MethodPost && req.Body != nil {
		body, err := io.ReadAll(io.LimitReader(req.Body, maxQuery+1))
		if err != nil {
			return nil, fmt.Errorf("read the request: %w", err)
		}
		if len(body) > maxQuery {
			return nil, errors.New("query too long")
		}
		posted, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, fmt.Errorf("error parsing form: %w", err)
		}
		for k, v := range posted {
			form[k] = append(v, form[k]...)
		}
	}
	if strings.TrimSpace(form.Get("q")) == "" {
		return nil, errors.New(`missing required parameter "q"`)
	}
	return form, nil
}

// encode writes the results as the server does: chunked, one object per
// result; else one object with the parts of each statement joined.
func encode(w io.Writer, in <-chan *query.Result, epoch string, chunked bool) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(true)
	var whole results
	for r := range in {
		if r == nil {
			continue
		}
		convertTimes(r, epoch)
		if chunked {
			if err := enc.Encode(results{Results: []*query.Result{r}}); err != nil {
				return err
			}
			continue
		}
		whole.Results = join(whole.Results, r)
	}
	if chunked {
		return nil
	}
	return enc.Encode(whole)
}

// join adds r to the results of a whole answer, continuing the last series of
// the same statement when r carries on with it.
func join(to []*query.Result, r *query.Result) []*query.Result {
	if len(to) == 0 || to[len(to)-1].StatementID != r.StatementID {
		return append(to, r)
	}
	last := to[len(to)-1]
	if r.Err != nil {
		to[len(to)-1] = r
		return to
	}
	rows := r.Series
	if n := len(last.Series); n > 0 && len(rows) > 0 && last.Series[n-1].SameSeries(rows[0]) {
		last.Series[n-1].Values = append(last.Series[n-1].Values, rows[0].Values...)
		last.Series[n-1].Partial = rows[0].Partial
		rows = rows[1:]
	}
	last.Series = append(last.Series, rows...)
	last.Messages = append(last.Messages, r.Messages...)
	last.Partial = r.Partial
	return to
}

// convertTimes turns times into numbers when the request asks for an epoch
// unit; without one they stay RFC 3339.
func convertTimes(r *query.Result, epoch string) {
	if epoch == "" {
		return
	}
	unit := map[string]time.Duration{
		"u": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour,
	}[epoch]
	for _, s := range r.Series {
		for _, row := range s.Values {
			if t, ok := row[0].(time.Time); ok {
				row[0] = t.UnixNano() / max(int64(unit), 1)
			}
		}
	}
}
