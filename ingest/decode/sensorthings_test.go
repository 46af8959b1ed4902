package decode

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

func TestSensorThings(t *testing.T) {
	const at, phenomenon = "2026-11-23T07:00:00Z", `"phenomenonTime":"2026-11-23T07:00:00Z"`
	const first = "v1.1/Datastreams(1)/Observations"
	dust := []reading.Channel{{Key: "Datastreams(1)", Property: reading.PM25}, {Key: "2", Property: reading.NO2, Unit: "ppb"}, {Key: "'abc'", Property: reading.PM10}, {Key: "Datastreams('x y')", Property: reading.PM1}, {Key: "9"}}
	with := func(id, rest string) string { return `{"Datastream":{"@iot.id":` + id + `},` + rest + `}` }
	cases := []deviceCase{
		{name: "a real one, of a phone", in: `{"result":26,"resultTime":"2019-08-31T13:16:16-00:00"}`, topic: first, want: "2019-08-31T13:16:16Z pm25=26"},
		{name: "in the topic of a station", in: `{"result":26,` + phenomenon + `}`, topic: "buurtmeter/v1/noord-1/readings/sensorthings/v1.1/Datastreams(1)/Observations", want: at + " pm25=26"},
		{name: "the full form, no position is taken", in: `{` + phenomenon + `,"validTime":"2026-11-23T07:00:00Z/2026-11-24T07:00:00Z","resultTime":"2026-11-23T07:01:00Z","result":8.5,"resultQuality":[],"parameters":{"pm10":3},"Datastream":{"@iot.id":1},"FeatureOfInterest":{"name":"home","encodingType":"application/vnd.geo+json","feature":{"type":"Point","coordinates":[4.89,52.37]}}}`, want: at + " pm25=8.5"},
		{name: "declared as a number, in ppb", in: with("2", `"result":10,`+phenomenon), want: at + " no2=19.125"},
		{name: "an id that is a text", in: with(`"abc"`, `"result":10,`+phenomenon), want: at + " pm10=10"},
		{name: "a quoted id in the topic", in: `{"result":10,` + phenomenon + `}`, topic: "v1.0/Datastreams('x y')/Observations", want: at + " pm1=10"},
		{name: "topic and message agree", in: with("1", `"result":10,`+phenomenon), topic: first, want: at + " pm25=10"},
		{name: "topic and message differ", in: with("2", `"result":10,`+phenomenon), topic: first, want: "! channel-unknown"},
		{name: "nobody declared it", in: with("7", `"result":10,`+phenomenon), want: "! channel-unknown", says: `"Datastreams(7)"`},
		{name: "the keeper leaves it out", in: with("9", `"result":10,`+phenomenon), want: ""},
		{name: "none is named", in: `{"result":10,` + phenomenon + `}`, topic: "v1.1/Observations", want: "! channel-unknown", says: "no Datastream"},
		{name: "Datastream of another form", in: `{"Datastream":1,"result":10,` + phenomenon + `}`, want: "! channel-unknown"},
		{name: "Datastream twice", in: `{"Datastream":{"@iot.id":1},"Datastream":{"@iot.id":1},"result":10,` + phenomenon + `}`, want: "! channel-unknown"},

		{name: "an interval", in: `{"phenomenonTime":"2026-11-23T07:00:00Z/2026-11-23T07:05:00Z","result":1}`, topic: first, want: at + " 5m0s pm25=1"},
		{name: "an interval that ends a millisecond early", in: `{"phenomenonTime":"2026-11-23T08:00:00.000+01:00/2026-11-23T08:59:59.999+01:00","result":1}`, topic: first, want: at + " 1h0m0s pm25=1"},
		{name: "an interval of nothing is an instant", in: `{"phenomenonTime":"2026-11-23T07:00:00Z/2026-11-23T07:00:00Z","result":1}`, topic: first, want: at + " pm25=1"},
		{name: "a day", in: `{"phenomenonTime":"2026-11-23T00:00:00Z/2026-11-24T00:00:00Z","result":1}`, topic: first, want: "! interval"},
		{name: "an hour and a second", in: `{"phenomenonTime":"2026-11-23T07:00:00Z/2026-11-23T08:00:01Z","result":1}`, topic: first, want: "! interval"},
		{name: "backwards", in: `{"phenomenonTime":"2026-11-23T07:05:00Z/2026-11-23T07:00:00Z","result":1}`, topic: first, want: "! interval"},
		{name: "an interval with a duration", in: `{"phenomenonTime":"2026-11-23T07:00:00Z/PT5M","result":1}`, topic: first, want: "! time-unreadable"},
		{name: "an interval without zone", in: `{"phenomenonTime":"2026-11-23T08:00:00/2026-11-23T08:05:00","result":1}`, topic: first, want: "! time-unreadable"},
		{name: "an interval in the declared zone", in: `{"phenomenonTime":"2026-11-23T08:00:00/2026-11-23T08:05:00","result":1}`, topic: first, zone: "+01:00", want: at + " 5m0s pm25=1"},
		{name: "no time", in: `{"result":1}`, topic: first, want: receivedAt + " pm25=1[server-time]"},
		{name: "times null", in: `{"result":1,"phenomenonTime":null,"resultTime":null}`, topic: first, want: receivedAt + " pm25=1[server-time]"},
		{name: "phenomenonTime null, resultTime there", in: `{"result":1,"phenomenonTime":null,"resultTime":"2026-11-23T07:00:00Z"}`, topic: first, want: at + " pm25=1"},
		{name: "phenomenonTime empty", in: `{"result":1,"phenomenonTime":"","resultTime":"2026-11-23T07:00:00Z"}`, topic: first, want: "! time-missing"},
		{name: "phenomenonTime unreadable is not passed over", in: `{"result":1,"phenomenonTime":"x","resultTime":"2026-11-23T07:00:00Z"}`, topic: first, want: "! time-unreadable"},

		{name: "result in a text", in: `{"result":"8.5",` + phenomenon + `}`, topic: first, want: at + " pm25=8.5"},
		{name: "result with a comma", in: `{"result":"8,5",` + phenomenon + `}`, topic: first, want: "! value-unreadable"},
		{name: "result an object", in: `{"result":{"pm25":8},` + phenomenon + `}`, topic: first, want: "! value-unreadable"},
		{name: "result true", in: `{"result":true,` + phenomenon + `}`, topic: first, want: "! value-unreadable"},
		{name: "result of a MultiDatastream", in: `{"result":[1,2],` + phenomenon + `}`, topic: first, want: "! value-unreadable"},
		{name: "result null", in: `{"result":null,` + phenomenon + `}`, topic: first, want: "! no-values"},
		{name: "no result", in: `{` + phenomenon + `}`, topic: first, want: "! no-values"},
		{name: "result twice", in: `{"result":1,"result":1,` + phenomenon + `}`, topic: first, want: "! value-unreadable"},
		{name: "a missing code", in: `{"result":-1,` + phenomenon + `}`, topic: first, want: at + " pm25=-1[missing-code]"},

		{name: "a list, bad ones among them", in: `[` + with("1", `"result":1,`+phenomenon) + `,` + with("7", `"result":2,`+phenomenon) + `,8,` + with("2", `"result":"x",`+phenomenon) + `,` + with("2", `"result":1`) + `,` + with("2", `"result":10,`+phenomenon) + `]`, want: at + " pm25=1\n" + at + " no2=19.125\n! channel-unknown\n! json\n! value-unreadable\n! time-missing"},
		{name: "dataArray", in: `[{"Datastream":{"@iot.id":1},"components":["phenomenonTime","result","FeatureOfInterest/id"],"dataArray@iot.count":2,"dataArray":[["2026-11-23T07:00:00Z",20,1],["2026-11-23T07:05:00Z","30",1]]},` +
			`{"Datastream":{"@iot.id":2},"components":["result","resultTime"],"dataArray":[[10,"2026-11-23T07:00:00Z"]]}]`, want: at + " pm25=20\n2026-11-23T07:05:00Z pm25=30\n" + at + " no2=19.125"},
		{name: "a group alone", in: with("1", `"components":["result"],"dataArray":[[1]]`), want: receivedAt + " pm25=1[server-time]"},
		{name: "bad rows", in: with("1", `"components":["phenomenonTime","result"],"dataArray":[["x",1],["y",2],7,[],["2026-11-23T07:00:00Z"],["2026-11-23T07:00:00Z",5],["2026-11-23T07:05:00Z",{}],[null,3]]`), want: at + " pm25=5\n! time-unreadable\n! json\n! time-missing\n! no-values\n! value-unreadable"},
		{name: "a group without components", in: with("1", `"dataArray":[[1]]`), want: "! json"},
		{name: "a group without rows", in: with("1", `"components":["result"],"dataArray":[]`), want: "! no-values"},
		{name: "a group of another form", in: with("1", `"components":["result"],"dataArray":{"a":1}`), want: "! json"},
		{name: "an empty list", in: `[]`, topic: first, want: "! no-values"},
		{name: "a number", in: `26`, topic: first, want: "! json"},
	}
	for i := range cases {
		cases[i].channels = dust
	}
	runDevice(t, reading.FormatSensorThings, cases)
}

func TestTheDatastreamOfATopic(t *testing.T) {
	for topic, want := range map[string]string{
		"v1.1/Datastreams(1)/Observations": "1", "/v1.1/Datastreams('a')/Observations": "a", "Datastreams(12)": "12",
		"v1.1/Observations": "", "": "", "/": "", "v1.1/Datastreams()/Observations": "", "Datastreams(1)/v1.1/Datastreams(2)/Observations": "2",
	} {
		assert.Equal(t, want, datastreamOf(topic), topic)
	}
}

func TestTheRowsOfADataArrayAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range MaxReadings {
		fmt.Fprintf(&b, `["2026-11-23T07:00:00Z",%d],`, i)
	}
	st := station
	st.Wire.Channels = []reading.Channel{{Key: "1", Property: reading.PM25}}
	for rows, tooMany := range map[string]bool{strings.TrimSuffix(b.String(), ","): false, b.String() + `["2026-11-23T07:00:00Z",1]`: true} {
		in := `[{"Datastream":{"@iot.id":1},"components":["phenomenonTime","result"],"dataArray":[` + rows + `]}]`
		got := SensorThings(Input{Payload: []byte(in), Station: st, Received: received})
		assert.Len(t, got.Readings, MaxReadings)
		if tooMany {
			require.Len(t, got.Problems, 1)
			assert.Equal(t, CauseTooLarge, got.Problems[0].Cause)
		} else {
			assert.Empty(t, got.Problems)
		}
	}
}
