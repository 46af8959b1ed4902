package decode

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"buurtmeter/ingest/reading"
)

// collect gathers, with encoding/json's tokens and not with our scanner, every
// number and numeric text that stands in the document.
func collect(doc []byte) (numbers map[float64]bool, keys map[string]bool) {
	numbers, keys = map[float64]bool{}, map[string]bool{}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	for {
		tok, err := dec.Token()
		if err != nil {
			return numbers, keys
		}
		text := ""
		switch v := tok.(type) {
		case json.Number:
			text = v.String()
		case string:
			text = strings.TrimSpace(v)
			keys[v] = true
		default:
			continue
		}
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			numbers[f] = true
		}
	}
}

// FuzzJSON checks against encoding/json that nothing is made up: each value of
// each reading stands in the document under a key that is there, a text that is
// not JSON gives no reading, and a text that is JSON is not called otherwise
// unless for a stated reason.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"time":"2026-11-23T08:00:00Z","interval":300,"rev":1,"values":{"no2":21.4,"pm25":8.1}}`,
		`{"time":1795420800.123,"values":{"no2":"21.4","pm25":null,"pm10":-999},"units":{"no2":"ppb"}}`,
		`{"readings":[{"time":0,"values":{"no2":1e2}},{"values":{"pm25":NaN}}]}`,
		`[{"time":"NA","values":{"n\u006f2":1}},[[]],{"x":{"y":[true,false,null,"\ud83d\ude00"]}}]`,
		"\xef\xbb\xbf{\"values\":{\"no2\":-0.0}}\x00",
		`{"values":{"no2":1,"no2":2}}`, `[]`, ``, `{"a":01}`,
	} {
		f.Add([]byte(s))
	}
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, payload []byte) {
		got := JSON(payload, reading.Station{ID: "s"}, now)
		if len(got.Readings)+len(got.Problems) == 0 {
			t.Fatal("a message must give a reading or a problem")
		}
		doc := bytes.TrimRight(bytes.TrimPrefix(payload, []byte("\xef\xbb\xbf")), "\x00")
		low := bytes.ToLower(doc)
		if !json.Valid(doc) && !bytes.Contains(low, []byte("nan")) && !bytes.Contains(low, []byte("inf")) {
			if len(got.Readings) > 0 {
				t.Fatalf("readings from what is not JSON: %+v", got.Readings)
			}
			return
		}
		if json.Valid(doc) && refusedAsJSON(got, payload) && !statedReason(got.Problems[0].Detail) {
			t.Fatalf("JSON was refused: %s", got.Problems[0].Detail)
		}
		if json.Valid(doc) {
			checkNothingInvented(t, got.Readings, doc, now)
		}
	})
}

func refusedAsJSON(d Decoded, payload []byte) bool {
	return len(d.Problems) == 1 && d.Problems[0].Cause == CauseJSON && len(d.Problems[0].Element) == len(payload)
}

func statedReason(detail string) bool {
	for _, why := range []string{"nested too deep", `"readings"`, "neither an object nor an array", "element of a batch", "empty"} {
		if strings.Contains(detail, why) {
			return true
		}
	}
	return false
}

func checkNothingInvented(t *testing.T, rs []reading.Reading, doc []byte, now time.Time) {
	t.Helper()
	numbers, keys := collect(doc)
	for _, r := range rs {
		if len(r.Values) == 0 || r.Interval < 0 || r.Interval > MaxInterval || r.At.Year() < 1970 || r.At.Year() > 2099 {
			t.Fatalf("impossible reading %+v", r)
		}
		for i, v := range r.Values {
			if !keys[string(v.Property)] {
				t.Fatalf("property %s is not in the document", v.Property)
			}
			if i > 0 && slot([]byte(r.Values[i-1].Property)) >= slot([]byte(v.Property)) {
				t.Fatalf("values not in order: %+v", r.Values)
			}
			converted := false
			for n := range numbers {
				converted = converted || (v.Property == reading.NO2 && keys["ppb"] && n*MicrogramPerPpbNO2 == v.Value)
			}
			if !numbers[v.Value] && !converted {
				t.Fatalf("value %v of %s is not in the document", v.Value, v.Property)
			}
			if v.Flags&reading.ServerTime != 0 && !r.At.Equal(now) {
				t.Fatalf("server time %v is not the time of receipt", r.At)
			}
		}
	}
}

// FuzzNumber compares our reading of numbers with encoding/json's.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{"1", "-0", "1.5e3", "1e400", "00", "1.", ".5", "-", "1e", "0x1", "1_0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := token{kindText, []byte(s)}.float()
		trimmed := strings.TrimSpace(s)
		var want float64
		err := json.Unmarshal([]byte(trimmed), &want)
		var wrongType *json.UnmarshalTypeError
		isNumber := err == nil && trimmed != "null"
		if errors.As(err, &wrongType) {
			isNumber = false
		}
		if ok != isNumber || (ok && got != want) {
			t.Fatalf("%q: got %v %v, encoding/json says %v %v", s, got, ok, want, err)
		}
	})
}
