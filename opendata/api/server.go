package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
)

// The bounds of the server.
const (
	// bodyLimit bounds a request body; the API itself reads none.
	bodyLimit   = 1 << 20
	headerLimit = 16 << 10
	readTimeout = 15 * time.Second
	// writeTimeout bounds an ordinary answer. A file in transfer moves its own
	// deadline on with every piece that the client takes.
	writeTimeout = 30 * time.Second
	idleTimeout  = 75 * time.Second
)

// newServer makes the Fiber app with every setting that correctness hangs on:
//
//   - Immutable: Fiber else reuses the memory of strings after the handler;
//   - UnescapePath: a parameter is the text, not its escapes;
//   - StrictRouting, CaseSensitive: one address per resource;
//   - ErrorHandler: problem+json instead of plain text;
//   - a deadline from the server's context, because Fiber does not notice that
//     a client has gone.
//
// HEAD is answered wherever GET is: routes are added with Get, which does both.
func (s *service) newServer() *fiber.App {
	app := fiber.New(fiber.Config{
		AppName:               "buurtmeter",
		Immutable:             true,
		UnescapePath:          true,
		StrictRouting:         true,
		CaseSensitive:         true,
		BodyLimit:             bodyLimit,
		ReadBufferSize:        headerLimit,
		ReadTimeout:           readTimeout,
		WriteTimeout:          writeTimeout,
		IdleTimeout:           idleTimeout,
		ErrorHandler:          s.handleError,
		DisableStartupMessage: true,
	})
	app.Use(s.begin)
	return app
}

type contextKey struct{}

// call is what belongs to one request.
type call struct {
	id string
	// graph is the snapshot of this request; nil outside the data routes.
	snapshot
}

func callOf(ctx context.Context) *call {
	if r, ok := ctx.Value(contextKey{}).(*call); ok {
		return r
	}
	return &call{}
}

// begin is the first handler of every request: id, deadline, headers, recovery.
func (s *service) begin(c *fiber.Ctx) (err error) {
	r := &call{id: requestID(c.Get(fiber.HeaderXRequestID))}
	ctx, cancel := context.WithTimeout(context.WithValue(s.serverContext(), contextKey{}, r), s.o.RequestTimeout)
	defer cancel()
	c.SetUserContext(ctx)
	c.Set(fiber.HeaderXRequestID, r.id)
	s.headers(c)
	defer func() {
		if p := recover(); p != nil {
			s.o.Log.ErrorContext(ctx, "handler panicked", slog.String("request_id", r.id), slog.String("path", c.Path()),
				slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			err = errPanic
		}
	}()
	if _, perr := url.ParseRequestURI(c.OriginalURL()); perr != nil {
		return fiber.NewError(fiber.StatusBadRequest, "The address holds an escape that is none: write % as %25.")
	}
	if c.Method() == fiber.MethodOptions && isAPI(c.Path()) {
		c.Set(fiber.HeaderAccessControlAllowMethods, "GET, HEAD, OPTIONS")
		c.Set(fiber.HeaderAccessControlAllowHeaders, "Accept, If-None-Match, If-Modified-Since")
		c.Set(fiber.HeaderAccessControlMaxAge, "86400")
		return c.SendStatus(fiber.StatusNoContent)
	}
	return c.Next()
}

// errPanic stands for a panic that was logged already.
var errPanic = errors.New("handler panicked")

// isAPI reports whether the path belongs to this package rather than to pages.
func isAPI(path string) bool {
	switch path {
	case "/v1", "/healthz", "/readyz", "/metrics":
		return true
	}
	return strings.HasPrefix(path, "/v1/") || strings.HasPrefix(path, "/id/")
}

// headers sets what every answer of the API carries.
func (s *service) headers(c *fiber.Ctx) {
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	if strings.HasPrefix(s.o.BaseURL, "https://") {
		c.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
	}
	if !isAPI(c.Path()) {
		return
	}
	c.Set("API-Version", s.o.Version)
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'")
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
	c.Set(fiber.HeaderAccessControlExposeHeaders, "API-Version, ETag, Last-Modified, Link, Retry-After, X-Request-Id")
	c.Set(fiber.HeaderCacheControl, "no-store")
}

// requestID takes the id that a proxy gave, when it is a harmless one, or makes
// one.
func requestID(given string) string {
	ok := len(given) >= 8 && len(given) <= 64
	for i := 0; ok && i < len(given); i++ {
		c := given[i]
		ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-'
	}
	if ok {
		return given
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func httpHandler(h http.Handler) fiber.Handler { return adaptor.HTTPHandler(h) }

func (s *service) healthz(c *fiber.Ctx) error { return c.SendString("ok\n") }

// readyz says whether the process can answer questions about the data.
func (s *service) readyz(c *fiber.Ctx) error {
	_, err := s.o.Source.Graph(c.UserContext())
	if err == nil && s.o.Ready != nil {
		err = s.o.Ready(c.UserContext())
	}
	if err == nil {
		return c.SendString("ready\n")
	}
	s.o.Log.WarnContext(c.UserContext(), "not ready", slog.String("request_id", callOf(c.UserContext()).id), slog.Any("error", err))
	c.Set(fiber.HeaderRetryAfter, retryAfter)
	// What stands behind the first colon may name machines and addresses.
	reason, _, _ := strings.Cut(err.Error(), ":")
	return Problem(c, fiber.StatusServiceUnavailable, "Not ready", fmt.Sprintf("This process cannot answer yet: %s. Try again in a moment.", reason))
}
