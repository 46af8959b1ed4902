// Package export writes the datasets as files (CSV, JSON, GeoJSON) while they
// are read, and holds the public forms of area, station, norm and verdict that
// files and API share, so that both say the same.
//
// A file is whole or it is an error: every writer returns an error when
// anything was left out, and its caller must break the transfer then.
package export

import (
	"time"

	"github.com/paulmach/orb"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest/calibration"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
)

// Area is the public form of a neighbourhood, a wijk or the municipality.
type Area struct {
	Code      string     `json:"code" doc:"CBS code" example:"BU04791210"`
	Name      string     `json:"name" example:"Poelenburg"`
	Level     string     `json:"level" enum:"buurt,wijk,gemeente"`
	Parent    string     `json:"parent,omitempty" doc:"Code of the area one level up" example:"WK047912"`
	Year      int        `json:"year,omitempty" doc:"Vintage of the boundaries; absent when they are schematic" example:"2026"`
	Schematic bool       `json:"schematic" doc:"The geometry is a drawing around a centre, not a boundary"`
	Center    [2]float64 `json:"center" doc:"A public point inside the area: longitude, latitude (WGS 84)" example:"[4.85,52.43]"`
	Source    string     `json:"source" doc:"Attribution that must stand beside a map" example:"CBS/Kadaster"`
	Stations  []string   `json:"stations" nullable:"false" doc:"Ids of the stations in the area" example:"[\"zst-poelenburg-01\"]"`

	Inhabitants *Figure `json:"inhabitants" doc:"Key figure of CBS; null when it is not known"`
	Households  *Figure `json:"households" doc:"Key figure of CBS; null when it is not known"`
	Density     *Figure `json:"density" doc:"Inhabitants per km² of land, key figure of CBS; null when it is not known"`
}

// Figure is a key figure of CBS.
type Figure struct {
	Value int    `json:"value" minimum:"0" example:"4870"`
	Unit  string `json:"unit" enum:"inhabitants,households,inhabitants/km²"`
	Year  int    `json:"year" doc:"On 1 January of this year" example:"2025"`
}

// Geometry is a GeoJSON geometry.
type Geometry struct {
	Type        string `json:"type" enum:"Point,MultiPolygon"`
	Coordinates any    `json:"coordinates" doc:"Longitude and latitude in degrees (WGS 84)"`
}

// Point returns the geometry of a point.
func Point(p orb.Point) *Geometry { return &Geometry{"Point", p} }

// MultiPolygon returns the geometry of an area; nil when it has none.
func MultiPolygon(m orb.MultiPolygon) *Geometry {
	if len(m) == 0 {
		return nil
	}
	return &Geometry{"MultiPolygon", m}
}

// Station is the public form of a station: its area, never its position.
type Station struct {
	ID         string     `json:"id" example:"zst-poelenburg-01"`
	Title      string     `json:"title" example:"Poelenburg, Weerpad"`
	Kind       string     `json:"kind" enum:"reference,sensor,sensor-calibrated,tube"`
	Model      string     `json:"model" doc:"Kit or instrument" example:"SDS011 + B43F"`
	Maker      string     `json:"maker" doc:"Who runs the station, in public words" example:"bewoners"`
	Simulated  bool       `json:"simulated" doc:"The station is simulated and measures no air"`
	Paused     bool       `json:"paused"`
	Siting     *string    `json:"siting" enum:"roadside,background,industrial" doc:"What surrounds the station, as it was declared; null while nobody did" example:"roadside"`
	Since      time.Time  `json:"since" doc:"First moment of which the station may report"`
	Area       *string    `json:"area" doc:"Code of the neighbourhood; null when it is not known" example:"BU04791210"`
	NoPosition bool       `json:"noPosition" doc:"No usable position is known, so that no area could be assigned"`
	Latest     *time.Time `json:"latest" doc:"Begin of the newest hour with a mean; null when there is none"`
	Properties []string   `json:"properties" nullable:"false" doc:"Properties with hours" example:"[\"no2\",\"pm25\"]"`

	Corrected []Corrected `json:"corrected" nullable:"false" doc:"Corrected series of a sensor; each stands beside the raw one, which stays as it was measured. Of two of one property the first counts in verdicts"`

	ParticleSensors []ParticleSensor `json:"particleSensors" nullable:"false" doc:"Of which type its particle sensor was declared to be, in order of time; a type holds until the next one or until another board"`
}

// ParticleSensor is a declared type of a particle sensor.
type ParticleSensor struct {
	Sensor *string   `json:"sensor" doc:"The maker's name of the type; null when it is not known" example:"SDS011"`
	From   time.Time `json:"from"`
}

// Corrected is a corrected series of a station with the calibrations behind it.
type Corrected struct {
	Property     string        `json:"property" doc:"Property of the raw series" example:"no2"`
	Series       string        `json:"series" doc:"Name of the corrected series, to ask for as property in /v1/stations/{id}/hours" example:"no2-calibrated"`
	Method       string        `json:"method" enum:"co-location,network" doc:"co-location: this very sensor was calibrated beside an official station. network: corrected by what sensors of its type show too much around official stations, hour by hour; hours without such a factor are missing"`
	Calibrations []Calibration `json:"calibrations" nullable:"false" doc:"None for network. In the order of their training; between two of them the correction goes from the one to the other"`
}

// Calibration is how a sensor was calibrated and what that showed.
type Calibration struct {
	ID        string    `json:"id" doc:"Names the content; another calibration has another id" example:"no2-20260110-5f0c2a9d1b34"`
	Method    string    `json:"method" example:"co-location model 1"`
	Reference string    `json:"reference" doc:"Official station beside which the sensor stood"`
	From      time.Time `json:"trainedFrom"`
	Until     time.Time `json:"trainedUntil"`
	Rows      string    `json:"rows" doc:"Hash of the hours that it was made from"`
	Terms     []string  `json:"terms" nullable:"false" doc:"The sensor itself and what it was corrected for"`
	Hours     int       `json:"hours" doc:"Hours in the training" example:"1380"`
	R2        float64   `json:"r2" doc:"In training" example:"0.87"`
	Months    int       `json:"testedMonths" doc:"Months that were each predicted from the others; 0 when it was never tested in a month that it was not made from" example:"3"`
	RMSE      *float64  `json:"testedRmse" doc:"In those months; null without" example:"4.1"`
	At20      *float64  `json:"uncertaintyAt20" doc:"Expanded relative uncertainty (95 %) at 20, a fraction; null when not known" example:"0.41"`
	At40      *float64  `json:"uncertaintyAt40" doc:"The same at 40" example:"0.22"`
}

// Norm is the public form of a norm.
type Norm struct {
	ID          string    `json:"id" example:"eu2008-no2-y"`
	Regime      string    `json:"regime" enum:"eu-now,eu-2024,eu-2030,who-2021,who-2005"`
	Role        string    `json:"role" enum:"compliance,objective,advice,interim-target,alert,information,assessment-threshold,average-exposure" doc:"What the norm is for" example:"compliance"`
	Judged      bool      `json:"judged" doc:"Verdicts are given on the norm: it is a test of a year at a place, over a period that hour means tell of" example:"true"`
	Property    string    `json:"property" example:"no2"`
	Kind        string    `json:"kind" doc:"Legal nature: limit, guideline, interim target" example:"limit"`
	Instrument  string    `json:"instrument" example:"2008/50/EC"`
	Article     string    `json:"article" example:"Annex XI.B"`
	Next        *NormText `json:"next" doc:"The text in which the same norm goes on standing after the instrument is repealed; null when there is none"`
	Averaging   string    `json:"averaging" enum:"10min,15min,hour,8h,day,peak-season,year" doc:"The only period over which the norm may be compared. 8h: the daily maximum of the 8-hour running means"`
	Years       int       `json:"years" doc:"Number of calendar years that are averaged before the comparison" example:"1"`
	Statistic   string    `json:"statistic" enum:"mean,count,exposure,exposure-reduction" doc:"mean: the mean over the period must not be above value. count: no more than allowed periods of the year may be above value. exposure: the mean of all urban background points of a territory. exposure-reduction: its share of ten years before, see note"`
	Value       *float64  `json:"value" doc:"Null when the norm has no value of its own" example:"40"`
	Unit        string    `json:"unit" example:"µg/m³"`
	Allowed     *int      `json:"allowed" doc:"Number of periods per year that may be above value; null for a mean and for a threshold"`
	Percentile  *float64  `json:"percentile" doc:"The percentile of the periods that the text asks for, where it does; null when it counts" example:"99"`
	Consecutive *int      `json:"consecutive" doc:"Number of periods in a row above value from which on the public is warned or informed; null for other norms"`
	From        *string   `json:"from" format:"date" doc:"First day on which the norm applies; null when open" example:"2010-01-01"`
	Until       *string   `json:"until" format:"date" doc:"Last day on which the norm applies; null when open" example:"2029-12-31"`
	Source      string    `json:"source" doc:"Where the figure was read"`
	Verified    string    `json:"verified" doc:"How well the figure was checked" enum:"primary,secondary,memory"`
	Note        string    `json:"note,omitempty"`
}

// NormText is a text in which a norm stands, and when.
type NormText struct {
	Instrument string  `json:"instrument" example:"(EU) 2024/2881"`
	Article    string  `json:"article" example:"Annex I Section 1 Table 2"`
	From       *string `json:"from" format:"date" example:"2026-12-12"`
	Until      *string `json:"until" format:"date" example:"2029-12-31"`
}

// Verdict is the public form of the verdict on a norm in an area and year.
type Verdict struct {
	Area      string       `json:"area" example:"BU04791210"`
	AreaName  string       `json:"areaName" example:"Poelenburg"`
	Norm      string       `json:"norm" example:"eu2008-no2-y"`
	Year      int          `json:"year" doc:"Calendar year in UTC+1" example:"2025"`
	Outcome   string       `json:"outcome" enum:"cannot-tell,complies,exceeds,exceeds-incomplete" doc:"About the stations of the area, not about every place in it"`
	Reason    *string      `json:"reason" doc:"Why it cannot be told: no-data, coverage, uncertainty, running, no-station; null when there is nothing to explain" example:"coverage"`
	InForce   bool         `json:"inForce" doc:"The norm applied in this year. If not, read the outcome as would"`
	Simulated bool         `json:"simulated" doc:"The stations behind it are simulated"`
	Stations  int          `json:"stations" doc:"Number of stations with a value" example:"3"`
	Reference int          `json:"referenceStations" example:"1"`
	Sensors   int          `json:"sensorStations" example:"2"`
	Coverage  float64      `json:"coverage" minimum:"0" maximum:"1" doc:"Share of the year with valid values at the best covered station" example:"0.97"`
	Mean      *Interval    `json:"mean" doc:"Mean of the stations; null below three stations"`
	FewPoints bool         `json:"fewPoints" doc:"The mean rests on three or four stations only"`
	Median    *float64     `json:"median" doc:"Median of the stations that measured the whole year; null when there is none" example:"28.4"`
	Above     *Share       `json:"aboveNorm" doc:"Stations above the norm by their measured value, of those that measured the whole year; null when there is none"`
	Sitings   []Siting     `json:"sitings" nullable:"false" doc:"The same for the stations of each siting apart; empty while the siting of no station is known. There is no mean over places of all kinds: nobody gave the share of each kind in the area"`
	Points    []PointValue `json:"points" nullable:"false" doc:"The verdict per station, highest value first"`
	AreaYear  *int         `json:"areaYear" doc:"Vintage of the boundaries by which the stations are counted to the area; null when they are schematic" example:"2025"`
}

// Interval is a value with its 95 % interval.
type Interval struct {
	Value float64 `json:"value" doc:"In µg/m³, or the number of periods above the norm" example:"41.2"`
	Low   float64 `json:"low" example:"33"`
	High  float64 `json:"high" example:"49.4"`
}

// Siting is what the stations of one siting say together.
type Siting struct {
	Siting    *string   `json:"siting" enum:"roadside,background,industrial" doc:"null for the stations of which nobody declared what surrounds them; they are no class of places" example:"roadside"`
	Stations  int       `json:"stations" doc:"Number of stations with a value" example:"4"`
	Mean      *Interval `json:"mean" doc:"Mean of the stations; null below three stations"`
	FewPoints bool      `json:"fewPoints" doc:"The mean rests on three or four stations only"`
	Median    *float64  `json:"median" doc:"Median of the stations that measured the whole year; null when there is none" example:"28.4"`
	Above     *Share    `json:"aboveNorm" doc:"Stations above the norm by their measured value, of those that measured the whole year; null when there is none"`
	Highest   *Interval `json:"highest" doc:"The highest value of a station; null when there is none"`
	Station   *string   `json:"highestStation" doc:"Where that was measured" example:"zst-poelenburg-01"`
}

// Share is a number of stations out of others, with the 95 % interval of their
// share (Wilson).
type Share struct {
	Stations int     `json:"stations" example:"2"`
	Of       int     `json:"of" example:"5"`
	Low      float64 `json:"low" minimum:"0" maximum:"1" doc:"Of the share" example:"0.118"`
	High     float64 `json:"high" minimum:"0" maximum:"1" example:"0.769"`
}

// Uncertainty is what an interval is made of.
type Uncertainty struct {
	Relative   float64  `json:"relative" doc:"Expanded relative uncertainty (95 %) of the instrument, as a fraction" example:"0.15"`
	Instrument *float64 `json:"instrument" doc:"Standard uncertainty of a mean by the instrument, in the unit of the value; null for a number of periods" example:"2.1"`
	Gaps       *float64 `json:"gaps" doc:"Standard uncertainty of a mean by what was not measured, for gaps at random; null for a number of periods" example:"0.1"`
}

// PointValue is the verdict at one station.
type PointValue struct {
	Station       string    `json:"station" example:"zst-poelenburg-01"`
	Kind          string    `json:"kind" enum:"reference,sensor,sensor-calibrated,sensor-network,tube" doc:"Kind of the series that counts: sensor-network is a sensor that network factors corrected"`
	Siting        *string   `json:"siting" enum:"roadside,background,industrial" doc:"What surrounds the station; null while nobody declared it"`
	Simulated     bool      `json:"simulated"`
	Outcome       string    `json:"outcome" enum:"cannot-tell,complies,exceeds,exceeds-incomplete"`
	Reason        *string   `json:"reason" example:"uncertainty"`
	Value         *Interval `json:"value" doc:"null when not one valid value was measured"`
	Coverage      float64   `json:"coverage" minimum:"0" maximum:"1" example:"0.97"`
	Valid         int       `json:"validPeriods" doc:"Hours, or days for day norms, that count" example:"8497"`
	Expected      int       `json:"expectedPeriods" example:"8760"`
	MethodVersion string    `json:"methodVersion" doc:"Version of the rules of computation" example:"2026.2"`

	Above       *bool        `json:"aboveNorm" doc:"The measured value itself is above the norm; null when not one valid value was measured"`
	Probability *float64     `json:"probability" minimum:"0" maximum:"1" doc:"Probability that the norm is exceeded; null where the year is not measured enough for a mean. Of a number of periods in an incomplete year it can only rise" example:"0.72"`
	Words       string       `json:"words" enum:"above,below,cannot be told" doc:"The probability in words: above 0.95, below 0.05, or neither"`
	DecidedBy   string       `json:"decidedBy" enum:"value,probability" doc:"What the outcome rests on: the measured value itself, as the law has it for reference instruments, or the probability"`
	Uncertainty *Uncertainty `json:"uncertainty" doc:"What the interval is made of; null without a value"`
	DayBasis    string       `json:"dayBasis" doc:"What a day and a year are" example:"utc+1"`
	Series      string       `json:"series" enum:"raw,calibrated,network" doc:"raw: as it was measured; calibrated: the corrected series of a sensor, which stands in for its raw one, or tubes set right by a calibration; network: the series that network factors corrected, where a sensor has no calibrated one"`
	Calibration *string      `json:"calibration" doc:"Ids of the calibrations behind a calibrated value, with + between, or the version of the rules of network factors; null for a raw one" example:"tube-2026.1/1"`
	Rounding    string       `json:"rounding" enum:"none,half-even,half-up" doc:"How the value was rounded before it was compared"`
}

// AreaOf returns the public form of an area.
func AreaOf(g *opendata.Graph, a geo.Area) Area {
	out := Area{
		Code: string(a.Code), Name: a.Name, Level: string(a.Level), Parent: string(a.Parent), Year: a.Year,
		Schematic: a.Schematic, Center: a.Center, Source: a.Source, Stations: []string{},
	}
	for _, s := range g.StationsIn(a) {
		out.Stations = append(out.Stations, string(s.ID))
	}
	figure := func(n *int, unit string) *Figure {
		if n == nil {
			return nil
		}
		return &Figure{*n, unit, a.Year}
	}
	f := a.Figures
	out.Inhabitants, out.Households = figure(f.Inhabitants, "inhabitants"), figure(f.Households, "households")
	out.Density = figure(f.Density, "inhabitants/km²")
	return out
}

// StationOf returns the public form of a station.
func StationOf(s opendata.Station) Station {
	out := Station{
		ID: string(s.ID), Title: s.Title, Kind: string(s.Kind), Model: s.Model, Maker: s.Maker, Simulated: s.Simulated,
		Paused: s.Paused, Siting: optional(string(s.Siting)), Since: s.Since.UTC(), NoPosition: s.NoPosition, Properties: []string{}, Area: optional(string(s.Area)),
		Corrected: []Corrected{}, ParticleSensors: []ParticleSensor{},
	}
	if !s.Latest.IsZero() {
		l := s.Latest.UTC()
		out.Latest = &l
	}
	for _, p := range s.Properties {
		out.Properties = append(out.Properties, string(p))
	}
	for _, c := range s.Corrected {
		series := Corrected{Property: string(c.Property), Series: string(c.Series), Method: "co-location", Calibrations: []Calibration{}}
		if c.Network {
			series.Method = "network"
		}
		for _, v := range c.Calibrations {
			series.Calibrations = append(series.Calibrations, calibrationOf(v))
		}
		out.Corrected = append(out.Corrected, series)
	}
	for _, p := range s.Particle {
		out.ParticleSensors = append(out.ParticleSensors, ParticleSensor{optional(string(p.Sensor)), p.From.UTC()})
	}
	return out
}

func calibrationOf(v calibration.Version) Calibration {
	c := Calibration{
		ID: v.ID, Method: v.Method, Reference: string(v.Reference), From: v.TrainedFrom.UTC(), Until: v.TrainedUntil.UTC(), Rows: v.Rows,
		Terms: v.Model.Names, Hours: v.Model.N, R2: v.Model.R2, Months: v.Tested.Months,
	}
	if v.Tested.Months > 0 {
		c.RMSE = &v.Tested.RMSE
	}
	if u, ok := v.Tested.Uncertainty["20"]; ok {
		c.At20 = &u
	}
	if u, ok := v.Tested.Uncertainty["40"]; ok {
		c.At40 = &u
	}
	return c
}

// NormOf returns the public form of a norm.
func NormOf(n norm.Norm) Norm {
	out := Norm{
		ID: string(n.ID), Regime: string(n.Regime), Property: string(n.Property), Kind: n.Kind, Instrument: n.Instrument,
		Article: n.Article, Averaging: string(n.Averaging), Statistic: string(n.Statistic), Unit: unitOf(n.Property),
		From: day(n.From), Until: day(n.Until), Source: n.Source, Verified: n.Verified, Note: n.Note,
		Role: string(n.Role), Judged: n.Tested(), Years: max(n.Years, 1),
	}
	if n.HasValue() {
		out.Value = &n.Value
	}
	switch {
	case n.Role == norm.RoleAlert, n.Role == norm.RoleInformation:
		row := max(n.Consecutive, 1)
		out.Consecutive = &row
	case n.Statistic == norm.Count:
		out.Allowed = &n.Allowed
	}
	if n.Percentile != 0 {
		out.Percentile = &n.Percentile
	}
	if n.Next != (norm.Text{}) {
		out.Next = &NormText{n.Next.Instrument, n.Next.Article, day(n.Next.From), day(n.Next.Until)}
	}
	return out
}

// VerdictOf returns the public form of a verdict.
func VerdictOf(a geo.Area, v geo.AreaVerdict) Verdict {
	out := Verdict{
		Area: string(v.Area), AreaName: a.Name, Norm: string(v.Norm), Year: v.Year, Outcome: v.Outcome.String(),
		Reason: optional(string(v.Reason)), InForce: !v.NotInForce, Simulated: v.Simulated, Stations: v.N,
		Reference: v.Reference, Sensors: v.Sensors, Coverage: v.Coverage, FewPoints: v.Few, Sitings: []Siting{}, Points: []PointValue{},
	}
	if a.Year != 0 {
		out.AreaYear = &a.Year
	}
	out.Mean, out.Median, out.Above = togetherOf(v.Group)
	for _, s := range v.Sitings {
		out.Sitings = append(out.Sitings, sitingOf(s))
	}
	for _, p := range v.Points {
		pv := PointValue{
			Station: string(p.Station), Kind: string(p.Kind), Siting: optional(string(p.Siting)), Simulated: p.Simulated, Outcome: p.Outcome.String(),
			Reason: optional(string(p.Reason)), Coverage: p.Coverage, Valid: p.Valid, Expected: p.Expected, MethodVersion: p.Method.Version,
		}
		certaintyOf(&pv, p.Verdict)
		out.Points = append(out.Points, pv)
	}
	return out
}

// togetherOf is what points say together; nil where there is nothing to say.
func togetherOf(g geo.Group) (mean *Interval, median *float64, above *Share) {
	if g.HasMean {
		mean = &Interval{g.Mean, g.Low, g.High}
	}
	if g.Whole > 0 {
		median, above = &g.Median, &Share{g.Above, g.Whole, g.ShareLow, g.ShareHigh}
	}
	return mean, median, above
}

func sitingOf(s geo.SitingGroup) Siting {
	out := Siting{Siting: optional(string(s.Siting)), Stations: s.N, FewPoints: s.Few}
	out.Mean, out.Median, out.Above = togetherOf(s.Group)
	if s.N > 0 {
		out.Highest = &Interval{s.Highest.Value, s.Highest.Low, s.Highest.High}
		out.Station = optional(string(s.Highest.Station))
	}
	return out
}

// certaintyOf fills the value of a station and how certain it is.
func certaintyOf(pv *PointValue, v norm.Verdict) {
	pv.Words, pv.DecidedBy = v.Words().String(), "probability"
	pv.Series, pv.Calibration = "raw", optional(v.Method.Calibration)
	if pv.Calibration != nil {
		pv.Series = "calibrated"
	}
	if v.Method.Kind == reading.KindSensorNetwork {
		pv.Series = "network"
	}
	pv.DayBasis, pv.Rounding = v.Basis.String(), v.Method.Rounding.String()
	if v.ByValue {
		pv.DecidedBy = "value"
	}
	if v.HasProbability {
		pv.Probability = &v.Probability
	}
	if !v.HasValue {
		return
	}
	pv.Value, pv.Above = &Interval{v.Value, v.Low, v.High}, &v.Above
	pv.Uncertainty = &Uncertainty{Relative: v.U.Relative}
	if v.U.Instrument > 0 {
		pv.Uncertainty.Instrument, pv.Uncertainty.Gaps = &v.U.Instrument, &v.U.Gaps
	}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func day(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.Format(time.DateOnly)
	return &s
}

func unitOf(p reading.Property) string {
	i, _ := reading.InfoOf(p) // an unknown property has no unit
	return i.Unit
}
