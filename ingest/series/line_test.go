package series

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

func five() reading.Reading {
	at := time.UnixMilli(1772323200000).UTC()
	return reading.Reading{
		Station: "buurt-0042", At: at, Received: at.Add(time.Second), Interval: time.Minute,
		Values: []reading.Value{
			{Property: reading.NO2, Value: 21.4},
			{Property: reading.PM25, Value: 8.1},
			{Property: reading.PM10, Value: 12.7},
			{Property: reading.Temperature, Value: -1.5},
			{Property: reading.Humidity, Value: 81, Flags: reading.Range},
		},
	}
}

func TestLine(t *testing.T) {
	r := five()
	line, err := appendLine(nil, columns(), &r, false)
	require.NoError(t, err)
	assert.Equal(t, "reading,station=buurt-0042 no2=21.4,pm25=8.1,pm10=12.7,temperature=-1.5,humidity=81,humidity_q=2i,"+
		"dt=60i,rx=1772323201000i 1772323200000\n", string(line))

	r = reading.Reading{Station: "a b,c=d", At: r.At, Revision: 12, Values: []reading.Value{{Property: reading.NO2, Value: 1e-9}}}
	line, err = appendLine(line[:0], columns(), &r, true)
	require.NoError(t, err)
	assert.Equal(t, `reading,rev=12,station=a\ b\,c\=d no2=1e-09,no2_q=0i,dt=0i,rx=-62135596800000i 1772323200000`+"\n", string(line))
}

func TestRefusedLineLeavesNoTrace(t *testing.T) {
	good, bad := five(), five()
	bad.Values = append(bad.Values, bad.Values[0])
	buf, err := appendLine(nil, columns(), &good, false)
	require.NoError(t, err)
	before := string(buf)
	buf, err = appendLine(buf, columns(), &bad, false)
	require.ErrorIs(t, err, errTwice)
	assert.Equal(t, before, string(buf))
}

func TestHalfAnAnswerIsAnError(t *testing.T) {
	const first = `{"results":[{"statement_id":0,"series":[{"name":"reading","columns":["time"],"values":[[1]],"partial":true}],"partial":true}]}`
	const last = `{"results":[{"statement_id":0,"series":[{"name":"reading","columns":["time"],"values":[[2]]}]}]}`
	for name, c := range map[string]struct {
		body string
		rows int
		err  string
	}{
		"whole":           {first + "\n" + last, 2, ""},
		"empty answer":    {`{"results":[{"statement_id":0}]}`, 0, ""},
		"nothing":         {"", 0, errCut.Error()},
		"no last part":    {first, 1, errCut.Error()},
		"cut inside":      {first + last[:40], 1, "read the answer"},
		"error at end":    {first + `{"results":[{"statement_id":0,"error":"query interrupted"}]}`, 1, "query interrupted"},
		"error outside":   {`{"error":"no such thing"}`, 0, "no such thing"},
		"not JSON at all": {"<html>", 0, "read the answer"},
	} {
		t.Run(name, func(t *testing.T) {
			rows := 0
			err := readAnswers(strings.NewReader(c.body), func(a answer) error {
				rows += len(a.Values)
				return nil
			})
			assert.Equal(t, c.rows, rows)
			if c.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.err)
		})
	}
	stop := errors.New("stop")
	require.ErrorIs(t, readAnswers(strings.NewReader(first), func(answer) error { return stop }), stop)
}

func TestForeignRowsAreErrors(t *testing.T) {
	d := rowDecoder{station: "x", columns: columns()}
	nulls := strings.Repeat("null,null,", len(d.columns))
	cols := make([]string, 2*len(d.columns)+3)
	require.NoError(t, d.add(answer{Columns: cols, Values: raws(`[1000,` + nulls + `null,null]`)}))
	assert.Empty(t, d.out, "a point without our properties is no reading")
	require.Error(t, d.add(answer{Columns: cols[1:]}))
	require.Error(t, d.add(answer{Columns: cols, Tags: map[string]string{"rev": "256"}}))
	require.Error(t, d.add(answer{Columns: cols, Values: raws(`["a",` + nulls + `null,null]`)}))
	require.Error(t, d.add(answer{Columns: cols, Values: raws(`[1000]`)}))
	require.Error(t, d.add(answer{Columns: cols, Values: raws(`[1000,"x",` + nulls + `null]`)}))
}

func BenchmarkLine(b *testing.B) {
	r, cols := five(), columns()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = appendLine(buf[:0], cols, &r, false); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(buf)))
}
