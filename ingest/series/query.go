package series

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// chunkRows is how many rows the server sends in one part of an answer.
const chunkRows = 10000

// errCut means that an answer stopped before its end. Half an answer is never
// passed on as a whole one.
var errCut = errors.New("the answer ended before it was complete")

// answer is one part of one series of an answer. Rows stay raw: their layout
// is known to who asked.
type answer struct {
	Name    string            `json:"name"`
	Tags    map[string]string `json:"tags"`
	Columns []string          `json:"columns"`
	Values  []json.RawMessage `json:"values"`
}

// response is one object of a /query answer.
type response struct {
	Results []struct {
		Series  []answer `json:"series"`
		Partial bool     `json:"partial"`
		Error   string   `json:"error"`
	} `json:"results"`
	Error   string `json:"error"`
	Message string `json:"message"`
}

// exec runs a statement that returns no rows.
func (s *Store) exec(ctx context.Context, q string) error {
	return s.query(ctx, q, func(answer) error { return nil })
}

// query runs one InfluxQL statement and passes each part of the answer to
// each, in order. Times come as milliseconds. An error means that the answer is
// not complete, whatever was passed on before.
func (s *Store) query(ctx context.Context, q string, each func(answer) error) error {
	form := url.Values{
		"db": {s.database}, "q": {q}, "epoch": {"ms"},
		"chunked": {"true"}, "chunk_size": {strconv.Itoa(chunkRows)},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base.JoinPath("query").String(), strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	s.authorize(req)
	resp, err := s.http.Do(req) //nolint:bodyclose // drain closes it
	if err != nil {
		return err
	}
	defer drain(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return statusError(resp)
	}
	return readAnswers(resp.Body, each)
}

// readAnswers decodes the objects of a chunked answer one by one.
func readAnswers(body io.Reader, each func(answer) error) error {
	dec := json.NewDecoder(body)
	// Until a part says that none follows, the answer is not whole.
	whole := false
	for {
		var r response
		err := dec.Decode(&r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		if r.Error != "" {
			return errors.New(r.Error)
		}
		for _, res := range r.Results {
			if res.Error != "" {
				return errors.New(res.Error)
			}
			for _, a := range res.Series {
				if err := each(a); err != nil {
					return err
				}
			}
			whole = !res.Partial
		}
	}
	if !whole {
		return errCut
	}
	return nil
}

// statusError turns a refused query into an error with the server's words.
func statusError(resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return fmt.Errorf("InfluxDB answers with status %d: %w", resp.StatusCode, err)
	}
	text := strings.TrimSpace(string(body))
	var r response
	if json.Unmarshal(body, &r) == nil && r.Error+r.Message != "" {
		text = strings.TrimSpace(r.Error + " " + r.Message)
	}
	if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden {
		text += " (check the token)"
	}
	return fmt.Errorf("InfluxDB answers with status %d: %s", resp.StatusCode, text)
}

// quoteString writes s as an InfluxQL string, quoteIdent as an identifier.
func quoteString(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`).Replace(s) + "'"
}

func quoteIdent(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// stringCell and intCell read one cell of a small answer; ok is false for null.
func stringCell(row json.RawMessage, i int) (string, error) {
	var cells []json.RawMessage
	if err := json.Unmarshal(row, &cells); err != nil || i >= len(cells) {
		return "", fmt.Errorf("unexpected row %.80q in the answer", string(row))
	}
	var v string
	if err := json.Unmarshal(cells[i], &v); err != nil {
		return "", fmt.Errorf("unexpected cell in the answer: %w", err)
	}
	return v, nil
}

func intCell(row json.RawMessage, i int) (v int64, ok bool, err error) {
	var cells []json.RawMessage
	if err := json.Unmarshal(row, &cells); err != nil || i >= len(cells) {
		return 0, false, fmt.Errorf("unexpected row %.80q in the answer", string(row))
	}
	var p *int64
	if err := json.Unmarshal(cells[i], &p); err != nil {
		return 0, false, fmt.Errorf("unexpected cell in the answer: %w", err)
	}
	if p == nil {
		return 0, false, nil
	}
	return *p, true, nil
}
