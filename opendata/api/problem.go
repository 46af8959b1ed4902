package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"buurtmeter/opendata"
)

// retryAfter is how many seconds a client should wait when the data is not
// ready yet.
const retryAfter = "5"

const problemType = "application/problem+json"

// ProblemDocument is the one form of every error (RFC 9457).
type ProblemDocument struct { //nolint:errname // the name stands in the OpenAPI document
	Type      string       `json:"type" format:"uri-reference" example:"about:blank"`
	Title     string       `json:"title" doc:"What kind of problem it is" example:"Not found"`
	Status    int          `json:"status" example:"404" doc:"The HTTP status"`
	Detail    string       `json:"detail" doc:"What happened and what to do, in plain words" example:"There is no station with this id. Look in /v1/stations."`
	RequestID string       `json:"requestId,omitempty" doc:"Name this when you report the problem" example:"5f0c9be2a1d34e67"`
	Errors    []InputError `json:"errors,omitempty" doc:"Every fault of the question, when it could not be understood"`

	cause   error
	headers http.Header
}

// InputError is one fault in a question.
type InputError struct {
	In     string `json:"in" doc:"Where the value stands" enum:"query,path,header,body" example:"query"`
	Name   string `json:"name" example:"year"`
	Detail string `json:"detail" doc:"What is wrong and what is accepted" example:"expected integer"`
}

// Error gives the detail.
func (p *ProblemDocument) Error() string { return p.Detail }

// Unwrap gives what went wrong inside; it is never sent.
func (p *ProblemDocument) Unwrap() error { return p.cause }

// GetStatus gives the HTTP status.
func (p *ProblemDocument) GetStatus() int { return p.Status }

// GetHeaders gives headers that belong to the problem.
func (p *ProblemDocument) GetHeaders() http.Header { return p.headers }

// ContentType says what it is sent as.
func (*ProblemDocument) ContentType(string) string { return problemType }

func problem(status int, title, detail string) *ProblemDocument {
	return &ProblemDocument{Type: "about:blank", Title: title, Status: status, Detail: detail}
}

func notFound(detail string) *ProblemDocument {
	return problem(http.StatusNotFound, "Not found", detail)
}

// badInput returns a 400 with all the faults, or nil when there are none.
func badInput(errs []InputError) error {
	if len(errs) == 0 {
		return nil
	}
	p := problem(http.StatusBadRequest, "Question not understood", "Something in the question is not accepted: see errors for what to change.")
	p.Errors = errs
	return p
}

// problemFor turns any error into what may be said outside. The cause stays
// inside.
func problemFor(err error) *ProblemDocument {
	var p *ProblemDocument
	var fe *fiber.Error
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, opendata.ErrNotReady):
		p = problem(http.StatusServiceUnavailable, "Not ready", "The data is being prepared. Try again in a few seconds.")
		p.headers = http.Header{"Retry-After": {retryAfter}}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		p = problem(http.StatusServiceUnavailable, "Took too long", "The answer could not be given in time. Ask for less at once, or try again later.")
		p.headers = http.Header{"Retry-After": {retryAfter}}
	case errors.As(err, &fe):
		p = fromFiber(fe)
	default:
		p = problem(http.StatusInternalServerError, "Error on the server", "Something went wrong on our side. Try again later; if it stays, report it with the request id.")
	}
	p.cause = err
	return p
}

func fromFiber(fe *fiber.Error) *ProblemDocument {
	switch fe.Code {
	case http.StatusNotFound:
		return notFound("There is nothing at this address. The description of the API is at /v1/openapi.json.")
	case http.StatusMethodNotAllowed:
		return problem(fe.Code, "Method not allowed", "This address can be read only: use GET or HEAD.")
	case http.StatusRequestEntityTooLarge:
		return problem(fe.Code, "Too large", "The body of the request is too large. Reading data needs no body.")
	case http.StatusRequestHeaderFieldsTooLarge:
		return problem(fe.Code, "Headers too large", "The headers of the request are too large: leave out cookies and other headers that reading does not need.")
	case http.StatusBadRequest:
		detail := "The request could not be understood."
		if strings.HasPrefix(fe.Message, "The ") { // one of ours
			detail = fe.Message
		}
		return problem(fe.Code, "Question not understood", detail)
	}
	if fe.Code >= 400 && fe.Code < 500 {
		return problem(fe.Code, http.StatusText(fe.Code), "The request could not be answered. The description of the API is at /v1/openapi.json.")
	}
	return problem(http.StatusInternalServerError, "Error on the server", "Something went wrong on our side. Try again later; if it stays, report it with the request id.")
}

// Problem answers with a problem document. Title says what kind of problem it
// is, detail in plain words what to do; both are for everybody to read.
func Problem(c *fiber.Ctx, status int, title, detail string) error {
	return send(c, problem(status, title, detail))
}

func send(c *fiber.Ctx, p *ProblemDocument) error {
	p.RequestID = callOf(c.UserContext()).id
	for k, vs := range p.headers {
		for _, v := range vs {
			c.Set(k, v)
		}
	}
	clearValidators(c)
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, problemType)
	return c.Status(p.Status).Send(b)
}

// clearValidators takes off what belongs to a good answer only.
func clearValidators(c *fiber.Ctx) {
	for _, h := range []string{fiber.HeaderETag, fiber.HeaderLastModified, fiber.HeaderContentDisposition} {
		c.Response().Header.Del(h)
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
}

// handleError is the one place where an error of any route, also of a page,
// becomes an answer.
func (s *service) handleError(c *fiber.Ctx, err error) error {
	p := problemFor(err)
	s.logFailure(c.UserContext(), p, c.Path())
	if s.o.HTMLError != nil && !isAPI(c.Path()) && c.Accepts(problemType, fiber.MIMEApplicationJSON, fiber.MIMETextHTML) == fiber.MIMETextHTML {
		clearValidators(c)
		if herr := s.o.HTMLError(c, p.Status, p.Title, p.Detail); herr == nil {
			return nil
		}
	}
	return send(c, p)
}

// logFailure logs what went wrong on our side, with the cause that the client
// does not get.
func (s *service) logFailure(ctx context.Context, p *ProblemDocument, path string) {
	if p.Status < http.StatusInternalServerError || p.cause == nil || errors.Is(p.cause, errPanic) {
		return
	}
	level := slog.LevelError
	if errors.Is(p.cause, opendata.ErrNotReady) {
		level = slog.LevelInfo
	}
	s.o.Log.Log(ctx, level, "request failed", slog.String("request_id", callOf(ctx).id), slog.String("path", path),
		slog.Int("status", p.Status), slog.Any("error", p.cause))
}

// plain turns huma's own errors (of input checks) into our form: one 400 with
// everything that was wrong.
func plain(ctx huma.Context, _ string, v any) (any, error) {
	switch e := v.(type) {
	case *huma.ErrorModel:
		var errs []InputError
		for _, d := range e.Errors {
			if d == nil {
				continue
			}
			in, name, _ := strings.Cut(d.Location, ".")
			errs = append(errs, InputError{In: in, Name: name, Detail: say(d.Message)})
		}
		p := problem(inputStatus(e.Status), "Question not understood", "Something in the question is not accepted: see errors for what to change.")
		if p.Status >= http.StatusInternalServerError || len(errs) == 0 {
			p = problemFor(fiber.NewError(p.Status))
		} else {
			p.Errors = errs
		}
		p.RequestID = callOf(ctx.Context()).id
		return p, nil
	case *ProblemDocument:
		e.RequestID = callOf(ctx.Context()).id
	}
	return v, nil
}

// say adds what to do where huma's words do not.
func say(message string) string {
	switch {
	case strings.HasPrefix(message, "invalid date/time"):
		return "give a moment with its time zone, such as 2026-01-01T00:00:00Z"
	case strings.HasPrefix(message, "invalid integer"):
		return "give a whole number"
	case strings.HasPrefix(message, "unknown query parameter"):
		return "unknown query parameter: leave it out; the description of the API is at /v1/openapi.json"
	}
	return message
}

// inputStatus is 400 for every fault of the question: the design rules know no
// 422.
func inputStatus(status int) int {
	if status == http.StatusUnprocessableEntity {
		return http.StatusBadRequest
	}
	return status
}

// adapted is huma's context under a name that does not hide its method Context.
type adapted huma.Context

// oneStatus makes huma answer with inputStatus.
type oneStatus struct{ adapted }

// SetStatus sets the status of the answer.
func (c oneStatus) SetStatus(code int) { c.adapted.SetStatus(inputStatus(code)) }

// Unwrap gives the context of the adapter.
func (c oneStatus) Unwrap() huma.Context { return c.adapted }
