package door

import (
	"fmt"
	"io"
	"log"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

const (
	// paramStation and paramToken are the secret in a path, paramNamed is the
	// station that a path names, paramSet is a set of SensorThings.
	paramStation = "secretStation"
	paramToken   = "secretToken"
	paramNamed   = "id"
	paramSet     = "set"
	// secretPrefix goes before every path, for firmware without headers.
	secretPrefix = "/k/:" + paramStation + "/:" + paramToken
	// headerLimit bounds the head of a request, in bytes.
	headerLimit = 8 << 10
)

// stored is the body of a good answer. It says where to look for what could not
// be used, because the door does not know.
const stored = `{"status":"stored","detail":"The message is stored. Values that could not be used are kept apart and counted by cause at /v1/quality of the site."}` + "\n"

// route is one address that kits post to.
type route struct {
	path   string
	format reading.Format
	// types are the media types that are taken; a request without one is too.
	types  []string
	status int
	// bare lets the token stand alone in Authorization.
	bare bool
}

func routes() []route {
	json := []string{"application/json"}
	// InfluxDB clients send lines under any of these names.
	lines := []string{"text/plain", "application/x-www-form-urlencoded", "application/octet-stream"}
	senml := []string{"application/senml+json", "application/json"}
	boxes := []string{"application/json", "text/csv", "application/sbx-bytes", "application/sbx-bytes-ts"}
	return []route{
		{path: "/v1/stations/:" + paramNamed + "/readings", format: reading.FormatOwn, types: json, status: fiber.StatusAccepted},
		{path: "/readings", format: reading.FormatOwn, types: json, status: fiber.StatusAccepted},
		{path: "/v1/stations/:" + paramNamed + "/senml", format: reading.FormatSenML, types: senml, status: fiber.StatusAccepted},
		{path: "/v1/push-sensor-data", format: reading.FormatSensorCommunity, types: json, status: fiber.StatusCreated},
		{path: "/v1/airrohr", format: reading.FormatAirrohr, types: json, status: fiber.StatusOK},
		{path: "/airrohr", format: reading.FormatAirrohr, types: json, status: fiber.StatusOK},
		{path: "/write", format: reading.FormatAirrohrInflux, types: lines, status: fiber.StatusNoContent},
		{path: "/boxes/:" + paramNamed + "/data", format: reading.FormatOpenSenseMap, types: boxes, status: fiber.StatusCreated, bare: true},
		{path: "/v1/ttn", format: reading.FormatTheThingsStack, types: json, status: fiber.StatusOK},
		{path: "/v1.1/Observations", format: reading.FormatSensorThings, types: json, status: fiber.StatusCreated},
		{path: "/v1.1/:" + paramSet + "/Observations", format: reading.FormatSensorThings, types: json, status: fiber.StatusCreated},
	}
}

// newApp makes the Fiber app with every setting that correctness hangs on:
//
//   - StreamRequestBody: a body is read only after the station proved itself;
//   - DisablePreParseMultipartForm: Fiber else writes forms to files unasked;
//   - Immutable: Fiber else reuses the memory of strings after the handler;
//   - UnescapePath: a parameter is the text, not its escapes;
//   - no StrictRouting: firmware disagrees on the slash at the end;
//   - a silent log: the server's own would print what it cannot parse, which may
//     be a path with a token.
func (d *Door) newApp() *fiber.App {
	app := fiber.New(fiber.Config{
		AppName:                      "buurtmeter ingest",
		Immutable:                    true,
		UnescapePath:                 true,
		CaseSensitive:                true,
		StreamRequestBody:            true,
		DisablePreParseMultipartForm: true,
		BodyLimit:                    d.o.MaxBody,
		ReadBufferSize:               headerLimit,
		ReadTimeout:                  d.o.ReadTimeout,
		WriteTimeout:                 d.o.WriteTimeout,
		IdleTimeout:                  d.o.IdleTimeout,
		Concurrency:                  d.o.MaxConnections + 1, // the gate is the bound
		ErrorHandler:                 d.answerError,
		DisableStartupMessage:        true,
	})
	server := app.Server()
	server.Logger = log.New(io.Discard, "", 0) //nolint:forbidigo // a log that writes nothing
	server.SecureErrorLogMessage = true
	server.CloseOnShutdown = true
	app.Use(d.begin)
	for _, r := range routes() {
		app.Post(r.path, d.post(r))
		app.Post(secretPrefix+r.path, d.post(r))
	}
	d.brokerRoutes(app)
	return app
}

// begin is the first handler of every request.
func (d *Door) begin(c *fiber.Ctx) (err error) {
	d.counts.requests.Add(1)
	if !d.busy.begin() {
		return d.notNow("The door is closing.", nil)
	}
	defer d.busy.end()
	defer func() {
		if p := recover(); p != nil {
			// Not what it says: that may hold a part of the request.
			d.o.Log.Error("http door: handler panicked", slog.String("route", c.Route().Path),
				slog.String("panic", fmt.Sprintf("%T", p)), slog.String("stack", string(debug.Stack())))
			err = d.notNow("Something went wrong on our side.", nil)
		}
	}()
	if c.Method() == fiber.MethodOptions {
		return &problem{
			Status: fiber.StatusForbidden, Title: "Not for web pages",
			Detail: "This address is for measuring kits. A page of another site may not send readings here.",
		}
	}
	return c.Next()
}

// post takes one message: who, how often, what, how much, and then the commit.
func (d *Door) post(r route) fiber.Handler {
	return func(c *fiber.Ctx) error {
		topic, ok := topicOf(c)
		if !ok {
			return fiber.ErrNotFound
		}
		id, err := d.admit(c, c.Params(paramNamed), r.bare)
		if err != nil {
			return err
		}
		if wait, ok := d.station.take(id); !ok {
			return d.tooMany(wait, "This station sends too often. Wait as long as Retry-After says, or send more readings in one message.")
		}
		if !d.busy.enter(id) {
			return d.tooMany(time.Second, "This station has too many requests running. Wait for the answer before sending the next.")
		}
		defer d.busy.leave(id)
		return d.take(c, r, ingest.Message{Station: id, Source: "http", Format: r.format, Topic: topic, Pin: c.Get("X-PIN")})
	}
}

// take reads the body of a station that proved itself and has it committed. The
// good answer is made after that, at the last line.
func (d *Door) take(c *fiber.Ctx, r route, m ingest.Message) error {
	contentType, err := mediaType(c, r.types)
	if err != nil {
		return err
	}
	size, err := d.bodySize(c)
	if err != nil {
		return err
	}
	room, cancel := d.within(d.o.CommitTimeout)
	defer cancel()
	if err := d.buffers.Acquire(room, size); err != nil {
		return d.notNow("Too many messages are waiting.", nil)
	}
	defer d.buffers.Release(size)
	if m.Payload, err = d.readBody(c); err != nil {
		return err
	}
	m.ContentType, m.Received = contentType, d.o.Now()
	if r.format == reading.FormatOpenSenseMap && c.Query("luftdaten") != "" {
		m.Format = reading.FormatAirrohr
	}
	ctx, stop := d.within(d.o.CommitTimeout)
	defer stop()
	if err := d.o.Ingest.Ingest(ctx, m); err != nil {
		return d.notNow("The message could not be stored in time.", fmt.Errorf("station %s: %w", m.Station, err))
	}
	d.counts.committed.Add(1)
	d.headers(c)
	if r.format == reading.FormatSensorThings {
		c.Set(fiber.HeaderLocation, "/"+m.Topic)
	}
	c.Status(r.status)
	if r.status == fiber.StatusNoContent {
		return nil
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSONCharsetUTF8)
	return c.SendString(stored)
}

// topicOf returns the path without a secret and without slashes at its ends, as
// decoders want it. ok is false for a set of SensorThings that takes no
// observations.
func topicOf(c *fiber.Ctx) (topic string, ok bool) {
	pattern := strings.Trim(strings.TrimPrefix(c.Route().Path, secretPrefix), "/")
	topic = strings.ReplaceAll(pattern, ":"+paramNamed, c.Params(paramNamed))
	set := c.Params(paramSet)
	if set == "" {
		return topic, true
	}
	n, opened := strings.CutPrefix(set, "Datastreams(")
	n, shut := strings.CutSuffix(n, ")")
	if !opened || !shut || n == "" || len(n) > 64 || strings.ContainsAny(n, "()\r\n/") {
		return "", false
	}
	return strings.ReplaceAll(topic, ":"+paramSet, set), true
}
