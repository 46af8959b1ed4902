package decode

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"testing"
	"time"

	"buurtmeter/ingest/reading"
)

var (
	someNumber = regexp.MustCompile(`-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?`)
	someEscape = regexp.MustCompile(`\\u00([0-9a-fA-F]{2})`)
)

// numbersIn finds, without our scanner, every number that stands in a text,
// also in one written with JSON's escapes.
func numbersIn(payload []byte) []float64 {
	plain := someEscape.ReplaceAllFunc(payload, func(b []byte) []byte {
		n, err := strconv.ParseUint(string(b[4:]), 16, 8)
		if err != nil {
			return b
		}
		return []byte{byte(n)}
	})
	var ns []float64
	for _, text := range [][]byte{payload, plain} {
		for _, b := range someNumber.FindAll(text, -1) {
			if v, err := strconv.ParseFloat(string(b), 64); err == nil {
				ns = append(ns, v+0)
			}
		}
	}
	return ns
}

// stems tells whether the value is one of the numbers in some unit of p.
func stems(p reading.Property, v float64, numbers []float64) bool {
	for _, name := range []string{"", "Pa", "kPa", "bar", "K", "°F", "/", "mg/m3", "ppb", "ppm", "kg/m3"} {
		c, ok := senmlUnit(p, []byte(name))
		for _, n := range numbers {
			if ok && c.apply(n) == v {
				return true
			}
		}
	}
	return false
}

// fuzzWeb holds one answer to everything that must be true of it.
func fuzzWeb(t *testing.T, f reading.Format, in Input, numbers []float64) Decoded {
	t.Helper()
	d := Decode(f, in)
	checkWeb(t, f, in, d)
	if len(d.Readings)+len(d.Problems) == 0 && len(in.Station.Wire.Channels) == 0 && in.Pin != "9" && in.Pin != "15" && f != reading.FormatSenML {
		t.Fatal("a message must give a reading or a problem")
	}
	for _, r := range d.Readings {
		for _, v := range r.Values {
			if !stems(v.Property, v.Value, numbers) {
				t.Fatalf("%v of %s does not stand in the message", v.Value, v.Property)
			}
			if v.Flags&reading.ServerTime != 0 && f != reading.FormatSenML && !r.At.Equal(r.Received) {
				t.Fatalf("server time %v is not the time of receipt", r.At)
			}
			if coded := v.Value == -999 || v.Value == -9999; v.Flags&reading.MissingCode != 0 && !coded && v.Value != -1 {
				t.Fatalf("%v is no code for a missing value", v.Value)
			}
		}
	}
	return d
}

// mustBeJSON fails when readings came from what is not JSON. The words that
// printf writes for a failed measurement are let through on purpose.
func mustBeJSON(t *testing.T, payload []byte, d Decoded) {
	t.Helper()
	doc := bytes.TrimRight(bytes.TrimPrefix(payload, []byte("\xef\xbb\xbf")), "\x00")
	low := bytes.ToLower(doc)
	if len(d.Readings) > 0 && !json.Valid(doc) && !bytes.Contains(low, []byte("nan")) && !bytes.Contains(low, []byte("inf")) {
		t.Fatalf("readings from what is not JSON: %s", summary(d))
	}
}

// fuzzWebInput is a message of a station with or without channels.
func fuzzWebInput(payload []byte, declared bool) Input {
	in := Input{Payload: payload, Station: reading.Station{ID: "s"}, Received: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}
	if declared {
		in.Station.Wire = reading.Wire{Zone: "Europe/Amsterdam", Channels: []reading.Channel{
			{Key: "a", Property: "temperature", Unit: "K"},
			{Key: "b", Property: "no2", Unit: "ppb"},
			{Key: "c"},
			{Key: "13/temperature", Property: "temperature"},
			{Key: "595f9a282dcbee77ac0e5dc4", Property: "pm25"},
		}}
	}
	return in
}

func FuzzSenML(f *testing.F) {
	for _, s := range []string{
		`[{"bn":"urn:dev:x:","bt":1795417200,"bu":"ug/m3","bver":10,"n":"no2","v":21.4},{"n":"temperature","u":"Cel","v":-4.5,"t":-60}]`,
		`[{"bv":20,"n":"pm2.5","v":1.5},{"n":"humidity","u":"/","v":0.5},{"n":"a","v":280},{"n":"co","u":"ppm","vs":"1"},{"n":"no2","s":3}]`,
		`[{"n":"lat","u":"lat","v":52.3702},{"n":"x","v":-999},{"n":"pm10","v":nan,"t":1e9},{"n":"b","vb":true,"x_":1}]`,
	} {
		f.Add([]byte(s), len(s)%2 == 0)
	}
	f.Fuzz(func(t *testing.T, payload []byte, declared bool) {
		numbers := numbersIn(payload)
		if n := len(numbers); n <= 60 && bytes.Contains(payload, []byte("v")) {
			for i := range n { // with a base value
				for k := range n {
					numbers = append(numbers, numbers[i]+numbers[k])
				}
			}
		} else if n > 60 {
			return
		}
		mustBeJSON(t, payload, fuzzWeb(t, reading.FormatSenML, fuzzWebInput(payload, declared), numbers))
	})
}

func FuzzSensorCommunity(f *testing.F) {
	f.Add([]byte(pairs("P1", "1.87", "P2", "1.05", "P0", "-1")), "1", false)
	f.Add([]byte(pairs("temperature", "7.5", "humidity", "nan", "pressure", "101300")), "11", true)
	f.Add([]byte(pairs("temperature", "7.5", "lat", "52.3702")), "13", true)
	f.Add([]byte(pairs("P1", "1", "durP1", "2")), "5", false)
	f.Fuzz(func(t *testing.T, payload []byte, pin string, declared bool) {
		in := fuzzWebInput(payload, declared)
		in.Pin = pin
		mustBeJSON(t, payload, fuzzWeb(t, reading.FormatSensorCommunity, in, numbersIn(payload)))
	})
}

func FuzzAirrohr(f *testing.F) {
	f.Add([]byte(pairs("SDS_P1", "4.05", "SPS30_P2", "2.25", "signal", "-59 dBm", "interval", "145000", "GPS_lat", "52.3702")), false)
	f.Add([]byte(`{"timestamp":"2026-11-23T08:00:00","sensordatavalues":[{"value_type":"BME280_pressure","value":101300},{"value":nan,"value_type":"no2_ppb"},{"value_type":"a","value":"280"}]}`), true)
	f.Add([]byte(`{"sensordatavalues":[7,{"value_type":"temperature","value":"1"},{"value_type":"BME280_temperature","value":"\u0031\u0032"}],"location":[4.8952,52.3702]}`), false)
	f.Fuzz(func(t *testing.T, payload []byte, declared bool) {
		mustBeJSON(t, payload, fuzzWeb(t, reading.FormatAirrohr, fuzzWebInput(payload, declared), numbersIn(payload)))
	})
}

func FuzzAirrohrInflux(f *testing.F) {
	f.Add([]byte("feinstaub,node=esp8266-1234567 SDS_P1=4.05,SDS_P2=2.25,signal=-86\n"), false)
	f.Add([]byte("f a=280i,BME280_pressure=101300,GPS_lat=52.3702,interval=60000 1795417200123456789\r\n# x\nf,x\\ y=z temperature=\"a\\\"b\",no2_ppb=20"), true)
	f.Add([]byte("f SDS_P1=4,05\nf SDS_P1=1 1795417200\nf SDS_P1=2 1795417200\nf SDS_P2=\"nan\""), false)
	f.Fuzz(func(t *testing.T, payload []byte, declared bool) {
		fuzzWeb(t, reading.FormatAirrohrInflux, fuzzWebInput(payload, declared), numbersIn(payload))
	})
}

func FuzzOpenSenseMap(f *testing.F) {
	media := [...]string{"", "application/json", "text/csv", "application/sbx-bytes", "application/sbx-bytes-ts"}
	f.Add([]byte(`[{"sensor":"pm25","value":"4.3","createdAt":"2026-11-23T08:00:00Z","location":[4.8952,52.3702]},{"sensor":"a","value":280}]`), uint8(0), true)
	f.Add([]byte(`{"pm10":["4.3","2026-11-23T08:00:00",[4.8952,52.3702]],"b":7,"c":1}`), uint8(1), true)
	f.Add([]byte(`{"reading":{"PM2.5_AirPollutantValue":"7.93"},"battery":"5.99"}`), uint8(1), false)
	f.Add([]byte("no2,4.3,2026-11-23T08:00:00Z,4.8952,52.3702\npm10,4,05\n"), uint8(2), false)
	f.Add([]byte(record("595f9a282dcbee77ac0e5dc4", "9a998940")), uint8(3), true)
	f.Add([]byte(record("595f9a282dcbee77ac0e5dc4", "9a998940", "340c6059")), uint8(4), true)
	f.Fuzz(func(t *testing.T, payload []byte, which uint8, declared bool) {
		in := fuzzWebInput(payload, declared)
		in.ContentType = media[int(which)%len(media)]
		numbers := numbersIn(payload)
		if size := map[string]int{"application/sbx-bytes": 16, "application/sbx-bytes-ts": 20}[in.ContentType]; size > 0 {
			numbers = numbers[:0]
			for b := payload; len(b) >= size; b = b[size:] {
				v := float64(math.Float32frombits(binary.LittleEndian.Uint32(b[12:])))
				if short, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', -1, 32), 64); err == nil {
					numbers = append(numbers, short+0)
				}
			}
		}
		d := fuzzWeb(t, reading.FormatOpenSenseMap, in, numbers)
		if in.ContentType == "application/json" {
			mustBeJSON(t, payload, d)
		}
	})
}
