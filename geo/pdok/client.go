package pdok

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	attempts = 6
	// firstPause doubles with every attempt up to longestPause. A service that
	// asks for more than patience is taken at its word: the import ends, and goes
	// on when it is started again.
	firstPause   = time.Second
	longestPause = 30 * time.Second
	patience     = 5 * time.Minute
	// longestSilence is how long a service may be silent before and in the middle of
	// an answer.
	longestSilence = time.Minute
	// mostBytes bounds a page: 1,000 buurten with 240 figures each are about 20 MB.
	mostBytes = 512 << 20
)

// userAgent says who asks, so that a service can tell.
const userAgent = "buurtmeter (areas import)"

func newHTTP() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one, by its documentation
	t.ResponseHeaderTimeout = longestSilence
	return &http.Client{Transport: t}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// StatusError is an answer with a status other than 200.
type StatusError struct {
	Status int
	// Detail is what the service says about it, in one line; may be empty.
	Detail string

	after time.Duration // Retry-After
}

// Error tells the status and what the service says.
func (e *StatusError) Error() string {
	text := fmt.Sprintf("status %d %s", e.Status, http.StatusText(e.Status))
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// again reports whether the same request may succeed later.
func (e *StatusError) again() bool {
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	}
	return e.Status >= http.StatusInternalServerError
}

// client does requests until they succeed.
type client struct {
	http    *http.Client
	now     func() time.Time
	pause   func(context.Context, time.Duration) error
	note    func(string)
	silence time.Duration
}

// errSilent is the end of a request whose answer stood still.
var errSilent = errors.New("the service fell silent in the middle of an answer")

// errNotModified tells that a page is the one that is known.
var errNotModified = errors.New("not modified")

// same reports whether the page still has the tag. One that is refused counts as
// changed.
func (c *client) same(ctx context.Context, address, etag string) (bool, error) {
	err := c.get(ctx, address, etag, func(*http.Response, io.Reader) error { return nil })
	var refused *StatusError
	switch {
	case errors.Is(err, errNotModified):
		return true, nil
	case errors.As(err, &refused) && !refused.again():
		return false, nil
	}
	return false, err
}

// get asks for the address and gives a good answer to use, which reads it to its
// end. It tries again after what may pass: no connection, silence, an answer that
// is broken off, 429 and 5xx. use may be called several times.
func (c *client) get(ctx context.Context, address, etag string, use func(*http.Response, io.Reader) error) error {
	for n := 1; ; n++ {
		err := c.once(ctx, address, etag, use)
		var status *StatusError
		var local *fs.PathError // the disk is full, say
		wait := min(firstPause<<(n-1), longestPause)
		wait += time.Duration(rand.Int64N(int64(wait/4) + 1)) //nolint:gosec // spreads requests, no secret
		switch {
		case err == nil, errors.Is(err, errNotModified), errors.Is(err, ErrAnswer), errors.As(err, &local), ctx.Err() != nil:
			return err
		case errors.As(err, &status) && !status.again():
			return err
		case status != nil && status.after > patience:
			return fmt.Errorf("%w: %w; it asks to come back in %s", ErrService, err, status.after.Round(time.Second))
		case n == attempts:
			return fmt.Errorf("%w, %d times: %w", ErrService, attempts, err)
		case status != nil && status.after > wait:
			wait = status.after
		}
		c.note(fmt.Sprintf("%v; tried again in %s", err, wait.Round(time.Second)))
		if err := c.pause(ctx, wait); err != nil {
			return err
		}
	}
}

func (c *client) once(ctx context.Context, address, etag string, use func(*http.Response, io.Reader) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSource, err)
	}
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Accept", "application/geo+json, application/json;q=0.9")
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if inner := (*url.Error)(nil); errors.As(err, &inner) {
			err = inner.Err // without the address, which the caller names
		}
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body := &watched{r: resp.Body, silence: c.silence, watch: time.AfterFunc(c.silence, func() { cancel(errSilent) })}
	defer body.watch.Stop()
	switch {
	case resp.StatusCode == http.StatusNotModified && etag != "":
		return errNotModified
	case resp.StatusCode != http.StatusOK:
		return c.statusError(resp, body)
	}
	text, err := unzipped(body)
	if err == nil {
		err = use(resp, &bounded{text, mostBytes})
	}
	if err != nil && errors.Is(context.Cause(ctx), errSilent) {
		return errSilent
	}
	return err
}

func (c *client) statusError(resp *http.Response, body io.Reader) *StatusError {
	e := &StatusError{Status: resp.StatusCode}
	start, _ := io.ReadAll(io.LimitReader(body, 64<<10)) // what came of it
	e.Detail = detail(start)
	after := resp.Header.Get("Retry-After")
	if s, err := strconv.ParseInt(after, 10, 32); err == nil && s > 0 {
		e.after = time.Duration(s) * time.Second
	} else if at, err := http.ParseTime(after); err == nil {
		e.after = max(0, at.Sub(c.now()))
	}
	return e
}

// detail finds what an answer says about an error: a problem document, else the
// first words of its text.
func detail(body []byte) string {
	var p struct{ Title, Detail, Description string }
	if json.Unmarshal(body, &p) == nil {
		for _, s := range []string{p.Detail, p.Description, p.Title} {
			if s != "" {
				return oneLine(s)
			}
		}
		return ""
	}
	// Of HTML and XML the text between the tags is enough for people.
	var text strings.Builder
	inTag := false
	for _, r := range string(body) {
		switch {
		case r == '<':
			inTag = true
			text.WriteByte(' ')
		case r == '>':
			inTag = false
		case !inTag:
			text.WriteRune(r)
		}
	}
	return oneLine(text.String())
}

// oneLine makes foreign text fit for a terminal.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))), " ")
	if runes := []rune(s); len(runes) > 200 {
		s = string(runes[:200]) + "…"
	}
	return s
}

// watched ends a request whose answer stands still.
type watched struct {
	r       io.Reader
	silence time.Duration
	watch   *time.Timer
}

// Read reads and starts the watch anew.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	w.watch.Reset(w.silence)
	return n, err
}

// unzipped reads through gzip that the server did not announce.
func unzipped(r io.Reader) (io.Reader, error) {
	text := bufio.NewReader(r)
	mark, err := text.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if bytes.Equal(mark, []byte{0x1f, 0x8b}) {
		return gzip.NewReader(text)
	}
	return text, nil
}

// bounded is a reader that fails after so many bytes.
type bounded struct {
	r    io.Reader
	left int64
}

// Read reads on, or tells that it is too much.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("%w: a page of more than %d MB", ErrAnswer, mostBytes>>20)
	}
	return n, err
}
