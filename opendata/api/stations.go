package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"buurtmeter/ingest/calibration"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
	"buurtmeter/opendata/export"
)

// The longest periods of one question.
const (
	maxHoursDays    = 400
	maxReadingsDays = 31
)

type stationList struct {
	Stations []export.Station `json:"stations" nullable:"false"`
}

// IDInput is the id of a station in a path.
type IDInput struct {
	ID string `path:"id" maxLength:"63" doc:"Id of the station" example:"zst-poelenburg-01"`
}

// Period is a half-open period of time in a question.
type Period struct {
	From time.Time `query:"from" doc:"First moment, with time zone; without it, to minus 7 days" example:"2026-11-16T00:00:00Z"`
	To   time.Time `query:"to" doc:"First moment after the period, with time zone; without it, the end of the data" example:"2026-11-23T00:00:00Z"`
}

// fill sets what was left out and checks the length.
func (p Period) fill(g *opendata.Graph, days int) (from, to time.Time, errs []InputError) {
	from, to = p.From.UTC(), p.To.UTC()
	if p.To.IsZero() {
		to = g.Span.To.UTC()
		if !p.From.IsZero() && !to.After(from) {
			to = from.AddDate(0, 0, 7)
		}
	}
	if p.From.IsZero() {
		from = to.AddDate(0, 0, -7)
	}
	switch {
	case !from.Before(to):
		errs = append(errs, InputError{"query", "to", "must lie after from"})
	case to.Sub(from) > time.Duration(days)*24*time.Hour:
		errs = append(errs, InputError{"query", "to", fmt.Sprintf("ask for at most %d days at once; whole years are in /v1/datasets", days)})
	case from.Year() < 1990 || to.Year() > 2200:
		errs = append(errs, InputError{"query", "from", "give a moment between 1990 and 2200"})
	}
	return from, to, errs
}

// hoursAnswer is a contiguous series per property.
type hoursAnswer struct {
	Station   string       `json:"station" example:"zst-poelenburg-01"`
	Area      *string      `json:"area" example:"BU04791210"`
	Simulated bool         `json:"simulated"`
	From      time.Time    `json:"from" doc:"Begin of the hour of element 0"`
	To        time.Time    `json:"to" doc:"End of the last hour"`
	Series    []hourSeries `json:"series" nullable:"false"`
}

type hourSeries struct {
	Property       string      `json:"property" example:"no2"`
	Unit           string      `json:"unit" example:"µg/m³"`
	Values         []hourValue `json:"values" nullable:"false" doc:"One hour mean per hour from from on; null when missing, never 0"`
	CaptureMinutes []int       `json:"captureMinutes" nullable:"false" doc:"Minutes of the hour that were measured" example:"[60,0,58]"`
	Valid          []bool      `json:"valid" nullable:"false" doc:"The hour counts: at least 45 minutes, and the sensor is not stuck" example:"[true,false,true]"`
	Flags          [][]string  `json:"flags" nullable:"false" doc:"Quality remarks per hour; empty when there are none"`
}

// hourValue is a stored integer that is written as the exact number, or null
// when it is missing.
type hourValue int32

// MarshalJSON writes the number.
func (v hourValue) MarshalJSON() ([]byte, error) {
	if int32(v) == reading.Missing {
		return []byte("null"), nil
	}
	return export.AppendScaled(nil, int32(v)), nil
}

// Schema describes it to huma.
func (hourValue) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeNumber, Nullable: true}
}

func findStation(g *opendata.Graph, id string) (opendata.Station, error) {
	st, ok := g.Station(reading.StationID(id))
	if !ok && g.Histories[reading.StationID(id)].Deleted() {
		return opendata.Station{}, problem(http.StatusGone, "Gone", "This station was deleted with all that was kept of it. When that was is in /v1/stations/"+id+"/events.")
	}
	if !ok {
		return opendata.Station{}, notFound("There is no station with this id. Look in /v1/stations.")
	}
	return st, nil
}

func (s *service) stationRoutes(a huma.API) {
	get(s, a, huma.Operation{
		OperationID: "listStations", Path: "/stations", Tags: []string{"stations"}, Summary: "All stations",
		Description: "All stations in id order. The place of a station is its neighbourhood; its position is not public.",
	}, func(_ context.Context, g *opendata.Graph, _ *struct{}) (*body[stationList], error) {
		l := stationList{Stations: []export.Station{}}
		for _, st := range g.Stations {
			l.Stations = append(l.Stations, export.StationOf(st))
		}
		return &body[stationList]{l}, nil
	})
	get(s, a, huma.Operation{
		OperationID: "getStation", Path: "/stations/{id}", Tags: []string{"stations"}, Summary: "One station",
		Description: "What is public about one station.",
	}, func(_ context.Context, g *opendata.Graph, in *IDInput) (*body[export.Station], error) {
		st, err := findStation(g, in.ID)
		if err != nil {
			return nil, err
		}
		return &body[export.Station]{export.StationOf(st)}, nil
	})

	type hoursInput struct {
		IDInput
		Property string `query:"property" enum:"no2,pm25,pm10,temperature,humidity,pressure,pm1,pm25-corrected,o3,so2,co,benzene,no2-calibrated,pm25-calibrated,pm10-calibrated,o3-calibrated,so2-calibrated,co-calibrated,benzene-calibrated,pm25-network,pm10-network" doc:"One property, or a corrected series by its name; without it, all of the station" example:"no2"`
		Period
	}
	get(s, a, huma.Operation{
		OperationID: "getStationHours", Path: "/stations/{id}/hours", Tags: []string{"stations"}, Summary: "Hour means of one station",
		Description: fmt.Sprintf("Hour means with captured minutes and quality remarks, one element for every hour of the period. At most %d days at once.", maxHoursDays),
	}, func(ctx context.Context, g *opendata.Graph, in *hoursInput) (*body[hoursAnswer], error) {
		st, err := findStation(g, in.ID)
		if err != nil {
			return nil, err
		}
		from, to, errs := in.fill(g, maxHoursDays)
		if err := badInput(errs); err != nil {
			return nil, err
		}
		ps := slices.Clone(st.Properties)
		for _, c := range st.Corrected {
			ps = append(ps, c.Series)
		}
		if in.Property != "" {
			ps = []reading.Property{reading.Property(in.Property)}
		}
		out, err := s.hours(ctx, st, ps, reading.HourOf(from), reading.HourOf(to.Add(time.Hour-time.Nanosecond)))
		return &body[hoursAnswer]{out}, err
	})
	if s.o.Raw != nil {
		s.readingRoute(a)
	}
}

// hours reads the series and lays them out over the whole of [from, to).
func (s *service) hours(ctx context.Context, st opendata.Station, ps []reading.Property, from, to reading.Hour) (hoursAnswer, error) {
	pub := export.StationOf(st)
	out := hoursAnswer{Station: pub.ID, Area: pub.Area, Simulated: pub.Simulated, From: from.Start(), To: to.Start(), Series: []hourSeries{}}
	var r export.Series
	for _, p := range ps {
		if err := r.Read(ctx, s.o.Source, st, p, from, to); err != nil {
			return out, err
		}
		n := int(to - from)
		raw := p
		if q, ok := calibration.RawOf(string(p)); ok {
			raw = q
		}
		info, _ := reading.InfoOf(raw) // an unknown property has no unit
		h := hourSeries{
			Property: string(p), Unit: info.Unit,
			Values: make([]hourValue, n), CaptureMinutes: make([]int, n), Valid: make([]bool, n), Flags: make([][]string, n),
		}
		for i := range h.Flags {
			h.Flags[i], h.Values[i] = []string{}, hourValue(reading.Missing)
		}
		for i := range r.Len() {
			at := int(r.First-from) + i
			h.Values[at] = hourValue(r.Value(i))
			h.CaptureMinutes[at], h.Valid[at] = int(r.Capture(i)), r.Valid(i)
			if ks := r.Flags(i).Keys(); ks != nil {
				h.Flags[at] = ks
			}
		}
		out.Series = append(out.Series, h)
	}
	return out, nil
}

// rawReading is one reading as it came in.
type rawReading struct {
	At       time.Time  `json:"at" doc:"Begin of the time that the values stand for"`
	Seconds  float64    `json:"seconds" doc:"Length of that time; 0 means the usual one of the station" example:"150"`
	Received time.Time  `json:"received" doc:"When the message came in"`
	Revision int        `json:"revision" doc:"0 for a first report; a correction carries a higher number and wins"`
	Values   []rawValue `json:"values" nullable:"false"`
}

type rawValue struct {
	Property string   `json:"property" example:"no2"`
	Unit     string   `json:"unit" example:"µg/m³"`
	Value    float64  `json:"value" example:"24.53"`
	Flags    []string `json:"flags" nullable:"false" doc:"Quality remarks; nothing is removed" example:"[\"range\"]"`
	Excluded bool     `json:"excluded" doc:"A remark keeps the value out of every mean"`
}

type readingsAnswer struct {
	Station  string       `json:"station" example:"zst-poelenburg-01"`
	From     time.Time    `json:"from"`
	To       time.Time    `json:"to"`
	Readings []rawReading `json:"readings" nullable:"false"`
}

func (s *service) readingRoute(a huma.API) {
	type input struct {
		IDInput
		Period
	}
	get(s, a, huma.Operation{
		OperationID: "getStationReadings", Path: "/stations/{id}/readings", Tags: []string{"stations"}, Summary: "Raw readings of one station",
		Description: fmt.Sprintf("Every reading as it came in, with its quality remarks and all revisions. At most %d days at once.", maxReadingsDays),
	}, func(ctx context.Context, g *opendata.Graph, in *input) (*body[readingsAnswer], error) {
		st, err := findStation(g, in.ID)
		if err != nil {
			return nil, err
		}
		if in.To.IsZero() && in.From.IsZero() {
			in.To = s.o.Now() // raw readings run ahead of the last whole hour
		}
		from, to, errs := in.fill(g, maxReadingsDays)
		if err := badInput(errs); err != nil {
			return nil, err
		}
		rs, err := s.o.Raw.Readings(ctx, st.ID, from, to)
		if err != nil {
			return nil, fmt.Errorf("raw readings of %s: %w", st.ID, err)
		}
		out := readingsAnswer{Station: string(st.ID), From: from, To: to, Readings: []rawReading{}}
		for _, r := range rs {
			out.Readings = append(out.Readings, rawOf(r))
		}
		return &body[readingsAnswer]{out}, nil
	})
}

func rawOf(r reading.Reading) rawReading {
	out := rawReading{At: r.At.UTC(), Seconds: r.Interval.Seconds(), Received: r.Received.UTC(), Revision: int(r.Revision), Values: []rawValue{}}
	for _, v := range r.Values {
		info, _ := reading.InfoOf(v.Property) // an unknown property has no unit
		flags := v.Flags.Keys()
		if flags == nil {
			flags = []string{}
		}
		out.Values = append(out.Values, rawValue{Property: string(v.Property), Unit: info.Unit, Value: v.Value, Flags: flags, Excluded: v.Flags.Excluded()})
	}
	return out
}
