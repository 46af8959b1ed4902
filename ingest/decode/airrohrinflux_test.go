package decode

import (
	"strings"
	"testing"

	"buurtmeter/ingest/reading"
)

func TestAirrohrInflux(t *testing.T) {
	const at = "2026-11-23T07:00:00Z"
	runWebCases(t, reading.FormatAirrohrInflux, []webCase{
		{name: "a real message: P1 is PM10, no time", in: "feinstaub,node=esp8266-1234567 SDS_P1=4.05,SDS_P2=2.25,signal=-86\n", want: now + " pm25=2.25[server-time] pm10=4.05[server-time]"},
		{name: "without tags", in: "feinstaub SDS_P1=4.05", want: now + " pm10=4.05[server-time]"},
		{name: "another measurement", in: "lucht,node=a,plaats=b SDS_P1=4.05", want: now + " pm10=4.05[server-time]"},
		{name: "all modules and housekeeping", in: "feinstaub,node=a BME280_temperature=7.5,BME280_pressure=101300,BME280_humidity=81,samples=1737810,min_micro=75,max_micro=2780073,interval=145000", want: now + " 2m25s temperature=7.5[server-time] humidity=81[server-time] pressure=1013[server-time]"},
		{name: "quoted words are no value", in: `f SDS_P1="none",SDS_P2="nan",temperature=nan,humidity=""`, want: "! no-values"},
		{name: "a quoted number", in: `f SDS_P1="4.05"`, want: now + " pm10=4.05[server-time]"},
		{name: "quotes with commas, spaces and escapes", in: `f version="NRZ, \"2018\" \\ x=1 ",SDS_P1=4.05`, want: now + " pm10=4.05[server-time]\n! property-unknown"},
		{name: "escapes in names", in: `m\,x\ y,no\=de=a\,b\ c SDS\_P1=1,SDS_P2=2`, want: now + " pm25=2[server-time]\n! property-unknown"},
		{name: "integers", in: "f SDS_P1=4i,SDS_P2=2u,temperature=-3i", want: now + " pm25=2[server-time] pm10=4[server-time] temperature=-3[server-time]"},
		{name: "an integer with a point", in: "f SDS_P1=4.5i,SDS_P2=2", want: now + " pm25=2[server-time]\n! value-unreadable"},
		{name: "true is no value", in: "f SDS_P1=true,SDS_P2=2,signal=f", want: now + " pm25=2[server-time]\n! value-unreadable"},
		{name: "hexadecimal, plus, inf, a word", in: "f SDS_P1=0x10,SDS_P2=+1,temperature=inf,humidity=wet", want: "! value-unreadable"},
		{name: "decimal comma: no 4 is taken", in: "f SDS_P1=4,05", want: "! value-unreadable"},
		{name: "decimal comma before another field", in: "f SDS_P1=4,05,SDS_P2=2", want: "! value-unreadable"},
		{name: "censored", in: "f SDS_P1=<15", want: "! value-unreadable"},
		{name: "missing codes", in: "f SDS_P1=-1,SDS_P2=-999,temperature=-1", want: now + " pm25=-999[missing-code|server-time] pm10=-1[missing-code|server-time] temperature=-1[server-time]"},
		{name: "a field twice", in: "f SDS_P1=1,SDS_P1=2,SDS_P2=3", want: now + " pm25=3[server-time]\n! value-unreadable"},
		{name: "a resistance", in: "f no2_kohm=1,no2_ppb=20", want: now + " no2=38.25[server-time]\n! unit-unknown"},
		{name: "a position is not taken", in: `f GPS_lat=52.37,GPS_lon="4.89",SDS_P1=4`, want: now + " pm10=4[server-time]"},

		{name: "nanoseconds", in: "f SDS_P1=1 1795417200123456789", want: "2026-11-23T07:00:00.123Z pm10=1"},
		{name: "microseconds", in: "f SDS_P1=1 1795417200123456", want: "2026-11-23T07:00:00.123Z pm10=1"},
		{name: "milliseconds", in: "f SDS_P1=1 1795417200123", want: "2026-11-23T07:00:00.123Z pm10=1"},
		{name: "seconds", in: "f SDS_P1=1 1795417200", want: at + " pm10=1"},
		{name: "a time of another length", in: "f SDS_P1=1 0\nf SDS_P2=1 17954172001\nf SDS_P2=1 -795417200", want: "! time-unreadable"},
		{name: "after 2099", in: "f SDS_P1=1 9795417200", want: "! time-unreadable"},
		{name: "a time that is no number", in: "f SDS_P1=1 2026-11-23T07:00:00Z", want: "! value-unreadable"},
		{name: "more after the time", in: "f SDS_P1=1 1795417200 x", want: "! value-unreadable"},

		{name: "several lines, one broken", in: "f SDS_P1=1 1795417200\r\n# a comment\n\nf SDS_P1\nf SDS_P1=2 1795417260\n", want: at + " pm10=1\n2026-11-23T07:01:00Z pm10=2\n! value-unreadable"},
		{name: "lines of one moment become one reading", in: "f SDS_P1=1 1795417200\nf SDS_P2=2 1795417200\nf SDS_P1=1 1795417200", want: at + " pm25=2 pm10=1"},
		{name: "a line again, with another interval and with the time that it was given", in: "f SDS_P1=1,interval=60000 1795417500123\nf SDS_P1=1,interval=30000", want: now + " 1m0s pm10=1"},
		{name: "one moment, two values", in: "f SDS_P1=1 1795417200\nf SDS_P1=2 1795417200", want: "! value-unreadable"},
		{name: "two lines without a time", in: "f SDS_P1=1\nf SDS_P1=2\nf SDS_P2=3", want: now + " pm25=3[server-time]\n! value-unreadable"},
		{name: "a broken line does not choose the sensor", in: "f BME280_temperature=1,x\nf temperature=2", want: now + " temperature=2[server-time]\n! value-unreadable"},
		{name: "an interval too long costs its line", in: "f SDS_P1=1,interval=9000000 1795417200\nf SDS_P1=2,interval=60000 1795417260", want: "2026-11-23T07:01:00Z 1m0s pm10=2\n! interval"},
		{name: "a field of 300 bytes", in: "f " + strings.Repeat("x", 300) + "=1,SDS_P1=4", want: now + " pm10=4[server-time]\n! property-unknown"},
		{name: "no fields", in: "feinstaub", want: "! value-unreadable"},
		{name: "no measurement", in: " SDS_P1=1", want: "! value-unreadable"},
		{name: "no measurement but a tag", in: ",node=a SDS_P1=1", want: "! value-unreadable"},
		{name: "a tag without a value", in: "f,node SDS_P1=1", want: "! value-unreadable"},
		{name: "a tag without a value before another", in: "f,node,place=b SDS_P1=1", want: "! value-unreadable"},
		{name: "a tag with an empty value", in: "f,node= SDS_P1=1", want: "! value-unreadable"},
		{name: "a field without a name", in: "f =1", want: "! value-unreadable"},
		{name: "a field without a value", in: "f SDS_P1=,SDS_P2=1", want: "! value-unreadable"},
		{name: "open quotes", in: `f SDS_P1=1,x="`, want: "! value-unreadable"},
		{name: "text after quotes", in: `f SDS_P1=1,signal="a"b`, want: "! value-unreadable"},
		{name: "a backslash at the end", in: `f SDS_P1=1,x\`, want: "! value-unreadable"},
		{name: "two spaces", in: "f  SDS_P1=1", want: "! value-unreadable"},
		{name: "nothing", in: "", want: "! no-values"},
		{name: "only a comment", in: "# x", want: "! no-values"},
		{name: "JSON", in: `{"sensordatavalues":[]}`, want: "! value-unreadable"},
		{name: "too many lines", in: strings.Repeat("f SDS_P1=1\n", MaxReadings+1), want: "! too-large"},
	})
}
