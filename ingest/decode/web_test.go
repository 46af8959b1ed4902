package decode

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

// webCase is one message of a kit and what summary must say of it.
type webCase struct {
	name, in, want string
	// media, pin, zone and channels are what comes beside the payload.
	media, pin, zone string
	channels         []reading.Channel
}

// now is the time of receipt as summary writes it.
const now = "2026-11-23T07:05:00.123Z"

func (c webCase) input() Input {
	st := station
	st.Wire = reading.Wire{Zone: c.zone, Channels: c.channels}
	return Input{Payload: []byte(c.in), ContentType: c.media, Pin: c.pin, Station: st, Received: received}
}

func runWebCases(t *testing.T, f reading.Format, cases []webCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := c.input()
			got := Decode(f, in)
			assert.Equal(t, c.want, summary(got), details(got))
			checkWeb(t, f, in, got)
		})
	}
}

func details(d Decoded) string {
	var b strings.Builder
	for _, p := range d.Problems {
		b.WriteString(p.Cause + ": " + p.Detail + "\n")
	}
	return b.String()
}

// checkWeb holds an answer to what is true for every format of a kit.
func checkWeb(t *testing.T, f reading.Format, in Input, d Decoded) {
	t.Helper()
	for i, r := range d.Readings {
		require.Equal(t, in.Station.ID, r.Station)
		require.Equal(t, in.Received.UTC().Truncate(time.Millisecond), r.Received)
		require.Equal(t, time.UTC, r.At.Location())
		require.NotEmpty(t, r.Values)
		require.True(t, r.At.Year() >= 1970 && r.At.Year() <= 2099, r.At)
		require.True(t, r.Interval >= 0 && r.Interval <= MaxInterval && r.Interval%time.Second == 0, r.Interval)
		if i > 0 {
			require.True(t, d.Readings[i-1].At.Before(r.At), "readings in order of time, one per moment")
		}
		for j, v := range r.Values {
			require.False(t, v.Value-v.Value != 0, "not finite")
			if j > 0 {
				require.Less(t, slot([]byte(r.Values[j-1].Property)), slot([]byte(v.Property)), "values in order, each once")
			}
		}
	}
	for _, p := range d.Problems {
		require.NotEmpty(t, p.Cause)
		require.NotEmpty(t, p.Detail)
		require.Less(t, len(p.Detail), 400)
		require.NotContains(t, p.Detail, "%!")
		require.Len(t, p.Element, len(in.Payload), "the element is the whole payload")
		again := in
		again.Payload = p.Element
		require.Equal(t, summary(d), summary(Decode(f, again)), "decoding the element again")
	}
}

func TestEveryWebFormatHasADecoder(t *testing.T) {
	for _, f := range []reading.Format{
		reading.FormatSenML, reading.FormatSensorCommunity, reading.FormatAirrohr, reading.FormatAirrohrInflux, reading.FormatOpenSenseMap,
	} {
		fn, ok := For(f)
		assert.True(t, ok && fn != nil, f)
		assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = For(f) }), f)

		// What is wrong with every text.
		for in, want := range map[string]string{
			strings.Repeat(" ", MaxPayload+1): "! too-large",
			"\xb5g":                           "! not-utf8",
		} {
			assert.Equal(t, want, summary(Decode(f, Input{Payload: []byte(in), Station: station, Received: received})), f)
		}
	}
	fn, ok := For("nonsense")
	assert.True(t, !ok && fn == nil)
}

func TestUnitsOfKits(t *testing.T) {
	for _, c := range []struct {
		p    reading.Property
		unit string
		in   float64
		want float64
	}{
		{"temperature", "", 7, 7},
		{"temperature", "Cel", 7, 7},
		{"temperature", "K", 273.15, 0},
		{"temperature", "°F", 212, 100},
		{"humidity", "%RH", 40, 40},
		{"humidity", "/", 0.4, 40},
		{"pressure", "hPa", 1013, 1013},
		{"pressure", "Pa", 101300, 1013},
		{"pressure", "kPa", 101.3, 1013},
		{"pressure", "bar", 1.013, 1013},
		{"no2", "ug/m3", 20, 20},
		{"no2", "ppb", 20, 38.25},
		{"no2", "ppm", 0.02, 38.25},
		{"so2", "ppb", 1, 2.6632},
		{"o3", "ppb", 1, 1.9953},
		{"co", "ppm", 1, 1.1644},
		{"benzene", "ppb", 1, 3.2472},
		{"benzene", "mg/m3", 0.002, 2},
		{"co", "ug/m3", 1000, 1},
		{"pm10", "mg/m3", 0.05, 50},
	} {
		factor, offset, ok := Conversion(c.p, c.unit)
		assert.True(t, ok, "%s in %s", c.p, c.unit)
		assert.InDelta(t, c.want, c.in*factor+offset, 1e-9, "%s in %s", c.p, c.unit)
	}
	for p, unit := range map[reading.Property]string{"pm25": "ppb", "no2": "kohm", "temperature": "%", "humidity": "g/m3", "pressure": "psi", "pm1": "#/cm3"} {
		_, _, ok := Conversion(p, unit)
		assert.False(t, ok, "%s in %s", p, unit)
	}
}

// TestJSONFormatsBoundTheirWork feeds what costs a careless reader its memory.
func TestJSONFormatsBoundTheirWork(t *testing.T) {
	for _, f := range []reading.Format{reading.FormatSenML, reading.FormatSensorCommunity, reading.FormatAirrohr, reading.FormatOpenSenseMap} {
		for name, in := range map[string]string{
			"depth":         strings.Repeat("[", MaxPayload),
			"depth in keys": strings.Repeat(`{"a":`, MaxPayload/8),
			"depth in list": `{"sensordatavalues":` + strings.Repeat("[", 100_000),
			"cut off":       `{"sensordatavalues":[{"value_type":"SDS_P1","value":"1"}`,
			"cut off pack":  `[{"n":"no2","v":1},`,
			"empty":         ``,
			"no JSON":       `{"a":01}`,
			"two texts":     `{} {}`,
		} {
			got := Decode(f, Input{Payload: []byte(in), ContentType: "application/json", Station: station, Received: received})
			assert.Equal(t, "! json", summary(got), "%s %s", f, name)
		}
	}
	for f, in := range map[reading.Format]string{
		reading.FormatSenML:         `[` + strings.Repeat(`{"n":"`+strings.Repeat("x", 250)+`","v":1},`, 3900) + `{"n":"no2","v":1}]`,
		reading.FormatAirrohr:       `{"sensordatavalues":[` + strings.Repeat(`{"value_type":"`+strings.Repeat("x", 250)+`"},`, 3000) + `{"value_type":"SDS_P1","value":1}]}`,
		reading.FormatAirrohrInflux: "f " + strings.Repeat(strings.Repeat("x", 250)+"=1,", 3000) + "SDS_P1=1",
	} {
		got := Decode(f, Input{Payload: []byte(in), Station: station, Received: received})
		require.Len(t, got.Readings, 1, f)
		require.Len(t, got.Problems, 1, f)
		assert.Less(t, len(got.Problems[0].Detail), 400)
	}
	for f, in := range map[reading.Format]string{
		reading.FormatSenML:         `[` + strings.Repeat(`{"n":"no2","v":1},`, maxValues) + `{"n":"no2","v":1}]`,
		reading.FormatAirrohr:       `{"sensordatavalues":[` + strings.Repeat(`{"value_type":"SDS_P1","value":1},`, maxValues) + `{"value_type":"SDS_P1","value":1}]}`,
		reading.FormatAirrohrInflux: "f " + strings.Repeat("SDS_P1=1,", maxValues) + "SDS_P1=1",
	} {
		got := Decode(f, Input{Payload: []byte(in), Station: station, Received: received})
		assert.Equal(t, "! too-large", summary(got), f)
	}
	many := []string{}
	for i := range 1000 {
		many = append(many, strings.Repeat("x", 100)+strconv.Itoa(i), "1", strconv.Itoa(i), "1")
	}
	got := Decode(reading.FormatAirrohr, Input{Payload: []byte(pairs(many...)), Station: station, Received: received})
	require.Len(t, got.Problems, 1)
	assert.Less(t, len(got.Problems[0].Detail), 400)
	long := Decode(reading.FormatSenML, Input{Payload: []byte(`[{"bn":"` + strings.Repeat("x", 300_000) + `"},` + strings.Repeat(`{"n":"no2","v":1},`, 10_000) + `{"n":"no2","v":1}]`), Station: station, Received: received})
	assert.Equal(t, "! channel-unknown", summary(long), "names are not put together first")
}

func TestChannelsDecideWhatCounts(t *testing.T) {
	const two = `{"sensordatavalues":[{"value_type":"BME280_temperature","value":"7.5"},{"value_type":"DHT22_temperature","value":"8.5"}]}`
	runWebCases(t, reading.FormatAirrohr, []webCase{
		{name: "none: the order of the format", in: two, want: now + " temperature=7.5[server-time]\n! second-sensor"},
		{name: "one: it alone counts, and nothing is wrong", in: two, channels: []reading.Channel{{Key: "DHT22_temperature", Property: "temperature"}}, want: now + " temperature=8.5[server-time]"},
		{name: "one that is not there: no second sensor fills its gap", in: two, channels: []reading.Channel{{Key: "HTU21D_temperature", Property: "temperature"}}, want: ""},
		{name: "two: the first of them, and the second is told", in: two, channels: []reading.Channel{{Key: "DHT22_temperature", Property: "temperature"}, {Key: "BME280_temperature", Property: "temperature"}}, want: now + " temperature=8.5[server-time]\n! second-sensor"},
		{name: "without a property: left out", in: two, channels: []reading.Channel{{Key: "BME280_temperature"}}, want: now + " temperature=8.5[server-time]"},
		{name: "left out, and the other has no value", in: `{"sensordatavalues":[{"value_type":"BME280_temperature","value":"7.5"},{"value_type":"SDS_P1","value":"none"}]}`, channels: []reading.Channel{{Key: "BME280_temperature"}}, want: "! no-values"},
		{name: "with a unit", in: two, channels: []reading.Channel{{Key: "BME280_temperature", Property: "temperature", Unit: "K"}}, want: now + " temperature=-265.65[server-time]"},
		{name: "with a unit that does not exist", in: two, channels: []reading.Channel{{Key: "BME280_temperature", Property: "temperature", Unit: "hPa"}}, want: "! unit-unknown"},
		{name: "with a property that does not exist", in: two, channels: []reading.Channel{{Key: "BME280_temperature", Property: "warmth"}}, want: now + " temperature=8.5[server-time]\n! property-unknown"},
		{name: "without a unit it keeps the unit of the format", in: `{"sensordatavalues":[{"value_type":"BMP_pressure","value":"101300"}]}`, channels: []reading.Channel{{Key: "BMP_pressure", Property: "pressure"}}, want: now + " pressure=1013[server-time]"},
	})
}

func TestLocalTimesNeedADeclaredZone(t *testing.T) {
	const two = "no2,21.4,"
	at := func(local, zone, want string) webCase {
		return webCase{name: local + " " + zone, in: two + local, zone: zone, want: want}
	}
	const refused = "! time-unreadable"
	runWebCases(t, reading.FormatOpenSenseMap, []webCase{
		at("2026-07-01T10:00:00", "", refused),
		at("2026-07-01T10:00:00", "Local", refused),
		at("2026-07-01T10:00:00", "Europe/Atlantis", refused),
		at("2026-07-01T10:00:00", "../../etc/passwd", refused),
		at("2026-07-01T10:00:00", "Europe/Amsterdam", "2026-07-01T08:00:00Z no2=21.4"),
		at("2026-12-01 10:00:00.5", "Europe/Amsterdam", "2026-12-01T09:00:00.5Z no2=21.4"),
		at("2026-07-01T10:00:00", "+01:00", "2026-07-01T09:00:00Z no2=21.4"),
		at("2026-07-01T10:00:00", "UTC", "2026-07-01T10:00:00Z no2=21.4"),
		at("2026-07-01T10:00:00Z", "Europe/Amsterdam", "2026-07-01T10:00:00Z no2=21.4"),
		// The clock goes forward on 29 March and back on 25 October 2026.
		at("2026-03-29T01:59:59", "Europe/Amsterdam", "2026-03-29T00:59:59Z no2=21.4"),
		at("2026-03-29T02:00:00", "Europe/Amsterdam", refused),
		at("2026-03-29T02:59:59", "Europe/Amsterdam", refused),
		at("2026-03-29T03:00:00", "Europe/Amsterdam", "2026-03-29T01:00:00Z no2=21.4"),
		at("2026-10-25T01:59:59", "Europe/Amsterdam", "2026-10-24T23:59:59Z no2=21.4"),
		at("2026-10-25T02:00:00", "Europe/Amsterdam", refused),
		at("2026-10-25T02:59:59", "Europe/Amsterdam", refused),
		at("2026-10-25T03:00:00", "Europe/Amsterdam", "2026-10-25T02:00:00Z no2=21.4"),
		at("1970-01-01T00:30:00", "Europe/Amsterdam", refused),
		at("2026-02-30T10:00:00", "Europe/Amsterdam", refused),
	})
}

// TestWallMomentsAgreeWithTime compares with package time over a year of one zone
// that changes its clock and one that does not.
func TestWallMomentsAgreeWithTime(t *testing.T) {
	for _, name := range []string{"Europe/Amsterdam", "Asia/Kolkata", "Australia/Lord_Howe"} {
		zone, ok := loadZone(name)
		require.True(t, ok)
		skipped, twice := 0, 0
		for i := range 365 * 48 {
			at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 30 * time.Minute)
			_, offset := at.In(zone).Zone()
			got, n := wallMoments(at.UnixMilli()+int64(offset)*1000, zone)
			require.Positive(t, n)
			if n == 2 {
				twice++
			} else {
				require.Equal(t, at.UnixMilli(), got)
			}
			// Every half hour on the wall, which may not exist.
			if _, n = wallMoments(at.UnixMilli(), zone); n == 0 {
				skipped++
			}
		}
		// Lord Howe moves by half an hour only.
		want := map[string][2]int{"Europe/Amsterdam": {2, 4}, "Asia/Kolkata": {0, 0}, "Australia/Lord_Howe": {1, 2}}[name]
		assert.Equal(t, want, [2]int{skipped, twice}, name)
	}
}

func TestPositionsAreBlankedInElements(t *testing.T) {
	for _, c := range []struct {
		format reading.Format
		in     string
		secret []string
	}{
		{reading.FormatAirrohr, "\xef\xbb\xbf" + `{"place":{"a":[{"lat":"52.3702"}]},"location":{"at":[4.8952,52.3702]},"sensordatavalues":[{"value_type":"GPS_lat","value":"52.3702"},{"value":"4.8952","value_type":"GPS_lon"},{"value":"4.8952"},{"value_type":"xyz","value":"77"}]}`, []string{"3702", "8952"}},
		{reading.FormatSensorCommunity, `{"sensordatavalues":[{"value_type":"lat","value":"52.3702"},{"value_type":"xyz","value":"77"}]}`, []string{"3702"}},
		{reading.FormatAirrohrInflux, "f xyz=77,GPS_lat=52.3702\nf GPS_lon=4.8952,xyz=77,\n", []string{"3702", "8952"}},
		{reading.FormatOpenSenseMap, `[{"sensor":"xyz","value":"77","place":{"x":4.8952},"location":[4.8952,52.3702]}]`, []string{"3702", "8952"}},
		{reading.FormatOpenSenseMap, `{"xyz":["77","2026-11-23T07:00:00Z",[4.8952,52.3702]],"location":{"lat":52.3702},"place":{"x":4.8952}}`, []string{"3702", "8952"}},
		{reading.FormatOpenSenseMap, "xyz,77,2026-11-23T07:00:00Z,4.8952,52.3702,2\nxyz,77,,4.8952", []string{"3702", "8952"}},
		{reading.FormatSenML, `[{"n":"lat","u":"lat","v":52.3702,"place":[52.3702]},{"n":"x","u":"lon","v":4.8952},{"n":"xyz","v":77}]`, []string{"3702", "8952"}},
	} {
		in := Input{Payload: []byte(c.in), Station: station, Received: received}
		got := Decode(c.format, in)
		require.NotEmpty(t, got.Problems, c.in)
		for _, p := range got.Problems {
			for _, s := range c.secret {
				assert.NotContains(t, string(p.Element), s)
			}
			assert.Contains(t, string(p.Element), "77", "the rest stays")
		}
		assert.Equal(t, c.in, string(in.Payload), "the payload itself is not touched")
		checkWeb(t, c.format, in, got)
	}
}
