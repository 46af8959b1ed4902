package decode

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"buurtmeter/ingest/reading"
)

// fuzzDevice checks, for any payload and topic, that nothing panics, that each value
// can be traced to a number of the payload, that a time is the one of receipt or
// stands in the payload, and that problems are few, bounded and about a part of
// the payload.
func fuzzDevice(f *testing.F, format reading.Format, wire reading.Wire, seeds ...string) {
	f.Helper()
	for _, s := range seeds {
		f.Add([]byte(s), "v1.1/Datastreams(1)/Observations")
		f.Add([]byte(s), "tuin/sensor/pm25/state")
	}
	st := reading.Station{ID: "s", Wire: wire}
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, payload []byte, topic string) {
		in := Input{Payload: payload, Topic: topic, Station: st, Received: now}
		before := bytes.Clone(payload)
		got := Decode(format, in)
		if !bytes.Equal(before, payload) {
			t.Fatal("the payload was changed")
		}
		numbers := traceable(payload, wire)
		for _, r := range got.Readings {
			checkReading(t, r, now)
			for _, v := range r.Values {
				if !numbers[v.Value] {
					t.Fatalf("%s = %v is not in the payload %q", v.Property, v.Value, payload)
				}
			}
		}
		seen := map[string]bool{}
		for _, p := range got.Problems {
			key := p.Cause + " " + string(p.Element)
			if p.Detail == "" || len(p.Detail) > 500 || len(p.Element) > len(payload) || seen[key] && len(p.Element) == len(payload) {
				t.Fatalf("problem %+v", p)
			}
			seen[key] = true
			in.Payload = p.Element
			Decode(format, in)
		}
	})
}

func checkReading(t *testing.T, r reading.Reading, now time.Time) {
	t.Helper()
	if len(r.Values) == 0 || r.Interval < 0 || r.Interval > MaxInterval || r.At.Year() < 1970 || r.At.Year() > 2099 || !r.Received.Equal(now) {
		t.Fatalf("impossible reading %+v", r)
	}
	for i, v := range r.Values {
		if i > 0 && slot([]byte(r.Values[i-1].Property)) >= slot([]byte(v.Property)) {
			t.Fatalf("values not in order: %+v", r.Values)
		}
		if v.Flags&reading.ServerTime != 0 && !r.At.Equal(now) {
			t.Fatalf("server time %v is not the time of receipt", r.At)
		}
	}
}

var (
	numberIn = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?`)
	escapes  = regexp.MustCompile(`\\u00([0-7][0-9a-fA-F])`)
)

// traceable are the values that the numbers in the payload may stand for: as they
// are, or with the factor of a unit that the names or channels bring in, or as bits
// of a packed payload. It does not use the decoder's own scanner.
func traceable(payload []byte, wire reading.Wire) map[float64]bool {
	out := map[float64]bool{}
	add := func(s string) {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return
		}
		out[v+0] = true
		for _, c := range []conversion{
			{MicrogramPerPpbNO2, 0},
			{microgramPerPpbO3, 0},
			{microgramPerPpbSO2, 0},
			{microgramPerPpbCO / 1000, 0},
			{microgramPerPpbCO * 1000 / 1000, 0},
			{MicrogramPerPpbNO2 * 1000, 0},
			{microgramPerPpbO3 * 1000, 0},
			{microgramPerPpbSO2 * 1000, 0},
			{1000, 0},
			{0.001, 0},
			{0.01, 0},
			{1, -273.15},
			{5. / 9, -160. / 9},
		} {
			out[c.apply(v)] = true
		}
	}
	text := escapes.ReplaceAllStringFunc(string(payload), func(e string) string {
		n, _ := strconv.ParseUint(e[2:], 16, 8)
		return string(rune(n))
	})
	// The number that begins at each place, so that 1-2 gives both.
	for i := range len(text) {
		if text[i] == '-' || text[i] >= '0' && text[i] <= '9' {
			add(numberIn.FindString(text[i:]))
		}
	}
	for _, s := range packedTexts(payload) {
		raw, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			continue
		}
		for i := 0; i+1 < len(raw); i++ {
			word := float64(int(raw[i])<<8 | int(raw[i+1]))
			out[word] = true
			for _, v := range []int{int(word) >> 4, int(word) & 0xfff} {
				if v >= 1<<11 {
					v -= 1 << 12
				}
				out[float64(v)/16] = true
			}
		}
	}
	return out
}

// packedTexts are all texts of the document, by encoding/json.
func packedTexts(payload []byte) (out []string) {
	dec := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(payload, []byte("\xef\xbb\xbf"))))
	dec.UseNumber()
	for {
		tok, err := dec.Token()
		if err != nil {
			return out
		}
		if s, ok := tok.(string); ok {
			out = append(out, s)
		}
	}
}

func FuzzTheThingsStack(f *testing.F) {
	fuzzDevice(f, reading.FormatTheThingsStack, reading.Wire{Zone: "Europe/Amsterdam", Channels: []reading.Channel{{Key: "a.b", Property: reading.NO2, Unit: "ppb"}, {Key: "x"}}},
		cayenne, up(`{"pm2_5":8,"no2":1,"temp_f":70,"a":{"b":20},"x":1,"location":{"latitude":52.1}}`), `{"join_accept":{}}`, `{"simulated":1}`,
		`{"uplink_message":{`+upAt+`,"normalized_payload":[{"time":"2026-11-23 06:50:00","air":{"temperature":20}},{"air":{"pressure":1}}]}}`,
		`{"dev_id":"b","counter":1,"payload_raw":"AQ==","payload_fields":{"pm10":-1},"metadata":{"time":"2017-03-21T10:42:18Z"}}`, "\xef\xbb\xbf{}\x00", ``)
}

func FuzzMeetJeStad(f *testing.F) {
	fuzzDevice(f, reading.FormatMeetJeStad, reading.Wire{Zone: "+01:00"},
		mjs(10, "AAAAAAAAEZP4580="), mjs(13, pack(field{0x61, 8}, field{1, 8}, field{-1, 48}, field{-1, 24}, field{1, 8}, field{7, 32}, field{9, 16})),
		`[{"timestamp":"2026-11-23 08:00:00","latitude":52.1,"temperature":7.5,"pm2.5":"8"},{"timestamp":1,"pm10":-999},3]`,
		`{"port":11,"payload_raw":"`+pack(field{5, 96})+`","metadata":{"time":""}}`, ``)
}

func FuzzSmartCitizen(f *testing.F) {
	fuzzDevice(f, reading.FormatSmartCitizen, reading.Wire{Channels: []reading.Channel{{Key: "1", Property: reading.Temperature, Unit: "K"}, {Key: "2"}}},
		`{ t:2017-03-24T13:35:14Z, 1:48.45, 13:66, 87:28, 2:4.45 }`, `{87:1,88:-1,89:nan,t:}`, `{t`, `{"recorded_at":"2016-06-08 10:30:00Z","sensors":[{"id":87,"value":21}]}`,
		`{"data":[{"recorded_at":1795417200.5,"sensors":[{"id":"1","value":"21"},{"id":87,"value":1},{}]},{"sensors":[]},1]}`, ``)
}

func FuzzAirGradient(f *testing.F) {
	fuzzDevice(f, reading.FormatAirGradient, reading.Wire{Channels: []reading.Channel{{Key: "atmp", Property: reading.Temperature, Unit: "°F"}, {Key: "rhum"}}},
		outdoor, `{"pm02":"7","pm02Compensated":5.2,"no2":1,"pm10":null,"pm01":1,"pm01":2}`, `[]`, ``)
}

func FuzzSensorThings(f *testing.F) {
	fuzzDevice(f, reading.FormatSensorThings, reading.Wire{Zone: "+01:00", Channels: []reading.Channel{{Key: "Datastreams(1)", Property: reading.PM25}, {Key: "2", Property: reading.CO, Unit: "ppm"}, {Key: "3"}}},
		`{"result":26,"resultTime":"2019-08-31T13:16:16-00:00"}`, `{"phenomenonTime":"2026-11-23T07:00:00Z/2026-11-23T07:05:00Z","result":"1","Datastream":{"@iot.id":"2"}}`,
		`[{"Datastream":{"@iot.id":1},"components":["phenomenonTime","result","FeatureOfInterest/id"],"dataArray":[["2026-11-23T07:00:00Z",20,1],["2026-11-23 07:05:00","30",1],[]]},{"Datastream":{"@iot.id":3},"result":1}]`, ``)
}

func FuzzHomeAssistant(f *testing.F) {
	fuzzDevice(f, reading.FormatHomeAssistant, reading.Wire{Channels: []reading.Channel{{Key: "value_json.temperature", Property: reading.Temperature, Unit: "°C"}, {Key: "{{ value_json.pm.pm25}}", Property: reading.PM25}, {Key: "sensor/pm25/state", Property: reading.NO2, Unit: "ppb"}}},
		`{ "temperature": 23.20, "pm": {"pm25":"8","pm10":1} }`, `7.5`, `"7"`, `unavailable`, `{"a":{"b":{"latitude":1}}}`, ``)
}

// FuzzHomeAssistantChannel: a channel that is made from a config has a property, a
// unit that it knows, and a key that is a topic or a path and never a template.
func FuzzHomeAssistantChannel(f *testing.F) {
	for _, s := range []string{
		`{"device_class":"temperature","state_topic":"a/state","unit_of_measurement":"°C","value_template":"{{ value_json.temperature}}"}`,
		`{"~":"tuin/pm","dev_cla":"pm10","stat_t":"~/state","val_tpl":"{{ value }}"}`, `{"device_class":"ozone","unit_of_meas":"ppb","stat_t":"x"}`, ``, `{`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, config []byte) {
		c, err := HomeAssistantChannel(config)
		if err != nil {
			if err.Error() == "" || len(err.Error()) > 500 {
				t.Fatal(err)
			}
			return
		}
		factor, offset, ok := Conversion(c.Property, c.Unit)
		if slot([]byte(c.Property)) < 0 || !ok || math.IsNaN(factor+offset) {
			t.Fatalf("%+v", c)
		}
		if path, isPath := strings.CutPrefix(c.Key, valueJSON); c.Key == "" || strings.ContainsAny(c.Key, "+#") || isPath && strings.ContainsAny(path, "{}|[](' ") {
			t.Fatalf("%+v", c)
		}
	})
}
