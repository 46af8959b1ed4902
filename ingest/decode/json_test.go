package decode

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

var (
	received = time.Date(2026, 11, 23, 8, 5, 0, 123_456_789, time.FixedZone("CET", 3600))
	station  = reading.Station{ID: "ams-1", Cadence: 5 * time.Minute}
)

const stamp = `"time":"2026-11-23T07:00:00Z"`

// summary writes a result as text, so that a table can hold it: one line per
// reading, then one per problem.
func summary(d Decoded) string {
	var lines []string
	for _, r := range d.Readings {
		s := r.At.Format("2006-01-02T15:04:05.999Z07:00")
		if r.Interval != 0 {
			s += " " + r.Interval.String()
		}
		if r.Revision != 0 {
			s += fmt.Sprintf(" rev%d", r.Revision)
		}
		parts := []string{s}
		for _, v := range r.Values {
			part := fmt.Sprintf("%s=%v", v.Property, v.Value)
			if v.Flags != 0 {
				part += "[" + v.Flags.String() + "]"
			}
			parts = append(parts, part)
		}
		lines = append(lines, strings.Join(parts, " "))
	}
	for _, p := range d.Problems {
		lines = append(lines, "! "+p.Cause)
	}
	return strings.Join(lines, "\n")
}

func TestJSON(t *testing.T) {
	const at = "2026-11-23T07:00:00Z"
	for _, c := range []struct{ name, in, want string }{
		{"plain", `{` + stamp + `,"interval":300,"rev":1,"values":{"no2":21.4,"pm25":8.1}}`, at + " 5m0s rev1 no2=21.4 pm25=8.1"},
		{"order of keys and values is free", `{"values":{"pressure":1013,"no2":1},"rev":0,` + stamp + `}`, at + " no2=1 pressure=1013"},
		{"all properties", `{` + stamp + `,"values":{"no2":1,"pm25":2,"pm10":3,"temperature":-4.5,"humidity":5,"pressure":960}}`, at + " no2=1 pm25=2 pm10=3 temperature=-4.5 humidity=5 pressure=960"},
		{"white space", " {\t\"time\" : \"2026-11-23T07:00:00Z\" ,\r\n \"values\" : { \"no2\" : 1 } } \n", at + " no2=1"},
		{"unix seconds", `{"time":1795417200,"values":{"no2":1}}`, at + " no2=1"},
		{"unix decimals are cut, not rounded", `{"time":1795417200.1239,"values":{"no2":1}}`, "2026-11-23T07:00:00.123Z no2=1"},
		{"unix with exponent", `{"time":1.7954172e9,"values":{"no2":1}}`, at + " no2=1"},
		{"unix zero is a device without a clock", `{"time":0,"values":{"no2":1}}`, "1970-01-01T00:00:00Z no2=1"},
		{"unix milliseconds", `{"time":1795417200000,"values":{"no2":1}}`, "! time-unreadable"},
		{"unix negative", `{"time":-1,"values":{"no2":1}}`, "! time-unreadable"},
		{"unix in a string", `{"time":"1795417200","values":{"no2":1}}`, "! time-unreadable"},
		{"offset", `{"time":"2026-11-23T08:00:00+01:00","values":{"no2":1}}`, at + " no2=1"},
		{"offset without colon, space for T", `{"time":"2026-11-23 08:00:00+0100","values":{"no2":1}}`, at + " no2=1"},
		{"short offset", `{"time":"2026-11-23T02:00:00-05","values":{"no2":1}}`, at + " no2=1"},
		{"fraction is cut", `{"time":"2026-11-23T07:00:00.9999999Z","values":{"no2":1}}`, "2026-11-23T07:00:00.999Z no2=1"},
		{"no zone", `{"time":"2026-11-23T07:00:00","values":{"no2":1}}`, "! time-unreadable"},
		{"no zone but a fraction", `{"time":"2026-11-23T07:00:00.0","values":{"no2":1}}`, "! time-unreadable"},
		{"date only", `{"time":"2026-11-23","values":{"no2":1}}`, "! time-unreadable"},
		{"impossible day", `{"time":"2026-02-29T07:00:00Z","values":{"no2":1}}`, "! time-unreadable"},
		{"leap day", `{"time":"2028-02-29T07:00:00Z","values":{"no2":1}}`, "2028-02-29T07:00:00Z no2=1"},
		{"hour 24", `{"time":"2026-11-23T24:00:00Z","values":{"no2":1}}`, "! time-unreadable"},
		{"second 60", `{"time":"2026-12-31T23:59:60Z","values":{"no2":1}}`, "! time-unreadable"},
		{"year 1969", `{"time":"1969-12-31T23:59:59Z","values":{"no2":1}}`, "! time-unreadable"},
		{"1970 by its offset", `{"time":"1969-12-31T23:59:59-01:00","values":{"no2":1}}`, "1970-01-01T00:59:59Z no2=1"},
		{"year 2100", `{"time":"2100-01-01T00:00:00Z","values":{"no2":1}}`, "! time-unreadable"},
		{"time of another type", `{"time":true,"values":{"no2":1}}`, "! time-unreadable"},
		{"time twice", `{` + stamp + `,` + stamp + `,"values":{"no2":1}}`, "! time-unreadable"},
		{"time null", `{"time":null,"values":{"no2":1}}`, "! time-missing"},
		{"time empty", `{"time":"","values":{"no2":1}}`, "! time-missing"},
		{"time NA", `{"time":"NA","values":{"no2":1}}`, "! time-missing"},
		{"no time", `{"values":{"no2":1,"pm25":-999}}`, "2026-11-23T07:05:00.123Z no2=1[server-time] pm25=-999[missing-code|server-time]"},

		{"missing values are left out", `{` + stamp + `,"values":{"no2":null,"pm25":"","pm10":"NA","temperature":"none","humidity":" null ","pressure":1000}}`, at + " pressure=1000"},
		{"zero is a value", `{` + stamp + `,"values":{"no2":0,"pm25":-0.0}}`, at + " no2=0 pm25=0"},
		{"numbers in strings", `{` + stamp + `,"values":{"no2":"21.4","pm25":" 8 ","pm10":"1e1"}}`, at + " no2=21.4 pm25=8 pm10=10"},
		{"decimal comma", `{` + stamp + `,"values":{"no2":"21,4","pm25":1}}`, at + " pm25=1\n! value-unreadable"},
		{"censored", `{` + stamp + `,"values":{"no2":"<15"}}`, "! value-unreadable"},
		{"hexadecimal, underscore, plus", `{` + stamp + `,"values":{"no2":"0x1p3","pm25":"1_0","pm10":"+1"}}`, "! value-unreadable"},
		{"words", `{` + stamp + `,"values":{"no2":"NaN","pm25":"Infinity","pm10":2}}`, at + " pm10=2\n! value-unreadable"},
		{"bare words", `{` + stamp + `,"values":{"no2":NaN,"pm25":-inf,"pm10":2,"humidity":-nan}}`, at + " pm10=2\n! value-unreadable"},
		{"overflow", `{` + stamp + `,"values":{"no2":1e999,"pm25":3}}`, at + " pm25=3\n! value-unreadable"},
		{"overflow by its unit", `{` + stamp + `,"values":{"no2":1e308,"pm25":3},"units":{"no2":"mg/m3"}}`, at + " pm25=3\n! value-unreadable"},
		{"other types", `{` + stamp + `,"values":{"no2":true,"pm25":[1],"pm10":{"v":1},"humidity":40}}`, at + " humidity=40\n! value-unreadable"},
		{"unknown property keeps its neighbours", `{` + stamp + `,"values":{"co2":50,"PM2.5":1,"no2":1}}`, at + " no2=1\n! property-unknown"},
		{"only an unknown property", `{` + stamp + `,"values":{"co2":50}}`, "! property-unknown"},
		{"value twice", `{` + stamp + `,"values":{"no2":1,"no2":2,"pm25":3}}`, at + " pm25=3\n! value-unreadable"},
		{"value twice, once null", `{` + stamp + `,"values":{"no2":null,"no2":2,"pm25":3}}`, at + " pm25=3\n! value-unreadable"},
		{"escaped name twice", `{` + stamp + `,"values":{"no2":1,"n\u006f2":2,"pm25":3}}`, at + " pm25=3\n! value-unreadable"},
		{"values twice", `{` + stamp + `,"values":{"no2":1},"values":{"pm25":3}}`, "! value-unreadable"},
		{"values not an object", `{` + stamp + `,"values":[1,2]}`, "! value-unreadable"},
		{"values null", `{` + stamp + `,"values":null}`, "! no-values"},
		{"values empty", `{` + stamp + `,"values":{}}`, "! no-values"},
		{"only nulls", `{` + stamp + `,"values":{"no2":null}}`, "! no-values"},
		{"no values", `{` + stamp + `}`, "! no-values"},
		{"empty object", `{}`, "! no-values"},
		{"flat", `{` + stamp + `,"no2":21.4}`, "! value-misplaced"},
		{"one value outside", `{` + stamp + `,"pm25":1,"values":{"no2":21.4}}`, at + " no2=21.4\n! value-misplaced"},
		{"keys we do not know", `{"fw":"1.2","battery":{"v":[3.7,{"a":null}]},` + stamp + `,"values":{"no2":1}}`, at + " no2=1"},

		{"missing codes", `{` + stamp + `,"values":{"no2":-999,"pm25":-1,"pm10":-9999.0,"temperature":-1,"humidity":-999}}`, at + " no2=-999[missing-code] pm25=-1[missing-code] pm10=-9999[missing-code] temperature=-1 humidity=-999[missing-code]"},
		{"almost missing codes", `{` + stamp + `,"values":{"no2":-0.9,"pm25":-1.0001,"pm10":-999.5}}`, at + " no2=-0.9 pm25=-1.0001 pm10=-999.5"},
		{"missing code in ppb stays", `{` + stamp + `,"values":{"no2":-999},"units":{"no2":"ppb"}}`, at + " no2=-999[missing-code]"},

		{"ppb", `{"units":{"no2":"ppb"},` + stamp + `,"values":{"no2":20,"pm25":1}}`, at + " no2=38.25 pm25=1"},
		{"own units", `{` + stamp + `,"units":{"no2":"µg/m³","pm25":"μg/m³","pm10":"ug/m3","temperature":"°C","humidity":"%","pressure":"hPa"},"values":{"no2":1,"pm25":2,"pm10":3,"temperature":4,"humidity":5,"pressure":960}}`, at + " no2=1 pm25=2 pm10=3 temperature=4 humidity=5 pressure=960"},
		{"unknown unit", `{` + stamp + `,"units":{"no2":"mg/l","pm25":"ppb"},"values":{"no2":1,"pm25":2,"pm10":3}}`, at + " pm10=3\n! unit-unknown"},
		{"pressure in Pa is turned into hPa", `{` + stamp + `,"units":{"pressure":"Pa"},"values":{"pressure":101300}}`, at + " pressure=1013"},
		{"unit twice", `{` + stamp + `,"units":{"no2":"ppb","no2":"ug/m3"},"values":{"no2":1,"pm10":3}}`, at + " pm10=3\n! unit-unknown"},
		{"units not an object", `{` + stamp + `,"units":"ppb","values":{"no2":1}}`, "! unit-unknown"},
		{"units null", `{` + stamp + `,"units":null,"values":{"no2":1}}`, at + " no2=1"},

		{"interval as text", `{` + stamp + `,"interval":"60","values":{"no2":1}}`, at + " 1m0s no2=1"},
		{"interval null", `{` + stamp + `,"interval":null,"values":{"no2":1}}`, at + " no2=1"},
		{"an hour", `{` + stamp + `,"interval":3600.0,"values":{"no2":1}}`, at + " 1h0m0s no2=1"},
		{"more than an hour", `{` + stamp + `,"interval":3601,"values":{"no2":1}}`, "! interval"},
		{"interval zero", `{` + stamp + `,"interval":0,"values":{"no2":1}}`, "! interval"},
		{"interval with a fraction", `{` + stamp + `,"interval":0.5,"values":{"no2":1}}`, "! interval"},
		{"interval twice", `{` + stamp + `,"interval":60,"interval":300,"values":{"no2":1}}`, "! interval"},
		{"highest revision", `{` + stamp + `,"rev":255,"values":{"no2":1}}`, at + " rev255 no2=1"},
		{"revision too high", `{` + stamp + `,"rev":256,"values":{"no2":1}}`, "! revision"},
		{"revision negative", `{` + stamp + `,"rev":-1,"values":{"no2":1}}`, "! revision"},

		{"batch", `{"readings":[{` + stamp + `,"values":{"no2":1}},{"time":"2026-11-23T07:05:00Z","values":{"no2":2}}]}`, at + " no2=1\n2026-11-23T07:05:00Z no2=2"},
		{"bare array", `[{` + stamp + `,"values":{"no2":1}},{"time":"2026-11-23T07:05:00Z","values":{"no2":2}}]`, at + " no2=1\n2026-11-23T07:05:00Z no2=2"},
		{"bad neighbours", `[{"time":"NA","values":{"no2":1}},7,{` + stamp + `,"values":{"no2":1}},null,{` + stamp + `,"values":{"no2":[]}}]`, at + " no2=1\n! time-missing\n! json\n! json\n! value-unreadable"},
		{"no time in a batch", `[{"values":{"no2":1}},{"values":{"no2":2}},{` + stamp + `,"values":{"no2":3}}]`, at + " no2=3\n! time-missing\n! time-missing"},
		{"no time in a batch of one", `[{"values":{"no2":1}}]`, "2026-11-23T07:05:00.123Z no2=1[server-time]"},
		{"empty batch", `{"readings":[]}`, "! no-values"},
		{"batch and reading", `{"readings":[{` + stamp + `,"values":{"no2":1}}],"units":{"no2":"ppb"}}`, "! json"},
		{"batch twice", `{"readings":[],"readings":[]}`, "! json"},
		{"batch not an array", `{"readings":{}}`, "! json"},

		{"byte order mark and NUL bytes", "\xef\xbb\xbf{" + stamp + ",\"values\":{\"no2\":1}}\x00\x00", at + " no2=1"},
		{"empty", ``, "! json"},
		{"cut off", `{` + stamp + `,"values":{"no2":1`, "! json"},
		{"cut off batch", `[{` + stamp + `,"values":{"no2":1}},`, "! json"},
		{"more after the end", `{` + stamp + `,"values":{"no2":1}} {}`, "! json"},
		{"NUL in the middle", "{" + stamp + ",\"values\":{\"no2\":1}}\x00{}", "! json"},
		{"a number", `21.4`, "! json"},
		{"leading zero", `{` + stamp + `,"values":{"no2":01}}`, "! json"},
		{"trailing comma", `{` + stamp + `,"values":{"no2":1,}}`, "! json"},
		{"control character", "{\"a\":\"\x01\"}", "! json"},
		{"wrong escape", `{"a":"\x"}`, "! json"},
		{"wrong unicode escape", `{"a":"\u+123"}`, "! json"},
		{"latin-1", "{\"a\":\"\xb5g\"}", "! not-utf8"},
		{"depth bomb", strings.Repeat("[", 100_000), "! json"},
		{"depth bomb in a key", `{"a":` + strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_001), "! json"},
		{"deep enough", `{"a":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `,` + stamp + `,"values":{"no2":1}}`, at + " no2=1"},
		{"too large", strings.Repeat(" ", MaxPayload+1), "! too-large"},
		{"too many readings", `[` + strings.Repeat(`{},`, MaxReadings) + `{}]`, "! too-large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := JSON([]byte(c.in), station, received)
			assert.Equal(t, c.want, summary(got))
			for _, r := range got.Readings {
				assert.Equal(t, station.ID, r.Station)
				assert.Equal(t, received.UTC().Truncate(time.Millisecond), r.Received)
				assert.Equal(t, time.UTC, r.At.Location())
			}
			for _, p := range got.Problems {
				assert.NotEmpty(t, p.Detail)
				assert.Less(t, len(p.Detail), 400)
			}
		})
	}
}

func TestTheElementOfAProblemCanBeDecodedAgain(t *testing.T) {
	in := `{"readings": [ {"values":{"co2":1},` + stamp + `} , {` + stamp + `,"values":{"no2":1}}]}`
	got := JSON([]byte(in), station, received)
	require.Len(t, got.Problems, 1)
	assert.Equal(t, `{"values":{"co2":1},`+stamp+`}`, string(got.Problems[0].Element))

	whole := JSON([]byte("{"), station, received)
	require.Len(t, whole.Problems, 1)
	assert.Equal(t, "{", string(whole.Problems[0].Element))
}

func TestAFullBatchIsDecoded(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"readings":[`)
	for i := range MaxReadings {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"time":%d,"values":{"no2":%d}}`, 1795417200+i*60, i)
	}
	b.WriteString(`]}`)
	got := JSON([]byte(b.String()), station, received)
	require.Empty(t, got.Problems)
	require.Len(t, got.Readings, MaxReadings)
	for i, r := range got.Readings {
		require.Equal(t, int64(1795417200+i*60), r.At.Unix())
		require.InDelta(t, float64(i), r.Values[0].Value, 0)
	}
}

func TestManyProblemsInOneReadingStaySmall(t *testing.T) {
	in := `{` + stamp + `,"values":{` + strings.Repeat(`"`+strings.Repeat("x", 500)+`":1,`, 2000) + `"no2":1}}`
	got := JSON([]byte(in), station, received)
	require.Len(t, got.Readings, 1)
	require.Len(t, got.Problems, 1)
	assert.Less(t, len(got.Problems[0].Detail), 400)
}

func TestSlotsFollowTheTableOfProperties(t *testing.T) {
	table := reading.Properties()
	require.Len(t, table, slots)
	for i, info := range table {
		assert.Equal(t, info.Property, propertyOf(i))
		assert.Equal(t, i, slot([]byte(info.Property)))
		meteo := slices.Contains([]reading.Property{reading.Temperature, reading.Humidity, reading.Pressure}, info.Property)
		assert.Equal(t, !meteo, concentration(i))
	}
	assert.Equal(t, -1, slot([]byte("co2")))
}

// TestStampsAgreeWithTime compares the two time parsers with package time over
// many moments and offsets.
func TestStampsAgreeWithTime(t *testing.T) {
	for i := range 4000 {
		want := time.UnixMilli(int64(i) * 1_025_610_777).UTC()
		zone := time.FixedZone("", (i%29-14)*3600+(i%4)*900)
		got, ok := parseStamp([]byte(want.In(zone).Format("2006-01-02T15:04:05.000Z07:00")))
		require.True(t, ok, want)
		require.Equal(t, want.UnixMilli(), got)
		got, ok = parseMilli(fmt.Appendf(nil, "%d.%03d", want.Unix(), want.Nanosecond()/1e6))
		require.True(t, ok)
		require.Equal(t, want.UnixMilli(), got)
	}
}

func TestSecondsAreReadDigitByDigit(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "1": 1000, "0.0019": 1, "12e-1": 1200, "1.5e2": 150_000, "1e-9": 0, "0e99": 0, "0.000e15": 0,
		"1795420800.123": 1795420800123, "1795420800.1239999": 1795420800123, "123456789012": 123456789012000,
		"1234567890123": -1, "1e12": -1, "1e999": -1, "1e9999": -1, "-1": -1, "-0": -1, "-0.5": -1,
	} {
		got, ok := parseMilli([]byte(in))
		assert.Equal(t, want >= 0, ok, in)
		if ok && want >= 0 {
			assert.Equal(t, want, got, in)
		}
	}
}

func TestDecodingIsDeterministic(t *testing.T) {
	in := []byte(`[{` + stamp + `,"values":{"co2":1,"no2":"x","pm25":2}},{"values":{}}]`)
	if diff := cmp.Diff(JSON(in, station, received), JSON(in, station, received)); diff != "" {
		t.Fatal(diff)
	}
	assert.False(t, math.Signbit(JSON([]byte(`{"values":{"no2":-0}}`), station, received).Readings[0].Values[0].Value))
}
