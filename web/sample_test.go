package web

import (
	"log/slog"
	"os"
	"os/signal"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"buurtmeter/opendata"
	"buurtmeter/opendata/opendatatest"
)

// newApp returns an app as the server sets it up, with the pages on source.
func newApp(t testing.TB, source opendata.Source) *fiber.App {
	t.Helper()
	app := fiber.New(fiber.Config{
		Immutable: true, StrictRouting: true, CaseSensitive: true, UnescapePath: true, DisableStartupMessage: true,
		ReadTimeout: time.Minute, WriteTimeout: time.Minute,
	})
	require.NoError(t, Register(app, Options{
		Source: source, BaseURL: "https://lucht.example.nl",
		Log: slog.New(slog.DiscardHandler), Now: opendatatest.Now, MQTT: "tcp://127.0.0.1:1883",
		Publisher: opendata.Publisher{Name: "Gemeente Zaanstad", ContactName: "Team lucht", ContactEmail: "lucht@example.nl", ContactURL: "https://example.nl/contact"},
	}))
	return app
}

// TestServeSample serves the sample graph for work on the pages:
//
//	BUURTMETER_WEB_SERVE=127.0.0.1:8081 go test -run TestServeSample -timeout 0 ./web
//
// It stops at an interrupt.
func TestServeSample(t *testing.T) {
	addr := os.Getenv("BUURTMETER_WEB_SERVE")
	if addr == "" {
		t.Skip("set BUURTMETER_WEB_SERVE to an address to look at the sample in a browser")
	}
	app := newApp(t, opendatatest.Source(t))
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	go func() {
		<-stop
		_ = app.Shutdown()
	}()
	require.NoError(t, app.Listen(addr))
}
