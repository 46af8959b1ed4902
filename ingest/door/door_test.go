package door_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/door"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// journal keeps what it was asked to commit; before, when set, may refuse or
// delay the commit.
type journal struct {
	before func(ctx context.Context, m ingest.Message) error

	mu   sync.Mutex
	kept []ingest.Message
}

func (j *journal) Ingest(ctx context.Context, m ingest.Message) error {
	if j.before != nil {
		if err := j.before(ctx, m); err != nil {
			return err
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.kept = append(j.kept, m)
	return nil
}

func (j *journal) messages() []ingest.Message {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]ingest.Message(nil), j.kept...)
}

// log is a log that several goroutines may write.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// rig is a door over a real register with two stations.
type rig struct {
	*door.Door
	reg        *register.Register
	journal    *journal
	log        *log
	one, other string // tokens
}

func start(t *testing.T, change func(*door.Options)) *rig {
	t.Helper()
	reg, err := register.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "register.db"), register.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, reg.Close()) })
	r := &rig{reg: reg, journal: &journal{}, log: &log{}}
	for id, token := range map[reading.StationID]*string{"one": &r.one, "other": &r.other} {
		*token, err = reg.AddStation(t.Context(), reading.Station{ID: id, Title: string(id), Kind: reading.KindSensor, Cadence: time.Minute}, reading.SecretPosition{}, "test")
		require.NoError(t, err)
	}
	o := door.Options{
		Listen: "127.0.0.1:0", Auth: reg, Ingest: r.journal,
		Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&o)
	}
	r.Door, err = door.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Close()) })
	return r
}

func (r *rig) url(path string) string { return "http://" + r.Addr() + path }

// post sends a body; headers are pairs of name and value.
func (r *rig) post(t *testing.T, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	return r.do(t, http.MethodPost, path, strings.NewReader(body), headers...)
}

func (r *rig) do(t *testing.T, method, path string, body io.Reader, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.url(path), body)
	require.NoError(t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(text)
}

func basic(id, token string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+token))
}

// problem checks that the answer is a problem document and returns its detail.
func problem(t *testing.T, res *http.Response, body string) string {
	t.Helper()
	require.Equal(t, "application/problem+json", res.Header.Get("Content-Type"))
	var p struct {
		Type, Title, Detail string
		Status              int
	}
	require.NoError(t, json.Unmarshal([]byte(body), &p), body)
	assert.Equal(t, res.StatusCode, p.Status)
	assert.NotEmpty(t, p.Title)
	assert.NotEmpty(t, p.Detail)
	return p.Detail
}

const own = `{"values":{"no2":21}}`

func TestEveryAddressTakesItsFormat(t *testing.T) {
	r := start(t, nil)
	login := basic("one", r.one)
	for _, c := range []struct {
		path    string
		headers []string
		status  int
		format  reading.Format
		topic   string
		content string
	}{
		{"/v1/stations/one/readings", []string{"Content-Type", "application/json"}, 202, reading.FormatOwn, "v1/stations/one/readings", "application/json"},
		{"/readings", []string{"Content-Type", "application/json; charset=utf-8"}, 202, reading.FormatOwn, "readings", "application/json"},
		{"/v1/stations/one/senml", []string{"Content-Type", "application/senml+json"}, 202, reading.FormatSenML, "v1/stations/one/senml", "application/senml+json"},
		{"/v1/push-sensor-data/", []string{"Content-Type", "application/json", "X-Sensor", "esp8266-1", "X-Pin", "1"}, 201, reading.FormatSensorCommunity, "v1/push-sensor-data", "application/json"},
		{"/v1/push-sensor-data", []string{"Content-Type", "application/json", "X-PIN", "7"}, 201, reading.FormatSensorCommunity, "v1/push-sensor-data", "application/json"},
		{"/v1/airrohr", []string{"Content-Type", "application/json"}, 200, reading.FormatAirrohr, "v1/airrohr", "application/json"},
		{"/airrohr/", nil, 200, reading.FormatAirrohr, "airrohr", ""},
		{"/write?db=x", []string{"Content-Type", "application/x-www-form-urlencoded"}, 204, reading.FormatAirrohrInflux, "write", "application/x-www-form-urlencoded"},
		{"/boxes/one/data", []string{"Content-Type", "application/sbx-bytes"}, 201, reading.FormatOpenSenseMap, "boxes/one/data", "application/sbx-bytes"},
		{"/boxes/one/data?luftdaten=1", []string{"Content-Type", "application/json"}, 201, reading.FormatAirrohr, "boxes/one/data", "application/json"},
		{"/v1/ttn", []string{"Content-Type", "application/json"}, 200, reading.FormatTheThingsStack, "v1/ttn", "application/json"},
		{"/v1.1/Observations", []string{"Content-Type", "application/json"}, 201, reading.FormatSensorThings, "v1.1/Observations", "application/json"},
		{"/v1.1/Datastreams(12)/Observations", []string{"Content-Type", "application/json"}, 201, reading.FormatSensorThings, "v1.1/Datastreams(12)/Observations", "application/json"},
	} {
		for _, way := range []string{"header", "path"} {
			t.Run(way+" "+c.path, func(t *testing.T) {
				before := len(r.journal.messages())
				path, headers := c.path, append([]string{"Authorization", login}, c.headers...)
				if way == "path" {
					path, headers = "/k/one/"+r.one+c.path, c.headers
				}
				res, body := r.post(t, path, own, headers...)
				require.Equal(t, c.status, res.StatusCode, body)
				got := r.journal.messages()
				require.Len(t, got, before+1)
				m := got[before]
				assert.Equal(t, reading.StationID("one"), m.Station)
				assert.Equal(t, c.format, m.Format)
				assert.Equal(t, c.topic, m.Topic)
				assert.Equal(t, c.content, m.ContentType)
				assert.Equal(t, own, string(m.Payload))
				assert.Equal(t, "http", m.Source)
				assert.Empty(t, res.Header.Get("Access-Control-Allow-Origin"))
				if c.status == http.StatusNoContent {
					assert.Empty(t, body)
				} else {
					assert.True(t, json.Valid([]byte(body)))
				}
				assert.NotContains(t, body, r.one)
			})
		}
	}
	pins := map[string]bool{}
	for _, m := range r.journal.messages() {
		pins[m.Pin] = true
	}
	assert.Equal(t, map[string]bool{"": true, "1": true, "7": true}, pins)
	assert.Equal(t, r.Stats().Committed, uint64(len(r.journal.messages())))
}

func TestEveryWayToLogIn(t *testing.T) {
	r := start(t, nil)
	for name, c := range map[string]struct {
		path, auth string
		status     int
	}{
		"basic":                         {"/readings", basic("one", r.one), 202},
		"basic, small letters":          {"/readings", strings.Replace(basic("one", r.one), "Basic", "basic", 1), 202},
		"bearer with station":           {"/readings", "Bearer one:" + r.one, 202},
		"bearer, station in path":       {"/v1/stations/one/readings", "Bearer " + r.one, 202},
		"bare, openSenseMap":            {"/boxes/one/data", r.one, 201},
		"path":                          {"/k/one/" + r.one + "/readings", "", 202},
		"nothing":                       {"/readings", "", 401},
		"bearer without station":        {"/readings", "Bearer " + r.one, 401},
		"bare elsewhere":                {"/v1/stations/one/readings", r.one, 401},
		"token of another":              {"/readings", basic("one", r.other), 401},
		"station that is not there":     {"/readings", basic("nobody", r.one), 401},
		"wrong in path":                 {"/k/one/wrong/readings", "", 401},
		"path wins from header":         {"/k/one/wrong/readings", basic("one", r.one), 401},
		"empty token":                   {"/readings", basic("one", ""), 401},
		"not base64":                    {"/readings", "Basic %%%", 401},
		"other scheme":                  {"/readings", "Digest username=one", 401},
		"another station in the path":   {"/v1/stations/one/readings", basic("other", r.other), 403},
		"another station's box":         {"/boxes/one/data", basic("other", r.other), 403},
		"hostile station in the path":   {"/k/..%2Fone%00/" + r.one + "/readings", "", 404},
		"claimed name is not looked at": {"/v1/push-sensor-data/", basic("other", r.other), 201},
	} {
		t.Run(name, func(t *testing.T) {
			headers := []string{"X-Sensor", "one"}
			if c.auth != "" {
				headers = append(headers, "Authorization", c.auth)
			}
			res, body := r.post(t, c.path, own, headers...)
			require.Equal(t, c.status, res.StatusCode, body)
			if c.status >= 400 {
				problem(t, res, body)
				assert.Equal(t, c.status == 401, res.Header.Get("WWW-Authenticate") != "")
			}
		})
	}
	for _, m := range r.journal.messages() {
		assert.Contains(t, []reading.StationID{"one", "other"}, m.Station)
	}
	for _, token := range []string{r.one, r.other} {
		assert.NotContains(t, r.log.String(), token)
	}
}

func TestATokenThatIsReplacedIsRefusedAtOnce(t *testing.T) {
	r := start(t, nil)
	res, _ := r.post(t, "/readings", own, "Authorization", basic("one", r.one))
	require.Equal(t, 202, res.StatusCode)
	fresh, err := r.reg.RotateToken(t.Context(), "one", "keeper")
	require.NoError(t, err)
	res, _ = r.post(t, "/readings", own, "Authorization", basic("one", r.one))
	require.Equal(t, 401, res.StatusCode)
	res, _ = r.post(t, "/readings", own, "Authorization", basic("one", fresh))
	require.Equal(t, 202, res.StatusCode)
	require.NoError(t, r.reg.SetPaused(t.Context(), "one", true, "keeper", "binnen"))
	res, _ = r.post(t, "/readings", own, "Authorization", basic("one", fresh))
	require.Equal(t, 401, res.StatusCode)
}

func TestNothingIsAcknowledgedThatIsNotCommitted(t *testing.T) {
	broken := errors.New("store is away")
	r := start(t, func(o *door.Options) { o.CommitTimeout = 2 * time.Second })
	r.journal.before = func(context.Context, ingest.Message) error { return broken }
	res, body := r.post(t, "/readings", own, "Authorization", basic("one", r.one))
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	assert.NotEmpty(t, res.Header.Get("Retry-After"))
	assert.NotContains(t, problem(t, res, body), broken.Error(), "the cause is for the log")
	assert.Contains(t, r.log.String(), broken.Error())

	r.journal.before = func(ctx context.Context, _ ingest.Message) error {
		<-ctx.Done() // a commit that takes too long
		return ctx.Err()
	}
	res, _ = r.post(t, "/readings", own, "Authorization", basic("one", r.one))
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.Empty(t, r.journal.messages())
	r.journal.before = nil
	res, _ = r.post(t, "/readings", own, "Authorization", basic("one", r.one))
	require.Equal(t, 202, res.StatusCode)
	require.Len(t, r.journal.messages(), 1)
	assert.EqualValues(t, 2, r.Stats().Failed)
}

func TestWhatIsNotTaken(t *testing.T) {
	r := start(t, func(o *door.Options) { o.MaxBody = 1000 })
	login := basic("one", r.one)
	for name, c := range map[string]struct {
		method, path string
		body         io.Reader
		headers      []string
		status       int
	}{
		"reading":             {"GET", "/readings", nil, nil, 405},
		"putting":             {"PUT", "/readings", strings.NewReader(own), nil, 405},
		"elsewhere":           {"POST", "/v1/elsewhere", strings.NewReader(own), nil, 404},
		"a set without id":    {"POST", "/v1.1/Datastreams()/Observations", strings.NewReader(own), nil, 404},
		"another set":         {"POST", "/v1.1/Things(1)/Observations", strings.NewReader(own), nil, 404},
		"another form":        {"POST", "/readings", strings.NewReader("no2=1"), []string{"Content-Type", "text/csv"}, 415},
		"compressed":          {"POST", "/readings", strings.NewReader("\x1f\x8b"), []string{"Content-Encoding", "gzip"}, 415},
		"too large":           {"POST", "/readings", strings.NewReader(strings.Repeat(" ", 1001)), nil, 413},
		"too large in chunks": {"POST", "/readings", io.MultiReader(strings.NewReader(strings.Repeat(" ", 1001))), nil, 413},
		"head too large":      {"POST", "/readings", strings.NewReader(own), []string{"X-Long", strings.Repeat("x", 20_000)}, 431},
		"a page of a browser": {"OPTIONS", "/readings", nil, []string{"Origin", "https://example.org", "Access-Control-Request-Method", "POST"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			res, body := r.do(t, c.method, c.path, c.body, append([]string{"Authorization", login}, c.headers...)...)
			require.Equal(t, c.status, res.StatusCode, body)
			problem(t, res, body)
			assert.Empty(t, res.Header.Get("Access-Control-Allow-Origin"))
		})
	}
	require.Empty(t, r.journal.messages())
	for _, in := range []io.Reader{
		strings.NewReader(strings.Repeat(" ", 1000)),
		io.MultiReader(strings.NewReader("a body in chunks, of unknown length")),
		bytes.NewReader([]byte{0xff, 0, 0xfe}),
		strings.NewReader(""),
	} {
		res, body := r.do(t, "POST", "/readings", in, "Authorization", login)
		require.Equal(t, 202, res.StatusCode, body)
	}
	require.Len(t, r.journal.messages(), 4, "what it means is for the decoder to say")
}

func TestOneStationTooOften(t *testing.T) {
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	r := start(t, func(o *door.Options) {
		o.PerStation = door.Limit{Burst: 3, Every: time.Minute}
		o.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	})
	wait := ""
	send := func(id, token string) int {
		res, _ := r.post(t, "/readings", own, "Authorization", basic(id, token))
		wait = res.Header.Get("Retry-After")
		return res.StatusCode
	}
	assert.Equal(t, []int{202, 202, 202, 429}, []int{send("one", r.one), send("one", r.one), send("one", r.one), send("one", r.one)})
	assert.Equal(t, "60", wait)
	assert.Equal(t, 202, send("other", r.other), "others are not held back")
	mu.Lock()
	now = now.Add(time.Minute)
	mu.Unlock()
	assert.Equal(t, []int{202, 429}, []int{send("one", r.one), send("one", r.one)})
	mu.Lock()
	now = now.Add(-24 * time.Hour) // a clock that was set back must not lock anyone out for a day
	mu.Unlock()
	assert.Equal(t, 429, send("one", r.one))
	assert.Equal(t, "240", wait)
	mu.Lock()
	now = now.Add(4 * time.Minute)
	mu.Unlock()
	assert.Equal(t, 202, send("one", r.one))
}

func TestWrongLoginsDoNotHoldBackRightOnes(t *testing.T) {
	r := start(t, func(o *door.Options) { o.PerAddress = door.Limit{Burst: 200, Every: time.Hour} })
	right := func() int {
		res, _ := r.post(t, "/readings", own, "Authorization", basic("one", r.one))
		return res.StatusCode
	}
	require.Equal(t, 202, right())
	got := map[int]int{}
	for range 50 {
		res, body := r.post(t, "/readings", own, "Authorization", basic("other", "wrong"))
		got[res.StatusCode]++
		problem(t, res, body)
	}
	assert.Equal(t, 4, got[401], "each costs as much as 50")
	assert.Equal(t, 46, got[429])
	require.Equal(t, 202, right(), "a login that was right before is not counted")
	res, _ := r.post(t, "/readings", own, "Authorization", basic("other", r.other))
	require.Equal(t, 429, res.StatusCode, "one that was never right cannot be told from a guess")
}

func TestBehindAProxyEachKitHasItsOwnAddress(t *testing.T) {
	r := start(t, func(o *door.Options) {
		o.PerAddress = door.Limit{Burst: 1, Every: time.Hour}
		o.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	wrong := func(from string) int {
		res, _ := r.post(t, "/readings", own, "Authorization", basic("one", "wrong"), "X-Forwarded-For", from)
		return res.StatusCode
	}
	assert.Equal(t, 401, wrong("192.0.2.1"))
	assert.Equal(t, 429, wrong("192.0.2.1"))
	assert.Equal(t, 401, wrong("192.0.2.2"))
	assert.Equal(t, 429, wrong("198.51.100.7, 192.0.2.2"), "what the kit itself claims is not believed")
	assert.Equal(t, 401, wrong("2001:db8:1:1::1"))
	assert.Equal(t, 429, wrong("2001:db8:1:1:ffff::2"), "the same network")
	assert.Equal(t, 401, wrong("2001:db8:1:2::1"))

	plain := start(t, func(o *door.Options) { o.PerAddress = door.Limit{Burst: 1, Every: time.Hour} })
	r = plain
	assert.Equal(t, 401, wrong("192.0.2.1"))
	assert.Equal(t, 429, wrong("192.0.2.2"), "without a proxy of ours the header is a claim")
}

func TestBodiesInMemoryAreBounded(t *testing.T) {
	gate, entered := make(chan struct{}), make(chan struct{}, 8)
	r := start(t, func(o *door.Options) {
		o.MaxBody, o.MaxBuffered, o.CommitTimeout, o.MaxPerStation = 1000, 2000, 2*time.Second, 3
	})
	r.journal.before = func(context.Context, ingest.Message) error {
		entered <- struct{}{}
		<-gate
		return nil
	}
	results := make(chan int, 8)
	for range 2 {
		go func() {
			res, _ := r.post(t, "/readings", strings.Repeat(" ", 1000), "Authorization", basic("one", r.one))
			results <- res.StatusCode
		}()
		<-entered
	}
	res, _ := r.post(t, "/readings", own, "Authorization", basic("other", r.other))
	assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode, "no room within the time")
	close(gate)
	assert.Equal(t, 202, <-results)
	assert.Equal(t, 202, <-results)
	res, _ = r.post(t, "/readings", own, "Authorization", basic("other", r.other))
	assert.Equal(t, 202, res.StatusCode)
}

func TestClosingWaitsForWhatIsBeingCommitted(t *testing.T) {
	entered, gate := make(chan struct{}), make(chan struct{})
	r := start(t, func(o *door.Options) { o.Drain = time.Minute })
	r.journal.before = func(context.Context, ingest.Message) error {
		close(entered)
		<-gate
		return nil
	}
	result := make(chan int, 1)
	go func() {
		res, _ := r.post(t, "/readings", own, "Authorization", basic("one", r.one))
		result <- res.StatusCode
	}()
	<-entered
	closed := make(chan struct{})
	go func() { _ = r.Close(); close(closed) }()
	require.Eventually(t, func() bool {
		c, err := net.DialTimeout("tcp", r.Addr(), time.Second)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	}, 30*time.Second, 10*time.Millisecond, "no new connections")
	close(gate)
	assert.Equal(t, 202, <-result, "it was committed, so it must be acknowledged")
	<-closed
	require.Len(t, r.journal.messages(), 1)
}

func TestOptionsAreChecked(t *testing.T) {
	_, err := door.Start(t.Context(), door.Options{Listen: "127.0.0.1:0"})
	require.ErrorContains(t, err, "set Auth and Ingest")
	r := start(t, nil)
	_, err = door.Start(t.Context(), door.Options{Listen: r.Addr(), Auth: r.reg, Ingest: r.journal})
	require.ErrorContains(t, err, "choose another address")
	_, err = door.Start(t.Context(), door.Options{Listen: "127.0.0.1:0", Auth: r.reg, Ingest: r.journal, MaxBody: -1})
	require.ErrorContains(t, err, "must not be negative")
}
