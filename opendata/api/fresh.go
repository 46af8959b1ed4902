package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"buurtmeter/opendata"
)

// snapshot is the graph that one request reads, and the form it is asked in.
type snapshot struct {
	graph *opendata.Graph
	// form names the media type of the answer where there is a choice.
	form string
}

// cacheFor is how long a shared cache may answer without asking: shorter than
// anybody looks at hour values, long enough to carry a busy day.
const cacheFor = "public, max-age=60"

// fingerprint is the part of every ETag that changes with the program.
func fingerprint(version, baseURL string, p opendata.Publisher) string {
	b, _ := json.Marshal([]any{version, baseURL, p}) // plain strings always marshal
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:4])
}

// fresh reads the snapshot of a request and answers 304 when the client has it
// already. Everything it guards is a function of the snapshot, the address and
// the form.
func (s *service) fresh(forms ...string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		g, err := s.o.Source.Graph(c.UserContext())
		if err != nil {
			return err
		}
		r := callOf(c.UserContext())
		r.graph = g
		if len(forms) > 0 {
			c.Vary(fiber.HeaderAccept)
			if r.form = c.Accepts(forms...); r.form == "" {
				r.form = forms[0]
			}
			if c.Query("f") == "geojson" {
				r.form = geoJSON
			} else if c.Query("f") == "json" {
				r.form = fiber.MIMEApplicationJSON
			}
		}
		if s.validate(c, g, r.form) {
			return nil
		}
		if err := c.Next(); err != nil {
			return err
		}
		if c.Response().StatusCode() >= http.StatusBadRequest {
			clearValidators(c)
		}
		return nil
	}
}

// validate sets the validators of the answer and reports whether the client's
// own copy is still good, in which case the answer is complete.
func (s *service) validate(c *fiber.Ctx, g *opendata.Graph, form string) bool {
	tag := g.Version + "-" + s.print
	if form != "" {
		tag += "-" + strings.NewReplacer("/", ".", "+", ".").Replace(form)
	}
	// Weak, so that a proxy may compress the answer.
	etag := `W/"` + tag + `"`
	modified := g.Modified.UTC().Truncate(time.Second)
	c.Set(fiber.HeaderETag, etag)
	c.Set(fiber.HeaderLastModified, modified.Format(http.TimeFormat))
	c.Set(fiber.HeaderCacheControl, cacheFor)
	if !s.unchanged(c, etag, modified) {
		return false
	}
	c.Status(fiber.StatusNotModified)
	return true
}

func (s *service) unchanged(c *fiber.Ctx, etag string, modified time.Time) bool {
	if tags := c.Get(fiber.HeaderIfNoneMatch); tags != "" {
		for t := range strings.SplitSeq(tags, ",") {
			if t = strings.TrimSpace(t); t == "*" || strings.TrimPrefix(t, "W/") == strings.TrimPrefix(etag, "W/") {
				return true
			}
		}
		return false // the date is not looked at then
	}
	since, err := http.ParseTime(c.Get(fiber.HeaderIfModifiedSince))
	return err == nil && !modified.After(since)
}

// live reads the snapshot for a route whose answer is not a function of it.
func (s *service) live(c *fiber.Ctx) error {
	g, err := s.o.Source.Graph(c.UserContext())
	if err != nil {
		return err
	}
	callOf(c.UserContext()).graph = g
	c.Set(fiber.HeaderCacheControl, "no-cache")
	if err := c.Next(); err != nil {
		return err
	}
	if c.Response().StatusCode() >= http.StatusBadRequest {
		clearValidators(c)
	}
	return nil
}
