package web

import (
	"errors"
	"log/slog"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"buurtmeter/opendata"
)

// pageError is an error that the reader is told about in plain words: the keys
// error.<key>.title and error.<key>.text.
type pageError struct {
	status int
	key    string
}

// Error names the kind of page.
func (e *pageError) Error() string { return "error page " + e.key }

// movedError leads the reader to the address that was meant.
type movedError struct{ to string }

// Error names the address.
func (e *movedError) Error() string { return "moved to " + e.to }

func notFound(key string) error { return &pageError{fiber.StatusNotFound, key} }

// errorPage is the name of the error template.
const errorPage = "error"

// errorBody is what the error template shows.
type errorBody struct {
	Status, Title, Text string
	// Request is the id that finds the cause in the log; empty without one.
	Request string
}

// fail answers with the designed error page. The cause goes to the log, never
// to the reader.
func (s *site) fail(c *fiber.Ctx, lang string, cause error) error {
	if moved := new(movedError); errors.As(cause, &moved) {
		secure(c)
		return c.Redirect(moved.to, fiber.StatusMovedPermanently)
	}
	e := &pageError{fiber.StatusInternalServerError, "server"}
	requestID := ""
	switch {
	case errors.As(cause, &e):
	case errors.Is(cause, opendata.ErrNotReady):
		e = &pageError{fiber.StatusServiceUnavailable, "not-ready"}
		c.Set(fiber.HeaderRetryAfter, "5")
	default:
		requestID = c.GetRespHeader(fiber.HeaderXRequestID)
		s.o.Log.ErrorContext(c.UserContext(), "page failed", slog.String("path", c.Path()), slog.String("request_id", requestID), slog.Any("error", cause))
	}
	r := request{words: s.words[lang], now: s.o.Now()}
	if g, err := s.o.Source.Graph(c.UserContext()); err == nil {
		r.g = g
	}
	raw, err := s.render(r, view{
		page: errorPage, title: r.T("error." + e.key + ".title"), path: barePath(c.Path()),
		body: errorBody{r.Num(float64(e.status), 0), r.T("error." + e.key + ".title"), r.T("error." + e.key + ".text"), requestID},
	})
	if err != nil {
		return err
	}
	secure(c)
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	return c.Status(e.status).Send(raw)
}

// barePath is the path without the prefix of a language, fit for an address in
// a page. It begins with exactly one slash, because two would name a host.
func barePath(p string) string {
	if rest, ok := strings.CutPrefix(p, "/"+english+"/"); ok {
		p = rest
	}
	u := url.URL{Path: "/" + strings.TrimLeft(p, "/\\")}
	return u.EscapedPath()
}

// designedErrors gives browsers the designed page for a path that nobody
// serves. The API under /v1 and clients that do not ask for HTML keep the
// problem document of the server's error handler.
func (s *site) designedErrors(c *fiber.Ctx) error {
	err := c.Next()
	var fe *fiber.Error
	if !errors.As(err, &fe) || fe.Code != fiber.StatusNotFound {
		return err
	}
	if strings.HasPrefix(c.Path(), "/v1/") || !strings.Contains(c.Get(fiber.HeaderAccept), fiber.MIMETextHTML) {
		return err
	}
	lang := dutch
	if strings.HasPrefix(c.Path(), "/en/") {
		lang = english
	}
	return s.fail(c, lang, notFound("not-found"))
}
