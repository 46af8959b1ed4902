// Package api is the public REST API on Fiber and huma: areas, stations, hours,
// norms, verdicts, datasets and the catalogue under /v1, the names under /id
// that resolve, and the two health checks. It reads one snapshot per request
// and answers whole or with a problem document, never in part.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
)

// RawReader reads raw readings. ingest/series implements it.
type RawReader interface {
	// Readings returns the station's readings with from <= At < to in order of
	// time and revision.
	Readings(ctx context.Context, id reading.StationID, from, to time.Time) ([]reading.Reading, error)
}

// Options are what New needs. Source, Publisher, Log and Now must be set.
type Options struct {
	Source    opendata.Source
	Publisher opendata.Publisher
	// BaseURL is the public address without trailing slash. When it is set it
	// also stands in for Publisher.BaseURL, so that the two cannot differ.
	BaseURL string
	Log     *slog.Logger
	Now     func() time.Time
	// Version of the API as semver; empty means "1.0.0".
	Version string
	// Ready says whether the process can do its work; nil means that a snapshot
	// is enough. Only the outermost words of its error are shown.
	Ready func(ctx context.Context) error
	// Raw gives raw readings; nil leaves that route out.
	Raw RawReader
	// Metrics answers /metrics; nil leaves it out.
	Metrics http.Handler
	// RequestTimeout bounds a request, StreamTimeout the transfer of a file.
	// Zero means 20 seconds and 10 minutes.
	RequestTimeout, StreamTimeout time.Duration
	// Page returns the path of the page about a thing ("area" "BU04791210",
	// "station", "dataset", "norm", "catalog", "service"), or "" when it has
	// none. It decides where browsers go from /id/….
	Page func(kind, id string) string
	// HTMLError, when set, answers errors outside /v1 to clients that ask for
	// HTML.
	HTMLError func(c *fiber.Ctx, status int, title, detail string) error
}

func (o *Options) complete() {
	if o.BaseURL == "" {
		o.BaseURL = o.Publisher.BaseURL
	}
	o.Publisher.BaseURL = o.BaseURL
	if o.Version == "" {
		o.Version = "1.0.0"
	}
	if o.RequestTimeout == 0 {
		o.RequestTimeout = 20 * time.Second
	}
	if o.StreamTimeout == 0 {
		o.StreamTimeout = 10 * time.Minute
	}
	if o.Page == nil {
		o.Page = func(string, string) string { return "" }
	}
}

// service holds what the handlers share.
type service struct {
	o     Options
	print string
	// serverContext gives the context that ends when the server has stopped.
	serverContext func() context.Context
	catalogue     catalogueCache
}

// New returns the app with all routes of the API. Pages may be registered on it
// afterwards; a path that nobody serves gets a problem document.
//
// Settings that make the catalogue impossible are logged here, and the
// catalogue then answers with an error.
func New(o Options) *fiber.App {
	o.complete()
	if err := o.Publisher.Check(); err != nil {
		o.Log.Error("the catalogue cannot be made: mend the publisher settings", slog.Any("error", err))
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &service{o: o, print: fingerprint(o.Version, o.BaseURL, o.Publisher), serverContext: func() context.Context { return ctx }}
	app := s.newServer()
	app.Hooks().OnShutdown(func() error { stop(); return nil })

	app.Get("/healthz", s.healthz)
	app.Get("/readyz", s.readyz)
	if o.Metrics != nil {
		app.Get("/metrics", httpHandler(o.Metrics))
	}
	s.resolve(app)
	s.routes(app)
	return app
}
