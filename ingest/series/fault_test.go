package series_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/series"
	"buurtmeter/ingest/series/engine"
	"buurtmeter/ingest/series/seriestest"
)

func sample(minute int, p reading.Property) reading.Reading {
	at := time.Date(2026, 3, 1, 0, minute, 0, 0, time.UTC)
	return reading.Reading{Station: "x", At: at, Received: at, Values: []reading.Value{{Property: p, Value: float64(minute)}}}
}

// A field that somebody wrote with another type is the one fault that makes a
// server reject our lines one by one.
func TestRejectedByServerStandsAlone(t *testing.T) {
	e, err := engine.Open(t.TempDir(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	for name, o := range map[string]series.Options{
		"engine":  {URL: engine.URL, HTTPClient: e.HTTPClient()},
		"influxd": {URL: seriestest.Influxd(t), HTTPClient: http.DefaultClient},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := series.Open(t.Context(), o)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, s.Close()) })
			foreign := `reading,station=other pm25="text" ` + "1772323200000"
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
				o.URL+"/api/v2/write?bucket=buurtmeter&precision=ms", strings.NewReader(foreign))
			require.NoError(t, err)
			resp, err := o.HTTPClient.Do(req)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, http.StatusNoContent, resp.StatusCode)

			var rs, good []reading.Reading
			for i := range 300 {
				p := reading.NO2
				if i%100 == 7 {
					p = reading.PM25
				} else {
					good = append(good, sample(i, p))
				}
				rs = append(rs, sample(i, p))
			}
			var refused *ingest.RefusedError
			err = s.Append(t.Context(), rs)
			require.ErrorAs(t, err, &refused)
			assert.ErrorContains(t, err, "field type conflict")
			require.Len(t, refused.Readings, 3)
			for i, r := range refused.Readings {
				assert.Equal(t, rs[i*100+7].At, r.At)
			}
			got, err := s.Readings(t.Context(), "x", rs[0].At, rs[299].At.Add(1))
			require.NoError(t, err)
			assert.Equal(t, good, got)
		})
	}
}

func TestStoreGoneAndBack(t *testing.T) {
	server := seriestest.StartServer(t)
	s := openServer(t, server.URL, "air")
	rs := []reading.Reading{sample(0, reading.NO2), sample(1, reading.NO2)}
	require.NoError(t, s.Append(t.Context(), rs[:1]))

	server.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	err := s.Append(ctx, rs)
	require.Error(t, err)
	var refused *ingest.RefusedError
	assert.NotErrorAs(t, err, &refused, "a store that is gone must not look like a refusal")
	_, err = s.Readings(ctx, "x", rs[0].At, rs[1].At)
	require.Error(t, err)
	require.Error(t, s.Ping(ctx))

	server.Start(t)
	require.NoError(t, s.Append(t.Context(), rs))
	n, err := s.Count(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 2, n)
}

// A deletion that was answered holds when the server is killed at once; one that
// was not is done again.
func TestDeletionSurvivesAKilledServer(t *testing.T) {
	server := seriestest.StartServer(t)
	s := openServer(t, server.URL, "air")
	var rs []reading.Reading
	for i := range 2000 {
		rs = append(rs, sample(i*300, reading.NO2))
	}
	kept := rs[0]
	kept.Station = "y"
	require.NoError(t, s.Append(t.Context(), append(rs, kept)))
	server.Pause(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.Error(t, s.DeleteStation(ctx, "x"), "nobody knows whether it is done")
	server.Kill()
	require.Error(t, s.DeleteStation(t.Context(), "x"))
	server.Start(t)
	require.NoError(t, s.DeleteStation(t.Context(), "x"))
	server.Kill()
	server.Start(t)
	n, err := s.Count(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 1, n)
	got, err := s.Readings(t.Context(), "y", kept.At, kept.At.Add(1))
	require.NoError(t, err)
	assert.Equal(t, []reading.Reading{kept}, got)
}

// A server that takes the connection and then says nothing must not hold the
// caller beyond its deadline.
func TestSilentServerEndsAtDeadline(t *testing.T) {
	server := seriestest.StartServer(t)
	s := openServer(t, server.URL, "air")
	server.Pause(t)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := s.Append(ctx, []reading.Reading{sample(0, reading.NO2)})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = s.Readings(ctx, "x", time.Unix(0, 0), time.Unix(1, 0))
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestOpenSaysWhatToDo(t *testing.T) {
	for url, want := range map[string]string{
		"127.0.0.1:8086":          "use a form such as",
		"":                        "use a form such as",
		"ftp://127.0.0.1":         "use a form such as",
		"http://127.0.0.1:1":      "check that it runs",
		"http://u:pw@127.0.0.1:1": "check that it runs",
	} {
		_, err := series.Open(t.Context(), series.Options{URL: url})
		require.ErrorContains(t, err, want, url)
		assert.NotContains(t, err.Error(), ":pw@")
	}
	_, err := series.Open(t.Context(), series.Options{URL: "http://127.0.0.1:1", Database: `a"b`})
	require.ErrorContains(t, err, "leave out quotes")
}

// Open finds a database that an administrator made in another way.
func TestOpenTakesExistingDatabase(t *testing.T) {
	url := seriestest.Influxd(t)
	first := openServer(t, url, "air")
	require.NoError(t, first.Append(t.Context(), []reading.Reading{sample(0, reading.NO2)}))
	second := openServer(t, url+"/", "air")
	n, err := second.Count(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 1, n)
}
