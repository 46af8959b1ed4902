package door

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// bodyRead is the key under which a request remembers that its body was read
// to the end.
type bodyRead struct{}

// leaveBody gives up a connection on which an unread body may follow: its rest
// must not be taken for the next request.
func leaveBody(c *fiber.Ctx) {
	c.Context().SetConnectionClose()
	leftUnread(c.Context().Conn())
}

// mediaType checks that the body comes in a form that the route takes and
// returns its media type, in small letters and without parameters. Kits that
// name none are taken at their word.
func mediaType(c *fiber.Ctx, accepted []string) (string, error) {
	if e := strings.TrimSpace(c.Get(fiber.HeaderContentEncoding)); e != "" && !strings.EqualFold(e, "identity") {
		return "", &problem{
			Status: fiber.StatusUnsupportedMediaType, Title: "Compressed",
			Detail: "Send the body without compression: leave out Content-Encoding.",
		}
	}
	t, _, _ := strings.Cut(c.Get(fiber.HeaderContentType), ";")
	t = strings.ToLower(strings.TrimSpace(t))
	if t == "" {
		return "", nil
	}
	for _, a := range accepted {
		if t == a {
			return t, nil
		}
	}
	return "", &problem{
		Status: fiber.StatusUnsupportedMediaType, Title: "Media type not taken here",
		Detail: "Give the Content-Type of what you send; here it must be " + strings.Join(accepted, " or ") + ".",
	}
}

// bodySize returns how much memory the body may need; a body in chunks does not
// say its size.
func (d *Door) bodySize(c *fiber.Ctx) (int64, error) {
	n := c.Request().Header.ContentLength()
	if n > d.o.MaxBody {
		return 0, fiber.ErrRequestEntityTooLarge
	}
	if n < 0 {
		n = d.o.MaxBody
	}
	return max(1, int64(n)), nil
}

// readBody reads the body to its end. Memory grows with what really arrives.
// What it returns belongs to the caller.
func (d *Door) readBody(c *fiber.Ctx) ([]byte, error) {
	declared := c.Request().Header.ContentLength()
	stream := c.Context().RequestBodyStream()
	if stream == nil {
		c.Locals(bodyRead{}, true)
		return bytes.Clone(c.Request().Body()), nil
	}
	body, err := io.ReadAll(io.LimitReader(stream, int64(d.o.MaxBody)+1))
	var timeout net.Error
	switch {
	case len(body) > d.o.MaxBody:
		return nil, fiber.ErrRequestEntityTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return nil, fiber.ErrRequestTimeout
	case err != nil:
		return nil, fiber.ErrBadRequest
	case declared >= 0 && len(body) != declared: // hung up half-way
		return nil, fiber.ErrBadRequest
	}
	c.Locals(bodyRead{}, true)
	return body, nil
}
