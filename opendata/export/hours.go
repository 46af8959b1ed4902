package export

import (
	"context"
	"io"
	"strconv"

	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
)

// HoursHeader is the header row of the hours as CSV. There is a row for every
// hour of a series between its first and its last hour.
//
//	station          id of the station
//	area             CBS code of its neighbourhood, empty when not known
//	kind             reference, sensor, sensor-calibrated or tube
//	simulated        true when the station measures no air
//	property         no2, pm25, pm10, temperature, humidity or pressure
//	unit             unit of value
//	hour             begin of the hour, RFC 3339, UTC
//	value            hour mean, exact; empty when missing, never 0 for missing
//	capture_minutes  minutes of the hour that were measured, 0 to 60
//	valid            true when the hour counts as a valid hour mean
//	flags            quality remarks, joined by |
const HoursHeader = "station,area,kind,simulated,property,unit,hour,value,capture_minutes,valid,flags"

func hoursExplanation() map[string]opendata.Text {
	return map[string]opendata.Text{
		"start":          {NL: "begin van het eerste uur van de reeks, UTC; elk volgend element is een uur later", EN: "beginning of the first hour of the series, UTC; each further element is one hour later"},
		"values":         {NL: "uurgemiddelde in de eenheid van de reeks; null als het ontbreekt, nooit 0", EN: "hour mean in the unit of the series; null when missing, never 0"},
		"captureMinutes": {NL: "aantal gemeten minuten van het uur, 0 tot 60", EN: "minutes of the hour that were measured, 0 to 60"},
		"valid":          {NL: "het uur telt mee: er is een waarde, minstens 45 minuten zijn gemeten en de sensor staat niet stil", EN: "the hour counts: there is a value, at least 45 minutes were measured and the sensor is not stuck"},
		"flags":          {NL: "opmerkingen over de kwaliteit; null als er geen zijn", EN: "quality remarks; null when there are none"},
		"area":           {NL: "CBS-code van de buurt; null als de plek niet bekend is", EN: "CBS code of the neighbourhood; null when the place is not known"},
		"simulated":      {NL: "het meetpunt is gesimuleerd en meet geen lucht", EN: "the station is simulated and measures no air"},
		"position":       {NL: "de plek in dit bestand is het midden van de buurt, niet de plek van het meetpunt", EN: "the place in this file is the centre of the neighbourhood, not the place of the station"},
	}
}

// Hours writes the dataset of hours in the format ("csv", "json", "geojson")
// to w, one series at a time: memory does not grow with the number of stations.
// An error means that the file is not whole.
func Hours(ctx context.Context, w io.Writer, src opendata.Source, g *opendata.Graph, p opendata.Publisher, format string, f Filter) error {
	d, _ := opendata.FindDataset(g, p, opendata.HoursDataset)
	h := &hoursWriter{out: newOut(w), src: src, g: g, filter: f, clock: newClock(), flags: newFlagTexts()}
	var err error
	switch format {
	case "csv":
		h.str(HoursHeader + "\n")
		err = h.each(ctx, h.csv)
	case "json":
		h.begin(false, headOf(d, g, p, hoursExplanation()), "series")
		err = h.each(ctx, h.json)
		h.str("]}\n")
	case "geojson":
		h.begin(true, headOf(d, g, p, hoursExplanation()), "features")
		err = h.geojson(ctx)
		h.str("]}\n")
	default:
		return formatError(format)
	}
	if err != nil {
		return err
	}
	return h.flush()
}

type hoursWriter struct {
	*out
	src    opendata.Source
	g      *opendata.Graph
	filter Filter
	clock  *clock
	flags  flagTexts
	series Series
	// n counts the elements of the open list.
	n int
}

// each reads every series that the filter lets through and calls fn for those
// that have hours.
func (h *hoursWriter) each(ctx context.Context, fn func(*Series) error) error {
	for _, st := range h.filter.stations(h.g) {
		if err := h.eachOf(ctx, st, fn); err != nil {
			return err
		}
	}
	return nil
}

func (h *hoursWriter) eachOf(ctx context.Context, st opendata.Station, fn func(*Series) error) error {
	from, to := h.filter.hours(h.g)
	for _, p := range h.filter.properties(st) {
		if err := h.series.Read(ctx, h.src, st, p, from, to); err != nil {
			return err
		}
		if h.series.Len() == 0 {
			continue
		}
		if err := fn(&h.series); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// csv writes the rows of one series. What is the same in every row is made
// once, and nothing is formatted through fmt.
func (h *hoursWriter) csv(s *Series) error {
	st := s.Station
	var row []byte
	row = append(row, st.ID...)
	row = append(row, ',')
	row = appendText(row, string(st.Area))
	row = append(row, ',')
	row = append(row, st.Kind...)
	row = append(row, ',')
	row = strconv.AppendBool(row, st.Simulated)
	row = append(row, ',')
	row = append(row, s.Property...)
	row = append(row, ',')
	row = append(row, unitOf(s.Property)...)
	row = append(row, ',')
	b := h.b
	for i := range s.Len() {
		b = append(b, row...)
		b = h.clock.append(b, s.First+reading.Hour(i))
		b = append(b, ',')
		if v := s.Value(i); v != reading.Missing {
			b = AppendScaled(b, v)
		}
		b = append(b, ',')
		b = strconv.AppendUint(b, uint64(s.Capture(i)), 10)
		if s.Valid(i) {
			b = append(b, ",true,"...)
		} else {
			b = append(b, ",false,"...)
		}
		if f := s.Flags(i); f != 0 {
			b = append(b, h.flags.of(f).plain...)
		}
		b = append(b, '\n')
		if len(b) >= flushAt {
			h.b = b
			if err := h.flush(); err != nil {
				return err
			}
			b = h.b
		}
	}
	h.b = b
	return nil
}

// seriesHead is what stands before the arrays of a series.
type seriesHead struct {
	Station   string  `json:"station,omitempty"`
	Area      *string `json:"area"`
	Kind      string  `json:"kind"`
	Simulated bool    `json:"simulated"`
	Property  string  `json:"property"`
	Unit      string  `json:"unit"`
	Start     string  `json:"start"`
}

func (h *hoursWriter) json(s *Series) error {
	h.comma()
	h.out.json(seriesHead{
		Station: string(s.Station.ID), Area: optional(string(s.Station.Area)), Kind: string(s.Station.Kind), Simulated: s.Station.Simulated,
		Property: string(s.Property), Unit: unitOf(s.Property), Start: string(newClock().append(nil, s.First)),
	})
	return h.arrays(s)
}

// comma separates the elements of the open list.
func (h *hoursWriter) comma() {
	if h.n > 0 {
		h.str(",\n")
	}
	h.n++
}

// arrays adds the four arrays to the object that was just closed.
func (h *hoursWriter) arrays(s *Series) error {
	if h.err != nil {
		return h.flush()
	}
	h.b = h.b[:len(h.b)-1] // the closing brace
	for _, a := range []struct {
		name string
		add  func([]byte, int) []byte
	}{
		{"values", func(b []byte, i int) []byte {
			if v := s.Value(i); v != reading.Missing {
				return AppendScaled(b, v)
			}
			return append(b, "null"...)
		}},
		{"captureMinutes", func(b []byte, i int) []byte { return strconv.AppendUint(b, uint64(s.Capture(i)), 10) }},
		{"valid", func(b []byte, i int) []byte { return strconv.AppendBool(b, s.Valid(i)) }},
		{"flags", func(b []byte, i int) []byte {
			if f := s.Flags(i); f != 0 {
				return append(b, h.flags.of(f).array...)
			}
			return append(b, "null"...)
		}},
	} {
		h.str(`,"` + a.name + `":[`)
		for i := range s.Len() {
			if i > 0 {
				h.b = append(h.b, ',')
			}
			h.b = a.add(h.b, i)
			if err := h.spill(); err != nil {
				return err
			}
		}
		h.str("]")
	}
	h.str("}")
	return h.spill()
}

// feature is a station in GeoJSON; its series come behind its properties.
type feature struct {
	Type     string    `json:"type"`
	ID       string    `json:"id"`
	Geometry *Geometry `json:"geometry"`
}

type stationProperties struct {
	Station
	// Position says what the point is; absent when there is none.
	Position string `json:"position,omitempty"`
}

func (h *hoursWriter) geojson(ctx context.Context) error {
	for _, st := range h.filter.stations(h.g) {
		h.comma()
		ft := feature{Type: "Feature", ID: string(st.ID), Geometry: StationGeometry(h.g, st)}
		ps := stationProperties{Station: StationOf(st)}
		if ft.Geometry != nil {
			ps.Position = PositionNote
		}
		h.out.json(ft)
		h.nest(`,"properties":`)
		h.out.json(ps)
		h.nest(`,"series":[`)
		n := 0
		err := h.eachOf(ctx, st, func(s *Series) error {
			if n > 0 {
				h.str(",\n")
			}
			n++
			h.out.json(struct {
				Property string `json:"property"`
				Unit     string `json:"unit"`
				Start    string `json:"start"`
			}{string(s.Property), unitOf(s.Property), string(newClock().append(nil, s.First))})
			return h.arrays(s)
		})
		if err != nil {
			return err
		}
		h.str("]}}")
	}
	return nil
}

// nest reopens the object that was just closed and goes on with s.
func (h *hoursWriter) nest(s string) {
	if h.err == nil {
		h.b = h.b[:len(h.b)-1]
	}
	h.str(s)
}

// PositionNote stands beside every point of a station.
const PositionNote = "centre of the neighbourhood, not of the station"

// StationGeometry returns the public place of a station: the centre of its
// area, nil when it has none.
func StationGeometry(g *opendata.Graph, s opendata.Station) *Geometry {
	if s.Area == "" {
		return nil
	}
	a, ok := g.Area(s.Area)
	if !ok {
		return nil
	}
	return Point(a.Center)
}

// flagText is a set of flags as written in CSV and JSON.
type flagText struct{ plain, array string }

// flagTexts remembers the few sets that occur.
type flagTexts map[reading.Flag]flagText

func newFlagTexts() flagTexts { return flagTexts{} }

func (m flagTexts) of(f reading.Flag) flagText {
	t, ok := m[f]
	if !ok {
		t.plain = f.String()
		t.array = "["
		for i, k := range f.Keys() {
			if i > 0 {
				t.array += ","
			}
			t.array += strconv.Quote(k)
		}
		t.array += "]"
		m[f] = t
	}
	return t
}
