package decode

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

// deviceCase is one message of a kit and what must come of it, see summary.
type deviceCase struct {
	name, in string
	want     string
	topic    string
	zone     string
	channels []reading.Channel
	// says must stand in the detail of the first problem.
	says string
}

const receivedAt = "2026-11-23T07:05:00.123Z"

func runDevice(t *testing.T, f reading.Format, cases []deviceCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			st := station
			st.Wire = reading.Wire{Format: f, Zone: c.zone, Channels: c.channels}
			in := Input{Payload: []byte(c.in), Topic: c.topic, Station: st, Received: received}
			got := Decode(f, in)
			assert.Equal(t, c.want, summary(got))
			for _, r := range got.Readings {
				assert.Equal(t, station.ID, r.Station)
				assert.Equal(t, received.UTC().Truncate(time.Millisecond), r.Received)
				assert.Equal(t, time.UTC, r.At.Location())
			}
			if c.says != "" {
				require.NotEmpty(t, got.Problems)
				assert.Contains(t, got.Problems[0].Detail, c.says)
			}
			checkProblems(t, f, in, got)
		})
	}
}

// checkProblems: texts are there and bounded, one problem for each cause of one
// element, and an element decoded again is not in order either.
func checkProblems(t *testing.T, f reading.Format, in Input, got Decoded) {
	t.Helper()
	seen := map[string]bool{}
	for _, p := range got.Problems {
		assert.NotEmpty(t, p.Detail)
		assert.Less(t, len(p.Detail), 500)
		key := p.Cause + " " + string(p.Element)
		assert.False(t, seen[key], "%s twice for %.80s", p.Cause, p.Element)
		seen[key] = true
		again := in
		again.Payload = p.Element
		found := false
		for _, q := range Decode(f, again).Problems {
			// Alone, what is no object in a list is not a message either.
			found = found || q.Cause == p.Cause || p.Cause == CauseJSON
		}
		// A time may be missing only because others stand beside it.
		assert.True(t, found || p.Cause == CauseTimeMissing, "%s is not found again in %.200s", p.Cause, p.Element)
	}
}

func deviceFormatList() []reading.Format {
	return []reading.Format{
		reading.FormatTheThingsStack, reading.FormatMeetJeStad, reading.FormatSmartCitizen,
		reading.FormatAirGradient, reading.FormatSensorThings, reading.FormatHomeAssistant,
	}
}

// anything declares what the hostile messages below may name.
func anything() []reading.Channel {
	return []reading.Channel{
		{Key: "a", Property: reading.PM25},
		{Key: "value_json.a", Property: reading.PM25},
		{Key: "1", Property: reading.PM25},
	}
}

func TestEveryDeviceFormatIsRegistered(t *testing.T) {
	for _, f := range deviceFormatList() {
		_, ok := For(f)
		assert.True(t, ok, f)
	}
	_, ok := For("nothing")
	assert.False(t, ok)
	assert.Nil(t, deviceFormat(reading.FormatSenML))
	assert.Zero(t, testing.AllocsPerRun(100, func() { _ = deviceFormat(reading.FormatHomeAssistant) }))
}

func TestHostileMessagesOfKits(t *testing.T) {
	many := `{"a":[` + strings.Repeat("1,", maxNodes) + `1]}`
	for _, c := range []struct{ name, in, want string }{
		{"too large", strings.Repeat(" ", MaxPayload+1), CauseTooLarge},
		{"too many values", many, CauseTooLarge},
		{"latin-1", "{\"a\":\"\xb5g\"}", CauseNotUTF8},
		{"depth bomb", `{"a":` + strings.Repeat("[", 200_000), CauseJSON},
		{"depth bomb of objects", strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000), CauseJSON},
		{"cut off", `{"a":1`, CauseJSON},
		{"more after the end", `{"a":1} {}`, CauseJSON},
		{"NUL in the middle", "{\"a\":1}\x00{}", CauseJSON},
		{"control character", "{\"\x01\":1}", CauseJSON},
	} {
		for _, f := range deviceFormatList() {
			t.Run(c.name+"/"+string(f), func(t *testing.T) {
				st := station
				st.Wire.Channels = anything()
				in := Input{Payload: []byte(c.in), Topic: "v1.1/Datastreams(1)/Observations", Station: st, Received: received}
				got := Decode(f, in)
				require.Len(t, got.Problems, 1)
				assert.Empty(t, got.Readings)
				if f == reading.FormatHomeAssistant && c.name == "too large" {
					assert.Equal(t, CauseTooLarge, got.Problems[0].Cause)
				}
				assert.Equal(t, c.want, got.Problems[0].Cause, got.Problems[0].Detail)
				assert.Less(t, len(got.Problems[0].Detail), 400)
			})
		}
	}
}

func TestManyKeysCostNoMoreThanTheirLength(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"uplink_message":{"decoded_payload":{`)
	for i := range 30_000 {
		b.WriteString(`"pm` + strconv.Itoa(i) + `x":1,"pm` + strconv.Itoa(i) + `x":2,`)
	}
	b.WriteString(`"pm25":8}}}`)
	got := TheThingsStack(Input{Payload: []byte(b.String()), Station: station, Received: received})
	require.Len(t, got.Readings, 1)
	assert.Equal(t, receivedAt+" pm25=8[server-time]", strings.Split(summary(got), "\n")[0])
	assert.LessOrEqual(t, len(got.Problems), 1)
}

// TestAMegabyteCostsBoundedMemory: whatever a megabyte holds, decoding it takes a
// few times its size, and so do the elements that its problems keep.
func TestAMegabyteCostsBoundedMemory(t *testing.T) {
	fill := func(head, unit, tail string) string {
		return head + strings.Repeat(unit, (MaxPayload-len(head)-len(tail))/len(unit)) + tail
	}
	for name, in := range map[string]string{
		"lists":             fill(`[`, `[],`, `0]`),
		"numbers":           fill(`{"a":[`, `1,`, `1]}`),
		"same keys":         fill(`{"uplink_message":{"decoded_payload":{`, `"pm25":1,`, `"pm25":1}}}`),
		"long keys":         fill(`{"uplink_message":{"decoded_payload":{`, `"`+strings.Repeat("pm25", 50)+`":{"a":1},`, `"pm25":1}}}`),
		"one long key":      fill(`{"uplink_message":{"decoded_payload":{"`, `no2`, `":1}}}`),
		"one long number":   fill(`{"pm02":`, `1`, `}`),
		"one long time":     fill(`{"result":1,"resultTime":"`, `2`, `"}`),
		"escapes":           fill(`{"pm02":"`, `\u0031`, `"}`),
		"normalized":        fill(`{"uplink_message":{"normalized_payload":[`, `{"time":"x","air":{"temperature":1}},`, `{}]}}`),
		"bad readings":      fill(`{"data":[`, `{"recorded_at":"x","sensors":[{"id":87,"value":1}]},`, `{}]}`),
		"bad sensors":       fill(`{"data":[{"sensors":[`, `{"id":1,"value":1},`, `{}]}]}`),
		"raw":               fill(`{`, `1:1,`, `2:2}`),
		"raw, broken":       fill(`{t:`, `x,`, `}`),
		"bad rows":          fill(`[{"Datastream":{"@iot.id":1},"components":["result"],"dataArray":[`, `["x"],`, `[1]]}]`),
		"bad observations":  fill(`[`, `{"Datastream":{"@iot.id":1},"result":"x"},`, `{}]`),
		"positions":         fill(`{"pm02":"x","a":[`, `{"lat":1},`, `{}]}`),
		"one long position": fill(`{"pm02":"x","latitude":"`, `1`, `"}`),
		"forwarded":         fill(`[`, `{"timestamp":"x","latitude":1},`, `{}]`),
		"one long state":    fill(``, `1`, ``),
	} {
		for _, f := range deviceFormatList() {
			st := station
			st.Wire = reading.Wire{Zone: "Europe/Amsterdam", Channels: anything()}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got := Decode(f, Input{Payload: []byte(in), Topic: "v1.1/Datastreams(1)/Observations", Station: st, Received: received})
			runtime.ReadMemStats(&after)
			kept := 0
			for _, p := range got.Problems {
				kept += len(p.Element)
			}
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(32<<20), "%s %s", name, f)
			assert.LessOrEqual(t, kept, 8*MaxPayload, "%s %s", name, f)
			assert.LessOrEqual(t, len(got.Readings), MaxReadings, "%s %s", name, f)
		}
	}
}

func TestATreeIsTheDocument(t *testing.T) {
	text := ` {"a" : [1, "x", {"b":null}], "c":true, "a":2, "d":{}, "e":[]} `
	g := grower{scanner: scanner{b: []byte(text)}}
	_, ok := g.grow(0, nil)
	require.True(t, ok)
	tr := &tree{text: []byte(text), nodes: g.nodes}
	var keys []string
	for n := range tr.children(tr.root()) {
		keys = append(keys, string(n.key))
	}
	assert.Equal(t, []string{"a", "c", "d", "e"}, keys)
	assert.True(t, tr.member(tr.root(), "a").is(shapeTwice))
	assert.True(t, tr.isTrue(tr.member(tr.root(), "c")))
	assert.Equal(t, "{}", string(tr.source(tr.member(tr.root(), "d"))))
	assert.Nil(t, tr.member(tr.root(), "b"))
	assert.Nil(t, tr.member(nil, "b"))
	assert.True(t, tr.member(nil, "b").unset())
}

func TestAKeyTwiceIsFoundAmongFewAndMany(t *testing.T) {
	for _, members := range []int{1, fewMembers - 1, fewMembers, fewMembers * 4} {
		var b strings.Builder
		b.WriteString(`{"x":1`)
		for i := range members {
			b.WriteString(`,"k` + strconv.Itoa(i) + `":1`)
		}
		b.WriteString(`,"\u0078":2,"x":3}`)
		g := grower{scanner: scanner{b: []byte(b.String())}}
		_, ok := g.grow(0, nil)
		require.True(t, ok)
		tr := &tree{text: g.b, nodes: g.nodes}
		count := 0
		for n := range tr.children(tr.root()) {
			if string(n.key) == "x" {
				count++
				assert.True(t, n.is(shapeTwice))
			}
		}
		assert.Equal(t, 1, count)
	}
}

func TestATimeWithoutAZoneIsReadInTheDeclaredOne(t *testing.T) {
	for _, c := range []struct{ text, zone, want string }{
		{"2026-11-23 08:00:00", "Europe/Amsterdam", "2026-11-23T07:00:00Z"},
		{"2026-07-01T08:00:00.5", "Europe/Amsterdam", "2026-07-01T06:00:00.5Z"},
		{"2026-11-23 08:00:00", "+01:00", "2026-11-23T07:00:00Z"},
		{"2026-11-23 08:00:00", "-0530", "2026-11-23T13:30:00Z"},
		{"2026-11-23 08:00:00", "UTC", "2026-11-23T08:00:00Z"},
		{"2026-03-29 01:59:59", "Europe/Amsterdam", "2026-03-29T00:59:59Z"},
		{"2026-03-29 03:00:00", "Europe/Amsterdam", "2026-03-29T01:00:00Z"},
		{"2026-10-25 01:59:59", "Europe/Amsterdam", "2026-10-24T23:59:59Z"},
		{"2026-10-25 03:00:00", "Europe/Amsterdam", "2026-10-25T02:00:00Z"},
		{"2026-03-29 02:30:00", "Europe/Amsterdam", ""}, // that night has no such hour
		{"2026-10-25 02:30:00", "Europe/Amsterdam", ""}, // and this one has two
		{"2026-11-23 08:00:00", "", ""},
		{"2026-11-23 08:00:00", "Local", ""},
		{"2026-11-23 08:00:00", "Mars/Olympus", ""},
		{"2026-11-23 08:00:00", "../../etc/passwd", ""},
		{"2026-11-23 08:00:00+01:00", "UTC", ""}, // it has one
		{"2026-11-23", "UTC", ""},
		{"1970-01-01 00:30:00", "+01:00", ""}, // 1969
		{strings.Repeat("2", 1000), "UTC", ""},
	} {
		var clock localClock
		milli, ok := clock.parse([]byte(c.text), c.zone)
		if c.want == "" {
			assert.False(t, ok, "%s in %s", c.text, c.zone)
			continue
		}
		assert.True(t, ok, "%s in %s", c.text, c.zone)
		assert.Equal(t, c.want, time.UnixMilli(milli).UTC().Format("2006-01-02T15:04:05.999Z07:00"))
	}
}

func TestNamesBeyondDoubt(t *testing.T) {
	for key, want := range map[string]string{
		"temperature_1": "temperature", "Temperature": "temperature", "TempC_SHT": "temperature", "temp_f": "temperature",
		"relative_humidity_12": "humidity", "relativeHumidity": "humidity", "Hum_SHT": "humidity",
		"barometric_pressure_1": "pressure", "pressure_pa": "pressure", "pressure": "pressure ?", "barometric_pressure": "pressure ?",
		"pm2_5": "pm25", "PM2.5": "pm25", "pm25_1": "pm25", "pm10": "pm10", "pm_10": "pm10", "pm1": "pm1", "pm1_0": "pm1",
		"no2": "no2 ?", "NO2": "no2 ?", "no2_1": "no2 ?", "no2_ppb": "no2", "o3_ug_m3": "o3", "co": "co ?", "co_ppm": "co",
		"benzene": "benzene ?", "C6H6_1": "benzene ?", "benzene_ppb": "benzene", "ethylbenzene": "",
		"co2": "", "co_2": "", "pm1_5": "", "pm_1": "", "pm4": "", "no2_kohm": "", "no2_raw": "", "nox_index": "", "pm25_ppb": "",
		"no": "", "soil_temperature": "", "temperature_1234": "", "": "", "_1": "", "p1": "", "noise": "", strings.Repeat("x", 200): "",
	} {
		p, _, r, ok := named([]byte(key))
		got := string(p)
		if r == byUnsureName {
			got += " ?"
		}
		assert.Equal(t, want != "", ok, key)
		if ok {
			assert.Equal(t, want, got, key)
		}
	}
	for key, want := range map[string]bool{
		"no2_kohm": true, "temp_in": true, "pm4": false, "pm25_raw": true, "o3": true, "audio3": false, "rpm1": false, "a_pm1x": true,
		"soil_temperature": false, "battery": false, "rssi": false, "pm003Count": false, "join_attempts": false, "co2": false, "": false,
		"benzene_mv": true, "ethylbenzene": false,
	} {
		assert.Equal(t, want, suspect([]byte(key)), key)
	}
}
