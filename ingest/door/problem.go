package door

import (
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
)

// problem is an answer that is no success (RFC 9457). Its words never repeat
// anything of the request.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`

	wait  time.Duration
	login bool
	cause error
}

// Error gives the detail.
func (p *problem) Error() string { return p.Detail }

// Unwrap gives what went wrong inside; it is logged, never sent.
func (p *problem) Unwrap() error { return p.cause }

// again is how long a kit should wait after a fault on our side.
const again = 15 * time.Second

// retrySeconds is the wait in whole seconds, rounded up.
func retrySeconds(d time.Duration) int { return max(1, int(math.Ceil(d.Seconds()))) }

func wrongLogin() *problem {
	return &problem{
		Status: fiber.StatusUnauthorized, Title: "Login refused", login: true,
		Detail: "Station and token do not belong together, or the station is paused. Send the station as user name and its token as password (Basic), or put both in the address: /k/STATION/TOKEN/…",
	}
}

func (d *Door) tooMany(wait time.Duration, detail string) *problem {
	d.counts.limited.Add(1)
	return &problem{Status: fiber.StatusTooManyRequests, Title: "Too often", Detail: detail, wait: wait}
}

func (d *Door) notNow(what string, cause error) *problem {
	d.counts.failed.Add(1)
	return &problem{
		Status: fiber.StatusServiceUnavailable, Title: "Not stored", wait: again, cause: cause,
		Detail: what + " Nothing is acknowledged: keep the readings and send them again after the time in Retry-After.",
	}
}

// problemFor turns any error into what may be said outside.
func problemFor(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	var fe *fiber.Error
	if !errors.As(err, &fe) {
		return &problem{
			Status: fiber.StatusInternalServerError, Title: "Error on the server", wait: again, cause: err,
			Detail: "Something went wrong on our side and the message is not acknowledged. Send it again later.",
		}
	}
	p = &problem{Status: fe.Code}
	switch fe.Code {
	case fiber.StatusNotFound:
		p.Title, p.Detail = "Not found", "Readings are not sent to this address. The page about connecting a kit, on the site, lists the addresses."
	case fiber.StatusMethodNotAllowed:
		p.Title, p.Detail = "Method not allowed", "Send readings to this address with POST. To look at readings, use the site: there is nothing to read here."
	case fiber.StatusRequestEntityTooLarge:
		p.Title, p.Detail = "Too large", "The body is larger than this door takes. Send the readings in smaller parts."
	case fiber.StatusRequestHeaderFieldsTooLarge:
		p.Title, p.Detail = "Headers too large", "Leave out cookies and other headers that sending readings does not need."
	case fiber.StatusRequestTimeout:
		p.Title, p.Detail = "Too slow", "The request did not arrive in time. Send it again, in smaller parts if the connection is slow."
	default:
		p.Status = fiber.StatusBadRequest
		p.Title, p.Detail = "Not understood", "This is not a correct HTTP request: check its first line, its headers and its length."
	}
	return p
}

// answerError is the one place where an error becomes an answer.
func (d *Door) answerError(c *fiber.Ctx, err error) error {
	p := problemFor(err)
	if p.Status != fiber.StatusUnauthorized && p.Status != fiber.StatusTooManyRequests && p.Status < fiber.StatusInternalServerError {
		d.counts.refused.Add(1)
	}
	if p.cause != nil {
		// The route's pattern, not the path: that may hold a token.
		d.o.Log.Warn("http door: message not stored", slog.String("route", c.Route().Path), slog.Int("status", p.Status), slog.Any("error", p.cause))
	}
	if done, _ := c.Locals(bodyRead{}).(bool); !done {
		leaveBody(c)
	}
	d.headers(c)
	if p.wait > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(retrySeconds(p.wait)))
	}
	if p.login {
		c.Set(fiber.HeaderWWWAuthenticate, `Basic realm="buurtmeter", charset="UTF-8"`)
	}
	p.Type = "about:blank"
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "application/problem+json")
	return c.Status(p.Status).Send(b)
}

// headers are on every answer. There is none for CORS: a page of another site
// gets nothing.
func (d *Door) headers(c *fiber.Ctx) {
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	if d.o.TLS != nil {
		c.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
	}
}
