package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
	"buurtmeter/ingest/mqtt"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
	"buurtmeter/ingest/series"
	"buurtmeter/ingest/series/engine"
)

// stationRig calls actions on one register.
type stationRig struct {
	t   *testing.T
	dsn string
}

func newStationRig(t *testing.T) stationRig {
	return stationRig{t, "sqlite:" + filepath.Join(t.TempDir(), "register.db")}
}

func (r stationRig) try(args ...string) (string, error) {
	r.t.Helper()
	return runCommand(r.t, append(append([]string{"station"}, args...), "--register", r.dsn)...)
}

func (r stationRig) must(args ...string) string {
	r.t.Helper()
	out, err := r.try(args...)
	require.NoError(r.t, err, out)
	return out
}

// register opens the register that the commands work on.
func (r stationRig) register() *register.Register {
	r.t.Helper()
	reg, err := register.Open(r.t.Context(), r.dsn, register.Options{})
	require.NoError(r.t, err)
	r.t.Cleanup(func() { _ = reg.Close() })
	return reg
}

func passwordIn(t *testing.T, out string) string {
	t.Helper()
	m := regexp.MustCompile(`password (\S{43})\n`).FindStringSubmatch(out)
	require.NotNil(t, m, out)
	return m[1]
}

func TestStationChangesAreMadeAndTold(t *testing.T) {
	r := newStationRig(t)
	old := passwordIn(t, r.must("add", "--id", "zs-001", "--title", "Meetpunt Oost", "--lon", "4.8237", "--lat", "52.4419"))
	reg := r.register()
	login := func(token string, want error) {
		t.Helper()
		require.ErrorIs(t, reg.Authenticate(t.Context(), "zs-001", token), want)
	}
	login(old, nil)
	fresh := passwordIn(t, r.must("token", "--id", "zs-001"))
	require.Eventually(t, func() bool { return reg.Authenticate(t.Context(), "zs-001", old) != nil }, time.Minute, 10*time.Millisecond)
	login(fresh, nil)
	r.must("revoke", "--id", "zs-001", "--why", "wachtwoord stond op een foto")
	require.Eventually(t, func() bool { return reg.Authenticate(t.Context(), "zs-001", fresh) != nil }, time.Minute, 10*time.Millisecond)
	passed := passwordIn(t, r.must("transfer", "--id", "zs-001", "--maker", "basisschool", "--by", "keeper", "--why", "verhuisd"))
	login(passed, nil)
	r.must("pause", "--id", "zs-001", "--why", "gevel wordt geschilderd")
	require.Contains(t, r.must("list"), "zs-001\tsensor\t"+time.Now().UTC().Format(time.DateOnly)+"\tMeetpunt Oost\tpaused\n")
	r.must("resume", "--id", "zs-001")

	areas, err := geo.OpenStore(t.Context(), reg)
	require.NoError(t, err)
	before, err := areas.StationAreas(t.Context())
	require.NoError(t, err)
	all, err := areas.Areas(t.Context(), geo.Buurt)
	require.NoError(t, err)
	elsewhere := all[0]
	if elsewhere.Code == before["zs-001"] {
		elsewhere = all[1]
	}
	lon, lat := fmt.Sprint(elsewhere.Center[0]), fmt.Sprint(elsewhere.Center[1])
	out := r.must("move", "--id", "zs-001", "--lon", lon, "--lat", lat, "--why", "andere gevel")
	require.Contains(t, out, string(elsewhere.Code))
	require.NotContains(t, out, lon)
	after, err := areas.StationAreas(t.Context())
	require.NoError(t, err)
	require.Equal(t, elsewhere.Code, after["zs-001"])
	require.NotEqual(t, before["zs-001"], after["zs-001"])
	require.Contains(t, r.must("move", "--id", "zs-001", "--forget", "--why", "wil niet meer"), "no known area")

	period := []string{"--id", "zs-001", "--from", "2026-11-01T08:00:00+01:00", "--to", "2026-11-03", "--why", "hing binnen"}
	r.must(append([]string{"withdraw"}, period...)...)
	withdrawn, err := reg.Withdrawals(t.Context(), "zs-001")
	require.NoError(t, err)
	require.Len(t, withdrawn, 1)
	require.Equal(t, time.Date(2026, 11, 1, 7, 0, 0, 0, time.UTC), withdrawn[0].From)
	require.Equal(t, time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC), withdrawn[0].To)
	r.must(append([]string{"restore"}, period...)...)

	events := r.must("events", "--id", "zs-001")
	var whats []string
	for line := range strings.Lines(events) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		require.Len(t, cells, 5, line)
		whats = append(whats, cells[1]+" "+cells[2])
	}
	require.Equal(t, []string{
		"operator added", "operator token-rotated", "operator token-revoked", "keeper transferred", "operator paused", "operator resumed",
		"operator position-set", "operator position-removed", "operator period-withdrawn", "operator period-restored",
	}, whats)
	require.Contains(t, events, "2026-11-01T07:00:00Z/2026-11-03T00:00:00Z\thing binnen")
	for _, secret := range []string{old, fresh, passed, lon, "4.8237", "52.44"} {
		require.NotContains(t, events, secret)
	}
}

func TestStationBoardsAndFormat(t *testing.T) {
	r := newStationRig(t)
	r.must("add", "--id", "zs-001")
	r.must("board", "attach", "--id", "zs-001", "--hardware", "esp8266-13597771", "--model", "SDS011", "--from", "2026-03-01")
	out, err := r.try("board", "attach", "--id", "zs-001", "--model", "nog een")
	require.Error(t, err)
	require.Contains(t, out, "board replace")
	r.must("board", "replace", "--id", "zs-001", "--model", "Airgradient\tONE\x1b[2J", "--from", "2026-04-01", "--why", "stuk")
	require.Equal(t, "2026-03-01T00:00:00Z\t2026-04-01T00:00:00Z\tSDS011\tesp8266-13597771\n"+
		"2026-04-01T00:00:00Z\tnow\tAirgradient�ONE�[2J\t\n", r.must("board", "list", "--id", "zs-001"))
	r.must("board", "detach", "--id", "zs-001", "--why", "weg")
	require.NotContains(t, r.must("events", "--id", "zs-001"), "13597771")

	require.Contains(t, r.must("format", "--id", "zs-001"), "format   buurtmeter\nzone     none")
	out = r.must("format", "--id", "zs-001", "--format", "smart-citizen", "--zone", "Europe/Amsterdam", "--channel", "87=pm25", "--channel", "a=b:c=no2:ppb")
	require.Equal(t, "format   smart-citizen\nzone     Europe/Amsterdam\nchannel  87 = pm25 in µg/m³\nchannel  a=b:c = no2 in ppb\n", out)
	st, err := r.register().Station(t.Context(), "zs-001")
	require.NoError(t, err)
	require.Equal(t, reading.Wire{Format: reading.FormatSmartCitizen, Zone: "Europe/Amsterdam", Channels: []reading.Channel{
		{Key: "87", Property: reading.PM25}, {Key: "a=b:c", Property: reading.NO2, Unit: "ppb"},
	}}, st.Wire)
	require.Contains(t, r.must("format", "--id", "zs-001", "--zone", "+01:00"), "channel  87 = pm25", "what is not named stays")
	require.Equal(t, "format   smart-citizen\nzone     none: times without a zone are refused\n", r.must("format", "--id", "zs-001", "--zone", "", "--channel", ""))
}

func TestStationMistakesSayWhatToDo(t *testing.T) {
	r := newStationRig(t)
	r.must("add", "--id", "zs-001")
	r.must("add", "--id", "zs-002")
	r.must("delete", "--id", "zs-002", "--yes")
	for name, args := range map[string][]string{
		"no action":         {},
		"flags only":        {"--id", "zs-001"},
		"unknown action":    {"explode", "--id", "zs-001"},
		"no id":             {"pause", "--why", "x"},
		"bad id":            {"events", "--id", "Niet een station"},
		"unknown station":   {"pause", "--id", "zs-009", "--why", "x"},
		"no events":         {"events", "--id", "zs-009"},
		"deleted station":   {"token", "--id", "zs-002"},
		"deleted id":        {"add", "--id", "zs-002"},
		"taken id":          {"add", "--id", "zs-001"},
		"no reason":         {"pause", "--id", "zs-001"},
		"blank reason":      {"withdraw", "--id", "zs-001", "--from", "2026-11-01", "--to", "2026-11-02", "--why", "  "},
		"no period":         {"withdraw", "--id", "zs-001", "--why", "x"},
		"backward period":   {"withdraw", "--id", "zs-001", "--from", "2026-11-02", "--to", "2026-11-01", "--why", "x"},
		"other period":      {"restore", "--id", "zs-001", "--from", "2026-11-01", "--to", "2026-11-02", "--why", "x"},
		"no zone in time":   {"withdraw", "--id", "zs-001", "--from", "2026-11-01T08:00:00", "--to", "2026-11-02", "--why", "x"},
		"no place":          {"move", "--id", "zs-001", "--why", "x"},
		"impossible place":  {"move", "--id", "zs-001", "--lon", "500", "--lat", "52", "--why", "x"},
		"place and none":    {"move", "--id", "zs-001", "--lon", "4", "--lat", "52", "--forget", "--why", "x"},
		"no board":          {"board", "detach", "--id", "zs-001", "--why", "x"},
		"no board action":   {"board", "--id", "zs-001"},
		"format":            {"format", "--id", "zs-001", "--format", "xml"},
		"zone":              {"format", "--id", "zs-001", "--zone", "Mokum"},
		"channel":           {"format", "--id", "zs-001", "--channel", "pm25"},
		"channel unit":      {"format", "--id", "zs-001", "--channel", "87=pm25:ppb"},
		"place in a reason": {"pause", "--id", "zs-001", "--why", "staat nu op 52.4388, 4.8265"},
		"id in a reason":    {"pause", "--id", "zs-001", "--why", "kastje 70B3D57ED0000001 is stuk"},
		"mail as a name":    {"pause", "--id", "zs-001", "--why", "x", "--by", "jan@example.nl"},
		"extra":             {"events", "--id", "zs-001", "now"},
		"extra to list":     {"list", "now"},
	} {
		t.Run(name, func(t *testing.T) {
			r := stationRig{t, r.dsn}
			out, err := r.try(args...)
			require.Error(t, err)
			assert.Contains(t, out, "Error: ")
			assert.Contains(t, out, "Try:   ")
		})
	}
	out := r.must("events", "--id", "zs-001")
	require.Equal(t, 1, strings.Count(out, "\n"), "nothing was changed: %s", out)
	help := r.must("help")
	for _, a := range stationActions() {
		require.Contains(t, help, a.usage)
		out, err := r.try(a.name, "-h")
		if a.name != "board" {
			require.NoError(t, err, out)
			require.Contains(t, out, "-register")
		}
	}
}

// TestADeletedStationLeavesTheServer deletes a station beside a running server,
// while its device goes on, and looks for it in every public answer.
func TestADeletedStationLeavesTheServer(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, "--data", dir, "--mqtt-listen", "127.0.0.1:0")
	r := stationRig{t, "sqlite:" + filepath.Join(dir, "register.db")}
	token := passwordIn(t, r.must("add", "--id", "going-1", "--title", "Gaat weg", "--cadence", "1h", "--lon", "4.823791", "--lat", "52.441973"))
	other := passwordIn(t, r.must("add", "--id", "stays-1", "--title", "Blijft hier", "--cadence", "1h"))
	for id, token := range map[reading.StationID]string{"going-1": token, "stays-1": other} {
		pub, err := mqtt.Dial(t.Context(), mqtt.PublisherOptions{URL: s.MQTT, Station: id, Token: token})
		require.NoError(t, err)
		at := time.Now().UTC().Truncate(time.Hour).Add(-5 * time.Hour)
		for i := range 4 {
			require.NoError(t, pub.Publish(t.Context(), fmt.Appendf(nil, `{"time":%q,"values":{"no2":%d}}`, at.Add(time.Duration(i)*time.Hour).Format(time.RFC3339), 20+i)))
		}
		pub.Close()
	}
	reg := r.register()
	awaitGraph(t, s, reg)
	window := "?from=" + time.Now().UTC().AddDate(0, 0, -1).Format(time.RFC3339) + "&to=" + time.Now().UTC().AddDate(0, 0, 1).Format(time.RFC3339)
	_, _, raw := get(t, s.url("/v1/stations/going-1/readings"+window), "application/json")
	require.Contains(t, raw, `"value":23`)

	r.must("withdraw", "--id", "going-1", "--from", time.Now().UTC().AddDate(0, 0, -1).Format(time.RFC3339), "--to", time.Now().UTC().Format(time.RFC3339), "--why", "hing binnen")
	awaitGraph(t, s, reg)
	_, _, raw = get(t, s.url("/v1/stations/going-1/readings"+window), "application/json")
	require.Contains(t, raw, `"value":23`)
	require.Contains(t, raw, `"withdrawn"`)
	_, _, hours := get(t, s.url("/v1/stations/going-1/hours"+window+"&property=no2"), "application/json")
	require.Contains(t, hours, `"withdrawn"`)
	require.Regexp(t, `"values":\[(null,)*null\]`, hours)

	preview := r.must("delete", "--id", "going-1")
	require.Contains(t, preview, "Nothing is deleted yet")
	require.Contains(t, preview, "This remains")
	require.NotContains(t, preview, "4.82")
	status, _, _ := get(t, s.url("/v1/stations/going-1"), "application/json")
	require.Equal(t, 200, status)

	r.must("delete", "--id", "going-1", "--yes")
	awaitGraph(t, s, reg)
	for _, path := range []string{"/v1/stations/going-1", "/meetpunt/going-1", "/v1/stations/going-1/readings" + window} {
		status, _, _ := get(t, s.url(path), "")
		require.Equal(t, 410, status, path)
	}
	for _, path := range []string{"/", "/v1/stations", "/v1/verdicts", "/v1/datasets/hours/data.csv", "/v1/datasets/hours/data.json"} {
		_, _, body := get(t, s.url(path), "")
		require.NotContains(t, body, "going-1", path)
		require.NotContains(t, body, "Gaat weg", path)
	}
	_, _, raw = get(t, s.url("/v1/stations/stays-1/readings"+window), "application/json")
	require.Contains(t, raw, `"value":23`)
	_, err := mqtt.Dial(t.Context(), mqtt.PublisherOptions{URL: s.MQTT, Station: "going-1", Token: token})
	require.Error(t, err)
	require.Contains(t, r.must("events", "--id", "going-1"), "\tdeleted\t")
	s.stop()
	require.Contains(t, s.log.String(), "the readings of a deleted station are erased")
	require.NotContains(t, s.log.String(), token)

	e, err := engine.Open(filepath.Join(dir, "influx"), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, e.Close()) }()
	store, err := series.Open(t.Context(), series.Options{URL: engine.URL, HTTPClient: e.HTTPClient()})
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	n, err := store.Count(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 4, n, "those of the other station")
}
