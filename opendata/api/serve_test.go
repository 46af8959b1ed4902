package api_test

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
	"buurtmeter/opendata/api"
	"buurtmeter/opendata/opendatatest"
)

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write the golden files anew")
	os.Exit(m.Run())
}

func publisher() opendata.Publisher {
	return opendata.Publisher{
		URI: "https://identifier.overheid.nl/tooi/id/gemeente/gm0479", Name: "Gemeente Zaanstad",
		ContactName: "Team open data", ContactEmail: "opendata@example.nl", ContactURL: "https://lucht.example.nl/contact",
		BaseURL: "https://lucht.example.nl",
	}
}

// rawReadings is a RawReader of two readings, one of them corrected.
type rawReadings struct{ err error }

func (r rawReadings) Readings(_ context.Context, id reading.StationID, from, to time.Time) ([]reading.Reading, error) {
	if r.err != nil {
		return nil, r.err
	}
	at := opendatatest.Now().Add(-time.Hour)
	var out []reading.Reading
	for rev, v := range []float64{-0.5, 1200} {
		x := reading.Reading{
			Station: id, At: at, Received: at.Add(time.Second), Interval: 150 * time.Second, Revision: uint8(rev),
			Values: []reading.Value{{Property: reading.NO2, Value: v}},
		}
		if v > 1000 {
			x.Values[0].Flags = reading.Range | reading.ServerTime
		}
		if !at.Before(from) && at.Before(to) {
			out = append(out, x)
		}
	}
	return out, nil
}

func options(src opendata.Source) api.Options {
	return api.Options{
		Source: src, Publisher: publisher(), BaseURL: publisher().BaseURL, Log: slog.New(slog.DiscardHandler),
		Now: opendatatest.Now, Version: "1.0.0", Raw: rawReadings{},
	}
}

// serve starts the app on a free port and stops it after the test.
func serve(t *testing.T, app *fiber.App) string {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- app.Listener(ln) }()
	t.Cleanup(func() {
		require.NoError(t, app.ShutdownWithTimeout(5*time.Second))
		require.NoError(t, <-done)
	})
	return "http://" + ln.Addr().String()
}

// TestServeSample serves the sample graph for the conformance scripts, and for
// looking at it:
//
//	BUURTMETER_API_SERVE=127.0.0.1:8082 go test -run TestServeSample -timeout 0 ./opendata/api
//
// It stops at an interrupt. BUURTMETER_API_BASE is the public address that the
// answers name; without it, the local one.
func TestServeSample(t *testing.T) {
	addr := os.Getenv("BUURTMETER_API_SERVE")
	if addr == "" {
		t.Skip("set BUURTMETER_API_SERVE to an address to look at the sample")
	}
	o := options(opendatatest.Source(t))
	if o.BaseURL = os.Getenv("BUURTMETER_API_BASE"); o.BaseURL == "" {
		o.BaseURL = "http://" + addr
	}
	app := api.New(o)
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt)
	defer stop()
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	require.NoError(t, err)
	go func() {
		<-ctx.Done()
		_ = app.Shutdown()
	}()
	if err := app.Listener(ln); err != nil && !errors.Is(err, net.ErrClosed) {
		require.NoError(t, err)
	}
}
