package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/opendata"
	"buurtmeter/opendata/api"
	"buurtmeter/opendata/opendatatest"
)

// ask sends one request to the app and reads the answer; headers are pairs.
func ask(t *testing.T, app *fiber.App, method, path string, headers ...string) (*http.Response, string) {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, "/", nil)
	req.RequestURI = path // as it is, also when it is no valid address
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := app.Test(req, 20_000)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(b)
}

func newApp(t testing.TB) *fiber.App {
	t.Helper()
	return api.New(options(opendatatest.Source(t)))
}

// problemOf checks the form of a problem and returns it.
func problemOf(t *testing.T, res *http.Response, body string, status int) api.ProblemDocument {
	t.Helper()
	assert.Equal(t, status, res.StatusCode, body)
	assert.Equal(t, "application/problem+json", res.Header.Get("Content-Type"))
	assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	assert.Empty(t, res.Header.Get("ETag"))
	var p api.ProblemDocument
	require.NoError(t, json.Unmarshal([]byte(body), &p), body)
	assert.Equal(t, status, p.Status)
	assert.NotEmpty(t, p.Title)
	assert.NotEmpty(t, p.Detail)
	assert.Equal(t, res.Header.Get("X-Request-Id"), p.RequestID)
	return p
}

func TestServerSettings(t *testing.T) {
	c := newApp(t).Config()
	assert.True(t, c.Immutable, "strings must outlive the handler")
	assert.True(t, c.UnescapePath)
	assert.True(t, c.StrictRouting)
	assert.True(t, c.CaseSensitive)
	assert.Positive(t, c.BodyLimit)
	assert.LessOrEqual(t, c.BodyLimit, 1<<20)
	assert.Positive(t, c.ReadTimeout)
	assert.Positive(t, c.WriteTimeout)
	assert.Positive(t, c.IdleTimeout)
	assert.NotNil(t, c.ErrorHandler)
	assert.Empty(t, c.ServerHeader, "no word about what runs here")
}

func TestOneAddressPerResource(t *testing.T) {
	app := newApp(t)
	for _, path := range []string{"/v1/areas/", "/v1/Areas", "/V1/areas", "/v1", "/v1/", "/v1/areas/BU04791210/"} {
		res, body := ask(t, app, "GET", path)
		problemOf(t, res, body, 404)
	}
	res, body := ask(t, app, "GET", "/v1/areas/BU0479%31210")
	assert.Equal(t, 200, res.StatusCode, "an escape is unescaped: %s", body)
	res, body = ask(t, app, "GET", "/v1/areas/%zz")
	problemOf(t, res, body, 400)
}

func TestEveryErrorIsAProblem(t *testing.T) {
	app := newApp(t)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/v1/nope", 404},
		{"GET", "/nope", 404},
		{"GET", "/v1/areas/BU00000000", 404},
		{"GET", "/v1/stations/nope", 404},
		{"GET", "/v1/stations/nope/events", 404},
		{"GET", "/v1/stations/nope/objections", 404},
		{"GET", "/v1/stations/ref-hemkade/events?limit=3", 400},
		{"GET", "/v1/norms/nope", 404},
		{"GET", "/v1/datasets/nope", 404},
		{"GET", "/v1/datasets/nope/data.csv", 404},
		{"GET", "/v1/datasets/hours/data.xls", 404},
		{"GET", "/id/dataset/nope", 404},
		{"POST", "/v1/areas", 405},
		{"DELETE", "/v1/openapi.json", 405},
		{"GET", "/v1/verdicts?year=two", 400},
		{"GET", "/v1/verdicts?year=1", 400},
		{"GET", "/v1/verdicts?norm=nope", 400},
		{"GET", "/v1/areas?f=xml", 400},
		{"GET", "/v1/areas?F=json", 400},
		{"GET", "/v1/stations/ref-hemkade/hours?from=yesterday", 400},
		{"GET", "/v1/stations/ref-hemkade/hours?property=o4", 400},
		{"GET", "/v1/stations/ref-hemkade/hours?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", 400},
		{"GET", "/v1/stations/ref-hemkade/hours?from=2025-01-01T00:00:00Z&to=2026-06-01T00:00:00Z", 400},
		{"GET", "/v1/stations/ref-hemkade/readings?from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z", 400},
		{"GET", "/v1/datasets/hours/data.csv?year=abc", 400},
	} {
		res, body := ask(t, app, c.method, c.path)
		p := problemOf(t, res, body, c.status)
		if c.status == 405 {
			assert.Contains(t, res.Header.Get("Allow"), "GET")
			assert.Contains(t, res.Header.Get("Allow"), "HEAD")
		}
		if c.status == 400 {
			assert.NotEmpty(t, p.Errors, c.path)
		}
		assert.Equal(t, "*", res.Header.Get("Access-Control-Allow-Origin")+map[bool]string{true: "*"}[c.path == "/nope"], c.path)
	}
}

func TestAllInputErrorsComeInOne400(t *testing.T) {
	app := newApp(t)
	res, body := ask(t, app, "GET", "/v1/stations/ref-hemkade/hours?property=o4&from=x&to=y")
	p := problemOf(t, res, body, 400)
	assert.Len(t, p.Errors, 3, body)
	res, body = ask(t, app, "GET", "/v1/datasets/hours/data.csv?year=x&station=y&property=z&area=q&norm=eu2008-no2-y&typo=1")
	p = problemOf(t, res, body, 400)
	var names []string
	for _, e := range p.Errors {
		names = append(names, e.Name)
		assert.NotEmpty(t, e.Detail)
	}
	assert.ElementsMatch(t, []string{"typo", "year", "station", "property", "area", "norm"}, names)
}

func TestHeadIsAnsweredWhereverGetIs(t *testing.T) {
	base := serve(t, newApp(t))
	for _, path := range []string{
		"/healthz", "/readyz", "/v1/areas", "/v1/areas/BU04791210", "/v1/areas/BU04791210/verdicts", "/v1/stations", "/v1/stations/ref-hemkade",
		"/v1/stations/ref-hemkade/hours", "/v1/stations/ref-hemkade/readings", "/v1/stations/ref-hemkade/events", "/v1/stations/ref-hemkade/objections", "/v1/verdicts?year=2025", "/v1/norms", "/v1/norms/eu2008-no2-y", "/v1/quality",
		"/v1/datasets", "/v1/datasets/hours", "/v1/datasets/hours/data.csv", "/v1/datasets/verdicts/data.geojson", "/v1/openapi.json",
		"/v1/dcat/catalog", "/v1/dcat/catalog.ttl", "/v1/dcat/catalog.rdf", "/v1/dcat/catalog.jsonld",
	} {
		get := fetch(t, "GET", base+path)
		head := fetch(t, "HEAD", base+path)
		assert.Equal(t, 200, head.status, path)
		assert.Empty(t, head.body, path)
		for _, h := range []string{"Content-Type", "ETag", "Last-Modified", "Cache-Control", "Vary"} {
			assert.Equal(t, get.header.Get(h), head.header.Get(h), "%s of %s", h, path)
		}
		if l := get.header.Get("Content-Length"); l != "" {
			assert.Equal(t, l, head.header.Get("Content-Length"), path)
		}
	}
	assert.Equal(t, 404, fetch(t, "HEAD", base+"/v1/nope").status)
}

type fetched struct {
	status int
	header http.Header
	body   string
	err    error
}

// fetch makes a real request; err is what reading the body gave.
func fetch(t *testing.T, method, url string, headers ...string) fetched {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	return fetched{res.StatusCode, res.Header, string(b), err}
}

func TestHeadersOfGoodAnswers(t *testing.T) {
	app := newApp(t)
	for _, path := range []string{"/v1/areas", "/v1/openapi.json", "/v1/dcat/catalog", "/v1/datasets/verdicts/data.csv", "/healthz", "/id/catalog"} {
		res, _ := ask(t, app, "GET", path)
		for k, want := range map[string]string{
			"API-Version": "1.0.0", "Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Strict-Transport-Security": "max-age=31536000",
		} {
			assert.Equal(t, want, res.Header.Get(k), "%s of %s", k, path)
		}
		assert.Empty(t, res.Header.Get("Server"))
	}
	res, _ := ask(t, app, "OPTIONS", "/v1/areas", "Origin", "https://example.org", "Access-Control-Request-Headers", "If-None-Match")
	assert.Equal(t, 204, res.StatusCode)
	assert.Contains(t, res.Header.Get("Access-Control-Allow-Headers"), "If-None-Match")

	o := options(opendatatest.Source(t))
	o.BaseURL = "http://127.0.0.1:8080"
	res, _ = ask(t, api.New(o), "GET", "/v1/areas")
	assert.Empty(t, res.Header.Get("Strict-Transport-Security"), "HSTS over http would lock people out")
}

func TestConditionalRequests(t *testing.T) {
	m := opendatatest.NewMemory()
	app := api.New(options(m))
	for _, path := range []string{"/v1/areas", "/v1/verdicts", "/v1/stations/ref-hemkade/events", "/v1/stations/ref-hemkade/objections", "/v1/datasets/hours/data.csv", "/v1/dcat/catalog", "/v1/dcat/catalog.rdf"} {
		res, _ := ask(t, app, "GET", path)
		etag, modified := res.Header.Get("ETag"), res.Header.Get("Last-Modified")
		require.NotEmpty(t, etag)
		assert.Equal(t, "Mon, 23 Nov 2026 08:01:00 GMT", modified)
		assert.Contains(t, res.Header.Get("Cache-Control"), "max-age=")

		for _, inm := range []string{etag, `"other", ` + etag, strings.TrimPrefix(etag, "W/")} {
			res, body := ask(t, app, "GET", path, "If-None-Match", inm)
			assert.Equal(t, 304, res.StatusCode, path)
			assert.Empty(t, body)
			assert.Equal(t, etag, res.Header.Get("ETag"))
			assert.Equal(t, "1.0.0", res.Header.Get("API-Version"))
		}
		res, _ = ask(t, app, "GET", path, "If-None-Match", `"other"`, "If-Modified-Since", modified)
		assert.Equal(t, 200, res.StatusCode, "the tag wins from the date")
		res, _ = ask(t, app, "GET", path, "If-Modified-Since", modified)
		assert.Equal(t, 304, res.StatusCode)
		res, _ = ask(t, app, "GET", path, "If-Modified-Since", "Mon, 23 Nov 2026 08:00:59 GMT")
		assert.Equal(t, 200, res.StatusCode)
	}
	json, _ := ask(t, app, "GET", "/v1/areas")
	geo, _ := ask(t, app, "GET", "/v1/areas", "Accept", "application/geo+json")
	assert.NotEqual(t, json.Header.Get("ETag"), geo.Header.Get("ETag"), "two forms of one address are two things")
	assert.Equal(t, "Accept", geo.Header.Get("Vary"))

	next := *m.G
	next.Version = "sample-2"
	before, _ := ask(t, app, "GET", "/v1/norms")
	m.G = &next
	after, _ := ask(t, app, "GET", "/v1/norms", "If-None-Match", before.Header.Get("ETag"))
	assert.Equal(t, 200, after.StatusCode, "new data, new tag")
}

func TestNotReadyIsA503AndNeverAPartial200(t *testing.T) {
	m := opendatatest.NewMemory()
	m.Err = opendata.ErrNotReady
	app := api.New(options(m))
	for _, path := range []string{
		"/v1/areas", "/v1/stations", "/v1/norms", "/v1/datasets", "/v1/dcat/catalog", "/v1/dcat/catalog.rdf", "/v1/datasets/hours/data.csv",
		"/v1/stations/ref-hemkade/readings", "/id/catalog", "/readyz",
	} {
		res, body := ask(t, app, "GET", path)
		problemOf(t, res, body, 503)
		assert.Equal(t, "5", res.Header.Get("Retry-After"), path)
	}
	for _, path := range []string{"/healthz", "/v1/openapi.json"} {
		res, _ := ask(t, app, "GET", path)
		assert.Equal(t, 200, res.StatusCode, path)
	}
}

func TestReadyzSaysTheReasonButNoAddresses(t *testing.T) {
	o := options(opendatatest.Source(t))
	o.Ready = func(context.Context) error {
		return errors.New("register does not answer: dial tcp 10.0.0.5:5432: refused")
	}
	res, body := ask(t, api.New(o), "GET", "/readyz")
	p := problemOf(t, res, body, 503)
	assert.Contains(t, p.Detail, "register does not answer")
	assert.NotContains(t, body, "10.0.0.5")
}

func TestInternalsStayInsideAndAreLoggedWithTheRequestID(t *testing.T) {
	const secret = "postgres://user:pw@10.0.0.5/db"
	var log bytes.Buffer
	m := opendatatest.NewMemory()
	m.BlockErr = errors.New(secret)
	o := options(m)
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	o.Raw = rawReadings{err: errors.New(secret)}
	app := api.New(o)
	for _, path := range []string{"/v1/stations/ref-hemkade/hours", "/v1/stations/ref-hemkade/readings", "/v1/datasets/hours/data.csv"} {
		log.Reset()
		res, body := ask(t, app, "GET", path, "X-Request-Id", "from-the-proxy-1")
		problemOf(t, res, body, 500)
		assert.NotContains(t, body, "postgres")
		assert.Contains(t, log.String(), secret)
		assert.Contains(t, log.String(), "request_id=from-the-proxy-1")
	}
	res, _ := ask(t, app, "GET", "/healthz", "X-Request-Id", "a b\"<script>")
	assert.Regexp(t, "^[0-9a-f]{16}$", res.Header.Get("X-Request-Id"), "what is no id is not taken over")
}

func TestPanicsAreProblemsAndTheServerLivesOn(t *testing.T) {
	var log bytes.Buffer
	o := options(opendatatest.Source(t))
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	app := api.New(o)
	app.Get("/v1/boom", func(*fiber.Ctx) error { panic("the secret") })
	res, body := ask(t, app, "GET", "/v1/boom")
	problemOf(t, res, body, 500)
	assert.NotContains(t, body, "secret")
	assert.Contains(t, log.String(), "the secret")
	res, _ = ask(t, app, "GET", "/healthz")
	assert.Equal(t, 200, res.StatusCode)
}

func TestEveryRequestHasADeadlineFromTheServer(t *testing.T) {
	o := options(opendatatest.Source(t))
	o.RequestTimeout = 50 * time.Millisecond
	app := api.New(o)
	app.Get("/v1/slow", func(c *fiber.Ctx) error {
		_, ok := c.UserContext().Deadline()
		assert.True(t, ok)
		<-c.UserContext().Done()
		return c.UserContext().Err()
	})
	res, body := ask(t, app, "GET", "/v1/slow")
	problemOf(t, res, body, 503)
}

func TestStringsOutliveTheHandler(t *testing.T) {
	app := newApp(t)
	var kept []string
	app.Get("/keep/:word", func(c *fiber.Ctx) error {
		kept = append(kept, c.Params("word"), c.Query("q"))
		return c.SendStatus(204)
	})
	for _, w := range []string{"aaaa", "bbbb", "cccc"} {
		_, _ = ask(t, app, "GET", "/keep/"+w+"?q="+w)
	}
	assert.Equal(t, []string{"aaaa", "aaaa", "bbbb", "bbbb", "cccc", "cccc"}, kept)
}

func TestPagesMayAnswerTheirOwnErrors(t *testing.T) {
	o := options(opendatatest.Source(t))
	o.HTMLError = func(c *fiber.Ctx, status int, title, detail string) error {
		return c.Status(status).Type("html").SendString("<h1>" + title + "</h1>" + detail)
	}
	app := api.New(o)
	res, body := ask(t, app, "GET", "/nope", "Accept", "text/html,*/*;q=0.8")
	assert.Equal(t, 404, res.StatusCode)
	assert.Contains(t, body, "<h1>Not found</h1>")
	res, body = ask(t, app, "GET", "/v1/nope", "Accept", "text/html")
	problemOf(t, res, body, 404)
	res, body = ask(t, app, "GET", "/nope", "Accept", "application/json")
	problemOf(t, res, body, 404)
}

func TestMetricsAreOptional(t *testing.T) {
	res, _ := ask(t, newApp(t), "GET", "/metrics")
	assert.Equal(t, 404, res.StatusCode)
	o := options(opendatatest.Source(t))
	o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("up 1\n")) })
	res, body := ask(t, api.New(o), "GET", "/metrics")
	assert.Equal(t, 200, res.StatusCode)
	assert.Equal(t, "up 1\n", body)
}
