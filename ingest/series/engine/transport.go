package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/influxdata/influxdb"
	"github.com/influxdata/influxdb/models"
	"github.com/influxdata/influxdb/tsdb"
)

// transport answers HTTP requests from the engine.
type transport struct{ e *Engine }

// RoundTrip is part of http.RoundTripper.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close() //nolint:errcheck // read whole or not needed
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if req.URL.Path == "/api/v2/write" {
		if err := t.e.mend(); err != nil {
			return nil, err
		}
	}
	if err := t.e.enter(); err != nil {
		return nil, err
	}
	switch req.URL.Path {
	case "/api/v2/write":
		if req.Method == http.MethodPost {
			return t.write(req)
		}
	case "/query":
		if req.Method == http.MethodPost || req.Method == http.MethodGet {
			return t.query(req)
		}
	case "/ping", "/health":
		if req.Method == http.MethodGet || req.Method == http.MethodHead {
			defer t.e.leave()
			return alive(req), nil
		}
	default:
		defer t.e.leave()
		return failure(req, http.StatusNotFound, "not found: "+req.URL.Path), nil
	}
	defer t.e.leave()
	return failure(req, http.StatusMethodNotAllowed, "method not allowed: "+req.Method), nil
}

// write carries the request out in a goroutine of its own, because the engine
// cannot be interrupted and the caller's deadline must hold.
func (t transport) write(req *http.Request) (*http.Response, error) {
	size := max(req.ContentLength, 0)
	buf := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	if _, err := buf.ReadFrom(req.Body); err != nil {
		t.e.leave()
		return nil, fmt.Errorf("read the request: %w", err)
	}
	params := req.URL.Query()
	done := make(chan *http.Response, 1)
	go func() {
		defer t.e.leave()
		status, message := t.e.writeLines(buf.Bytes(), params.Get("bucket"), params.Get("precision"))
		if message == "" {
			done <- respond(req, status, nil, http.NoBody) //nolint:bodyclose // the caller of the client closes it
			return
		}
		done <- failure(req, status, message) //nolint:bodyclose // the caller of the client closes it
	}()
	select {
	case resp := <-done:
		return resp, nil
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
}

// writeLines stores line protocol and answers as an InfluxDB 1.8 server does:
// an empty message with 204 when all is stored and synced.
func (e *Engine) writeLines(lines []byte, bucket, precision string) (status int, message string) {
	switch precision {
	case "ns":
		precision = "n"
	case "us":
		precision = "u"
	case "ms", "s", "":
	default:
		return http.StatusBadRequest, fmt.Sprintf("invalid precision %q (use ns, us, ms or s)", precision)
	}
	database, policy, _ := strings.Cut(bucket, "/")
	if e.meta.Database(database) == nil {
		return http.StatusNotFound, fmt.Sprintf("database not found: %q", database)
	}
	points, parseErr := models.ParsePointsWithPrecision(lines, time.Now().UTC(), precision)
	if parseErr != nil && len(points) == 0 {
		return http.StatusBadRequest, parseErr.Error()
	}
	err := e.points.WritePointsPrivileged(database, policy, models.ConsistencyLevelOne, points)
	if err != nil {
		// The engine returns this value bare; it does not wrap.
		_, partial := err.(tsdb.PartialWriteError) //nolint:errorlint // see above
		if partial || influxdb.IsClientError(err) {
			return http.StatusBadRequest, err.Error()
		}
		e.noteFault(err)
		return http.StatusInternalServerError, err.Error()
	}
	if parseErr != nil {
		return http.StatusBadRequest, tsdb.PartialWriteError{Reason: parseErr.Error()}.Error()
	}
	return http.StatusNoContent, ""
}

func alive(req *http.Request) *http.Response {
	if req.URL.Path == "/ping" {
		return respond(req, http.StatusNoContent, nil, http.NoBody)
	}
	const body = `{"name":"influxdb","message":"ready for queries and writes","status":"pass","checks":[],"version":"` + Version + `"}`
	return respond(req, http.StatusOK, nil, io.NopCloser(strings.NewReader(body)))
}

// failure answers with the server's form of an error: the words in a header
// (cut, without line ends, which a header cannot hold) and in a JSON body.
func failure(req *http.Request, status int, message string) *http.Response {
	short := strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, message)
	if len(short) > 1024 {
		short = short[:1024]
	}
	body, err := json.Marshal(map[string]string{"error": message})
	if err != nil { // a map of strings always marshals
		body = []byte(`{"error":"unreadable error"}`)
	}
	return respond(req, status, http.Header{"X-Influxdb-Error": {short}}, io.NopCloser(bytes.NewReader(append(body, '\n'))))
}

func respond(req *http.Request, status int, header http.Header, body io.ReadCloser) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	header.Set("X-Influxdb-Version", Version)
	header.Set("X-Influxdb-Build", "OSS")
	if body != http.NoBody {
		header.Set("Content-Type", "application/json")
	}
	return &http.Response{
		Status: strconv.Itoa(status) + " " + http.StatusText(status), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: body, ContentLength: -1, Request: req,
	}
}
