package decode

import (
	"fmt"
	"strings"
	"testing"

	"buurtmeter/ingest/reading"
)

func TestSenML(t *testing.T) {
	const at = "2026-11-23T07:00:00Z"
	const mac = "urn:dev:mac:0024befffe804ff1"
	runWebCases(t, reading.FormatSenML, []webCase{
		{name: "one record", in: `[{"n":"` + mac + `:no2","u":"ug/m3","v":21.4,"t":1795417200}]`, want: at + " no2=21.4"},
		{name: "base fields", in: `[{"bn":"` + mac + `:","bt":1795417200,"bver":10,"n":"no2","u":"ug/m3","v":21.4},{"n":"temperature","u":"Cel","v":-4.5},{"n":"pm2.5","v":8.1}]`, want: at + " no2=21.4 pm25=8.1 temperature=-4.5"},
		{name: "base fields in a record of their own", in: `[{"bn":"a/","bt":1795417200,"bu":"ug/m3"},{"n":"no2","v":1}]`, want: at + " no2=1"},
		{name: "base fields change", in: `[{"bn":"a/","bt":1795417200,"n":"no2","v":1},{"bt":1795417260,"n":"no2","v":2},{"bn":"a/no","n":"2","v":3,"t":60}]`, want: at + " no2=1\n2026-11-23T07:01:00Z no2=2\n2026-11-23T07:02:00Z no2=3"},
		{name: "a base name only", in: `[{"bn":"a:no2","v":1}]`, want: now + " no2=1[server-time]"},
		{
			name: "names that end in a property", in: `[{"n":"no2","v":1},{"n":"a/PM2.5","v":2},{"n":"a:pm10","v":3},{"n":"a/b:c/Temp","v":4},{"n":"RH","v":5},{"n":"barometric_pressure","v":1000},{"n":"pm1_0","v":6},{"n":"pm25-corrected","v":7},{"n":"o3","v":8},{"n":"so2","v":9},{"n":"co","v":10},{"n":"benzene","v":11}]`,
			want: now + " no2=1[server-time] pm25=2[server-time] pm10=3[server-time] temperature=4[server-time] humidity=5[server-time] pressure=1000[server-time] pm1=6[server-time] pm25-corrected=7[server-time] o3=8[server-time] so2=9[server-time] co=10[server-time] benzene=11[server-time]",
		},
		{name: "names that do not", in: `[{"n":"mics_no2","v":1},{"n":"no2/raw","v":1},{"n":"nox","v":1},{"n":"pm10","v":2}]`, want: now + " pm10=2[server-time]\n! property-unknown"},
		{name: "a channel for the full name", channels: []reading.Channel{{Key: mac, Property: "humidity"}, {Key: "v", Property: "no2", Unit: "ppb"}}, in: `[{"n":"` + mac + `","u":"%RH","v":20},{"n":"v","v":20}]`, want: now + " no2=38.25[server-time] humidity=20[server-time]"},
		{name: "a unit in the record goes before that of the channel", channels: []reading.Channel{{Key: "v", Property: "no2", Unit: "ppb"}}, in: `[{"n":"v","u":"ug/m3","v":20}]`, want: now + " no2=20[server-time]"},
		// The example of RFC 8428, section 5.1.4, with moments of today.
		{name: "moving, one name with several units", channels: []reading.Channel{{Key: mac, Property: "humidity"}}, in: `[{"bn":"` + mac + `","bt":1.7954172e+09,"bu":"%RH","v":20},{"u":"lon","v":24.30621},{"u":"lat","v":60.07965},{"t":60,"v":20.3},{"u":"lon","t":60,"v":24.30622},{"u":"%EL","t":150,"v":98}]`, want: at + " humidity=20\n2026-11-23T07:01:00Z humidity=20.3\n! unit-unknown"},
		{name: "two devices in one pack", in: `[{"n":"a/no2","t":1795417200,"v":1},{"n":"b/no2","t":1795417260,"v":2},{"n":"b/pm10","t":1795417260,"v":3}]`, want: at + " no2=1\n2026-11-23T07:01:00Z pm10=3\n! second-sensor"},

		{
			name: "units", in: `[{"n":"temperature","u":"K","v":273.15},{"n":"humidity","u":"/","v":0.5},{"n":"pressure","u":"Pa","v":101300},{"n":"no2","u":"ppb","v":20},{"n":"co","u":"ppm","v":1},{"n":"pm10","u":"mg/m3","v":0.5},{"n":"pm25","u":"kg/m3","v":8e-9},{"n":"o3","u":"ug/m3","v":3}]`,
			want: now + " no2=38.25[server-time] pm25=8[server-time] pm10=500[server-time] temperature=0[server-time] humidity=50[server-time] pressure=1013[server-time] o3=3[server-time] co=1.1644[server-time]",
		},
		{name: "secondary units", in: `[{"bver":26,"n":"humidity","u":"/100","v":50},{"n":"pressure","u":"hPa","v":1013},{"n":"co","u":"kg/m3","v":2e-6}]`, want: now + " humidity=50[server-time] pressure=1013[server-time] co=2[server-time]"},
		{name: "units of something else", in: `[{"n":"no2","u":"Ohm","v":1},{"n":"pm25","u":"ppb","v":1},{"n":"temperature","u":"kg/m3","v":1},{"n":"humidity","u":"Cel","v":1},{"n":"pm10","u":7,"v":1},{"n":"o3","u":"ug/m3","u":"ug/m3","v":1},{"n":"so2","v":1}]`, want: now + " so2=1[server-time]\n! unit-unknown"},
		{name: "a base unit for all but one", in: `[{"bu":"ppb","n":"no2","v":20},{"n":"temperature","u":"Cel","v":4},{"n":"pm10","v":3}]`, want: now + " no2=38.25[server-time] temperature=4[server-time]\n! unit-unknown"},
		{name: "a base unit that is none", in: `[{"bu":7,"n":"no2","v":1},{"n":"pm10","v":1},{"bu":"ug/m3","n":"o3","v":2}]`, want: now + " o3=2[server-time]\n! unit-unknown"},

		{name: "no time", in: `[{"n":"no2","v":1},{"n":"pm10","v":2,"t":0}]`, want: now + " no2=1[server-time] pm10=2[server-time]"},
		{name: "times before now", in: `[{"bt":-60,"n":"no2","v":1,"t":-0.5},{"n":"no2","v":2},{"bt":-0.001,"n":"no2","v":3}]`, want: "2026-11-23T07:03:59.623Z no2=1[server-time]\n2026-11-23T07:04:00.123Z no2=2[server-time]\n2026-11-23T07:05:00.122Z no2=3[server-time]"},
		{name: "the last relative time and the first absolute one", in: `[{"n":"no2","v":1,"t":268435455},{"n":"no2","v":2,"t":268435456}]`, want: "1978-07-04T21:24:16Z no2=2\n2035-05-27T04:29:15.123Z no2=1[server-time]"},
		{name: "base time and time together are absolute", in: `[{"bt":268435400,"t":56,"n":"no2","v":2}]`, want: "1978-07-04T21:24:16Z no2=2"},
		{name: "a time before the base time", in: `[{"bt":1795417260,"t":-60,"n":"no2","v":2}]`, want: at + " no2=2"},
		{name: "decimals are cut digit by digit", in: `[{"bt":1795417200.123,"n":"no2","v":2}]`, want: "2026-11-23T07:00:00.123Z no2=2"},
		{name: "times that are none", in: `[{"n":"no2","v":1,"t":"1795417200"},{"n":"no2","v":1,"t":true},{"n":"no2","v":1,"t":1,"t":1},{"n":"no2","v":1,"t":1795417200000},{"n":"no2","v":1,"t":-1e10},{"n":"no2","v":1,"t":1e999},{"n":"pm10","v":2}]`, want: now + " pm10=2[server-time]\n! time-unreadable"},
		{name: "a base time that is none", in: `[{"bt":"now","n":"no2","v":1},{"n":"pm10","v":1,"t":1795417200},{"bt":1795417200,"n":"o3","v":2}]`, want: at + " o3=2\n! time-unreadable"},
		{name: "order is free", in: `[{"bt":1795417200,"n":"no2","t":60,"v":2},{"n":"no2","t":0,"v":1},{"n":"pm10","t":60,"v":3}]`, want: at + " no2=1\n2026-11-23T07:01:00Z no2=2 pm10=3"},

		{name: "a base value", in: `[{"bv":20,"n":"no2","v":1.5},{"n":"pm10","v":-1},{"n":"o3","v":-999}]`, want: now + " no2=21.5[server-time] pm10=-1[missing-code|server-time] o3=-999[missing-code|server-time]"},
		{name: "a base value is not a value", in: `[{"bv":20,"n":"no2"},{"n":"pm10","v":null},{"n":"o3","vs":"5"}]`, want: now + " o3=5[server-time]\n! no-values"},
		{name: "a base value that is none", in: `[{"bv":"20","n":"no2","v":1},{"bv":0,"n":"pm10","v":1}]`, want: now + " pm10=1[server-time]\n! value-unreadable"},
		{name: "sums are no values", in: `[{"n":"no2","s":100},{"n":"pm10","v":3,"s":100},{"bs":5,"n":"o3","s":0}]`, want: now + " pm10=3[server-time]\n! value-unreadable"},
		{name: "values of other kinds", in: `[{"n":"no2","vb":true},{"n":"no2","vd":"aGk"},{"n":"no2","vs":"high"},{"n":"no2","v":1,"vs":"1"},{"n":"no2","v":1,"v":1},{"n":"no2","v":[1]},{"n":"pm10","v":2}]`, want: now + " pm10=2[server-time]\n! value-unreadable\n! value-unreadable"},
		{name: "words for nothing", in: `[{"n":"no2","v":"none"},{"n":"pm10","vs":"null"},{"n":"o3","v":nan},{"n":"so2","v":""}]`, want: "! no-values"},
		{name: "numbers in texts", in: `[{"n":"no2","v":"21.4"},{"n":"pm10","vs":"4,05"},{"n":"o3","vs":"<15"},{"n":"so2","vs":"1_0"}]`, want: now + " no2=21.4[server-time]\n! value-unreadable"},
		{name: "one moment, two values", in: `[{"n":"no2","v":1},{"n":"no2","v":2},{"n":"pm10","v":3},{"n":"pm10","v":3}]`, want: now + " pm10=3[server-time]\n! value-unreadable"},
		{name: "infinite by its base or unit", in: `[{"bv":1e308,"n":"no2","v":1e308},{"n":"pm10","u":"mg/m3","v":1e307}]`, want: "! value-unreadable"},

		{name: "names that are none", in: `[{"v":1},{"n":"","v":1},{"n":7,"v":1},{"n":"no2","n":"no2","v":1},{"n":"` + strings.Repeat("x", 257) + `","v":1},{"n":"pm10","v":2}]`, want: now + " pm10=2[server-time]\n! channel-unknown\n! channel-unknown\n! channel-unknown"},
		{name: "a base name that is none", in: `[{"bn":null,"n":"no2","v":1},{"bn":"","n":"pm10","v":1}]`, want: now + " pm10=1[server-time]\n! channel-unknown"},
		{name: "records that are none", in: `[7,null,[],{"n":"pm10","v":2}]`, want: now + " pm10=2[server-time]\n! value-unreadable"},
		{name: "a record outside a pack", in: `{"n":"pm10","v":2}`, want: now + " pm10=2[server-time]"},
		{name: "an empty pack", in: `[]`, want: "! no-values"},
		{name: "an empty record", in: `[{}]`, want: "! no-values"},
		{name: "a position only", in: `[{"n":"lat","u":"lat","v":52.37}]`, want: ""},
		{name: "unknown fields", in: `[{"n":"pm10","v":2,"ut":5,"x":{"y":[1]}}]`, want: now + " pm10=2[server-time]"},
		{name: "an unknown field that must be understood", in: `[{"n":"pm10","v":2},{"n":"no2","v":2,"x_":5}]`, want: "! format-unknown"},
		{name: "a base field twice", in: `[{"n":"pm10","v":2},{"bt":1,"bt":2,"n":"no2","v":2}]`, want: "! json"},
		{name: "a later version", in: `[{"bver":11,"n":"pm10","v":2}]`, want: "! format-unknown"},
		{name: "a version that is none", in: `[{"bver":"10","n":"pm10","v":2}]`, want: "! format-unknown"},
		{name: "CBOR", media: "application/senml+cbor", in: "\x81", want: "! format-unknown"},
		{name: "JSON by its media type", media: "application/senml+json", in: `[{"n":"pm10","v":2}]`, want: now + " pm10=2[server-time]"},
	})
	pack := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `{"n":"no2","v":1,"t":%d},`, 1795417200+i)
		}
		return "[" + b.String() + `{"n":"no2","v":1,"t":1795417200}]`
	}
	runWebCases(t, reading.FormatSenML, []webCase{
		{name: "too many moments", in: pack(MaxReadings + 1), want: "! too-large"},
	})
}
