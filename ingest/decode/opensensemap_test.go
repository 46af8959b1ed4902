package decode

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"buurtmeter/ingest/reading"
)

func TestOpenSenseMap(t *testing.T) {
	const (
		at   = "2026-11-23T07:00:00Z"
		warm = "595f9a282dcbee77ac0e5dc4"
		dust = "595f9a282dcbee77ac0e5dc5"
		csv  = "text/csv"
		json = "application/json"
	)
	ids := []reading.Channel{{Key: warm, Property: "temperature"}, {Key: dust, Property: "pm25"}, {Key: "595f9a282dcbee77ac0e5dc6"}, {Key: "gas", Property: "no2", Unit: "ppb"}}
	list := func(elements ...string) string { return "[" + strings.Join(elements, ",") + "]" }
	one := func(id, value, rest string) string { return `{"sensor":"` + id + `","value":` + value + rest + `}` }
	const timed = `,"createdAt":"` + at + `"`
	runWebCases(t, reading.FormatOpenSenseMap, []webCase{
		{name: "array", channels: ids, media: json, in: list(one(warm, `"7.5"`, timed), one(dust, "8.1", timed+`,"location":[4.89,52.37,2]`)), want: at + " pm25=8.1 temperature=7.5"},
		{name: "array without a time", channels: ids, in: list(one(warm, "7.5", ""), one(dust, "8.1", "")), want: now + " pm25=8.1[server-time] temperature=7.5[server-time]"},
		{name: "array with several moments, in order of time", channels: ids, in: list(one(dust, "2", `,"createdAt":"2026-11-23T07:01:00Z"`), one(dust, "1", timed), one(dust, "3", "")), want: at + " pm25=1\n2026-11-23T07:01:00Z pm25=2\n" + now + " pm25=3[server-time]"},
		{name: "an id that nobody declared keeps its neighbours", channels: ids, in: list(one("595f9a282dcbee77ac0e5dff", "1", timed), one(dust, "8.1", timed)), want: at + " pm25=8.1\n! channel-unknown"},
		{name: "an id that is left out", channels: ids, in: list(one("595f9a282dcbee77ac0e5dc6", "1", timed)), want: ""},
		{name: "a key that is a property", in: list(one("no2", "1", ""), one("PM2.5", "2", ""), one("temperature", "3", "")), want: now + " no2=1[server-time] pm25=2[server-time] temperature=3[server-time]"},
		{name: "a declared unit", channels: ids, in: list(one("gas", "20", timed)), want: at + " no2=38.25"},
		{name: "two keys for one property", in: list(one("pm25", "1", ""), one("PM2.5", "2", "")), want: now + " pm25=1[server-time]\n! second-sensor"},
		{name: "a duplicate counts once and fails nothing", channels: ids, in: list(one(dust, "8.1", timed), one(dust, `"8.10"`, timed), one(warm, "7.5", timed)), want: at + " pm25=8.1 temperature=7.5"},
		{name: "two values for one moment: neither", channels: ids, in: list(one(dust, "8.1", timed), one(dust, "8.2", timed), one(warm, "7.5", timed)), want: at + " temperature=7.5\n! value-unreadable"},
		{name: "bad elements keep their neighbours", channels: ids, in: list("7", "null", "{}", `{"sensor":7,"value":1}`, `{"sensor":"`+dust+`","sensor":"`+dust+`","value":1}`, one(dust, "1", `,"value":1`), one(dust, "1", timed+timed), one(warm, "7.5", timed)), want: at + " temperature=7.5\n! value-unreadable"},
		{name: "no value", channels: ids, in: list(`{"sensor":"`+dust+`"}`, one(warm, `"none"`, timed)), want: "! no-values"},
		{name: "a time without a zone", channels: ids, in: list(one(dust, "1", `,"createdAt":"2026-11-23T08:00:00"`)), want: "! time-unreadable"},
		{name: "in a declared zone", channels: ids, zone: "+01:00", in: list(one(dust, "1", `,"createdAt":"2026-11-23T08:00:00"`)), want: at + " pm25=1"},
		{name: "an empty time is not the time of receipt", channels: ids, in: list(one(dust, "1", `,"createdAt":""`), one(dust, "1", `,"createdAt":null`)), want: "! time-missing"},
		{name: "Unix time", channels: ids, in: list(one(dust, "1", `,"createdAt":1795417200`)), want: "! time-unreadable"},
		{name: "values that are none", channels: ids, in: list(one(dust, `"<15"`, timed), one("no2", `"4,05"`, timed), one("o3", "[1]", timed), one("so2", "true", timed), one(warm, `"0x10"`, timed)), want: "! value-unreadable"},
		{name: "missing codes", channels: ids, in: list(one(dust, "-1", timed), one(warm, `"-999.0"`, timed), one("gas", "-999", timed)), want: at + " no2=-999[missing-code] pm25=-1[missing-code] temperature=-999[missing-code]"},
		{name: "an empty array", in: "[]", want: "! no-values"},
		{name: "2500 values", channels: ids, in: list(strings.Split(strings.Repeat(one(dust, "1", timed)+"\n", maxSenseValues)[:maxSenseValues*(len(one(dust, "1", timed))+1)-1], "\n")...), want: at + " pm25=1"},
		{name: "2501 values", channels: ids, in: "[" + strings.Repeat(one(dust, "1", timed)+",", maxSenseValues) + "1]", want: "! too-large"},

		{name: "object", channels: ids, media: json, in: `{"` + warm + `":"7.5","` + dust + `":["8.1","` + at + `",[4.89,52.37]]}`, want: at + " pm25=8.1\n" + now + " temperature=7.5[server-time]"},
		{name: "object with short arrays", channels: ids, in: `{"` + warm + `":["7.5"],"` + dust + `":[],"no2":[1,2,3,4]}`, want: now + " temperature=7.5[server-time]\n! value-unreadable"},
		{name: "object with a key twice", channels: ids, in: `{"` + dust + `":"1","` + dust + `":"2","` + warm + `":"3"}`, want: now + " temperature=3[server-time]\n! value-unreadable"},
		{name: "object with an unknown id", channels: ids, in: `{"x":1,"y":{"z":2},"` + dust + `":"1"}`, want: now + " pm25=1[server-time]\n! channel-unknown"},
		{name: "object with a location", channels: ids, in: `{"location":{"lat":52.37,"lng":4.89},"` + dust + `":"1"}`, want: now + " pm25=1[server-time]"},
		{name: "object with too many", in: `{"a":1` + strings.Repeat(`,"a":1`, maxSenseValues) + `}`, want: "! too-large"},
		{name: "an id of 300 bytes", channels: ids, in: `{"` + strings.Repeat("x", 300) + `":1,"` + dust + `":1}`, want: now + " pm25=1[server-time]\n! channel-unknown"},
		{name: "hackAIR with too many", in: `{"reading":{"a":1` + strings.Repeat(`,"a":1`, maxSenseValues) + `}}`, want: "! too-large"},
		{name: "an array that is cut off", channels: ids, in: `{"` + dust + `":["1"`, want: "! json"},
		{name: "a reading that is no object", in: `{"reading":1}`, want: "! channel-unknown"},
		{name: "an empty object", in: "{}", want: "! no-values"},
		{name: "hackAIR", media: json, in: `{"reading":{"PM2.5_AirPollutantValue":"7.93","PM10_AirPollutantValue":"32.63"},"battery":"5.99","tamper":"0","error":"4"}`, want: now + " pm25=7.93[server-time] pm10=32.63[server-time]"},
		{name: "hackAIR in another order", in: `{"battery":"5.99","reading":{"NO_AirPollutantValue":"1","PM10_AirPollutantValue":"<1"}}`, want: "! channel-unknown\n! value-unreadable"},
		{name: "airrohr", media: json, in: pairs("SDS_P1", "4.05", "SDS_P2", "2.25"), want: now + " pm25=2.25[server-time] pm10=4.05[server-time]"},

		{name: "CSV", channels: ids, media: csv, in: warm + ",7.5," + at + "\n" + dust + ", 8.1 ," + at + ",4.89,52.37\r\n\n" + dust + ",8.2,2026-11-23T07:01:00Z,4.89,52.37,2\n", want: at + " pm25=8.1 temperature=7.5\n2026-11-23T07:01:00Z pm25=8.2"},
		{name: "CSV without a time, without a media type", channels: ids, in: warm + ",7.5", want: now + " temperature=7.5[server-time]"},
		{name: "CSV with a decimal comma: no 4 is taken", channels: ids, media: csv, in: dust + ",4,05\n" + dust + ",4,05," + at + "\n" + warm + ",7.5," + at, want: at + " temperature=7.5\n! time-unreadable\n! value-unreadable"},
		{name: "CSV with an empty time", channels: ids, media: csv, in: dust + ",4,", want: "! time-missing"},
		{name: "CSV with an empty value", channels: ids, media: csv, in: dust + ",", want: "! no-values"},
		{name: "CSV with bad lines", channels: ids, media: csv, in: "x\n,1\n" + dust + ",1," + at + ",1,2,3,4\n" + dust + ",1", want: now + " pm25=1[server-time]\n! value-unreadable"},
		{name: "CSV with a header", channels: ids, media: csv, in: "sensor,value\n" + dust + ",1", want: now + " pm25=1[server-time]\n! channel-unknown"},
		{name: "CSV with too many lines", media: csv, in: strings.Repeat("no2,1\n", maxSenseValues+1), want: "! too-large"},
		{name: "CSV with nothing", media: csv, in: "\n", want: "! no-values"},
		{name: "CSV called JSON", media: json, in: "no2,1", want: "! json"},
	})
}

// record is one record of application/sbx-bytes in hexadecimal digits.
func record(fields ...string) string {
	b, err := hex.DecodeString(strings.Join(fields, ""))
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestOpenSenseMapBytes(t *testing.T) {
	const (
		warm = "595f9a282dcbee77ac0e5dc4"
		sbx  = "application/sbx-bytes"
		ts   = "application/sbx-bytes-ts"
	)
	ids := []reading.Channel{{Key: warm, Property: "temperature"}, {Key: "000000000000000000000001", Property: "pm25"}}
	runWebCases(t, reading.FormatOpenSenseMap, []webCase{
		{name: "a real record: 4.3 and not 4.300000190734863", media: ts, channels: ids, in: record(warm, "9a998940", "340c6059"), want: "2017-07-07T22:33:24Z temperature=4.3"},
		{name: "without a time", media: sbx, channels: ids, in: record(warm, "9a998940"), want: now + " temperature=4.3[server-time]"},
		{name: "several", media: sbx, channels: ids, in: record(warm, "9a998940", "000000000000000000000001", "00000041"), want: now + " pm25=8[server-time] temperature=4.3[server-time]"},
		{name: "a duplicate", media: ts, channels: ids, in: strings.Repeat(record(warm, "9a998940", "340c6059"), 2), want: "2017-07-07T22:33:24Z temperature=4.3"},
		{name: "nobody declared the id", media: sbx, in: record(warm, "9a998940"), want: "! channel-unknown"},
		{name: "not a number is no value", media: sbx, channels: ids, in: record(warm, "0000c07f", "000000000000000000000001", "00000041"), want: now + " pm25=8[server-time]"},
		{name: "infinite", media: sbx, channels: ids, in: record(warm, "0000807f"), want: "! value-unreadable"},
		{name: "missing codes", media: sbx, channels: ids, in: record(warm, "00c079c4", "000000000000000000000001", "000080bf"), want: now + " pm25=-1[missing-code|server-time] temperature=-999[missing-code|server-time]"},
		{name: "zero is a value", media: sbx, channels: ids, in: record(warm, "00000080"), want: now + " temperature=0[server-time]"},
		{name: "after 2099", media: ts, channels: ids, in: record(warm, "9a998940", "ffffffff", warm, "9a998940", "340c6059"), want: "2017-07-07T22:33:24Z temperature=4.3\n! time-unreadable"},
		{name: "half a record", media: sbx, channels: ids, in: record(warm, "9a998940", "34"), want: "! value-unreadable"},
		{name: "records with a time without saying so", media: sbx, channels: ids, in: record(warm, "9a998940", "340c6059"), want: "! value-unreadable"},
		{name: "nothing", media: sbx, want: "! value-unreadable"},
		{name: "bytes without a media type", channels: ids, in: record(warm, "9a998940"), want: "! not-utf8"},
		{name: "too many", media: sbx, channels: ids, in: strings.Repeat(record(warm, "9a998940"), maxSenseValues+1), want: "! too-large"},
		{name: "too large", media: ts, in: strings.Repeat("x", MaxPayload+20), want: "! too-large"},
	})
	var all []webCase
	for i := range 24 {
		id := fmt.Sprintf("%024x", 1<<i)
		all = append(all, webCase{name: id, media: sbx, channels: []reading.Channel{{Key: id, Property: "no2"}}, in: record(id, "00000041"), want: now + " no2=8[server-time]"})
	}
	runWebCases(t, reading.FormatOpenSenseMap, all)
}
