package export

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
)

// VerdictsHeader is the header row of the verdicts as CSV: a row for every
// neighbourhood, norm and year, also where it cannot be told.
//
//	area, area_name        CBS code and name
//	norm … allowed         the norm; allowed is empty when the norm is a mean
//	year                   calendar year, UTC+1
//	outcome                cannot-tell, complies, exceeds or exceeds-incomplete
//	reason                 why it cannot be told, else empty
//	in_force               false: read the outcome as "would"
//	simulated              true when the stations behind it are simulated
//	stations …             number of stations with a value, by kind
//	mean, mean_low, …      mean of the stations with its 95 % interval; empty below three stations
//	highest …              the highest station with its 95 % interval; empty when there is no value
//	coverage               share of the year measured at the best covered station, 0 to 1
//	method_version         version of the rules of computation
//	above_norm …           stations above the norm by their value, of those that measured the whole year (whole_stations),
//	                       with the 95 % interval of the share, 0 to 1; empty when there is none
//	median                 median of those stations
//	highest_probability …  probability that the highest station exceeds the norm, and the same in words: above, below or
//	                       cannot be told; empty when there is none
//	area_year              vintage of the boundaries by which the stations are counted to the area; empty when those are schematic
//	inhabitants …          key figures of CBS of the area on 1 January of that year: inhabitants, households and inhabitants per
//	                       km² of land; empty when they are not known
//	roadside_stations …    the same for the stations beside roads: their number with a value, the mean of those that measured
//	                       the whole year with its 95 % interval, how many of those are above the norm with the 95 % interval
//	                       of that share, and the highest value; then for background and industrial stations, and for those
//	                       of which nobody declared the siting. All empty while the siting of no station is known
const VerdictsHeader = "area,area_name,norm,regime,instrument,property,averaging,statistic,norm_value,unit,allowed,year,outcome,reason,in_force,simulated," +
	"stations,reference_stations,sensor_stations,mean,mean_low,mean_high,highest_station,highest,highest_low,highest_high,coverage,method_version," +
	"above_norm,whole_stations,share_low,share_high,median,highest_probability,highest_words," +
	"area_year,inhabitants,households,inhabitants_per_km2," +
	"roadside_stations,roadside_mean,roadside_mean_low,roadside_mean_high,roadside_above_norm,roadside_whole_stations,roadside_share_low,roadside_share_high,roadside_highest," +
	"background_stations,background_mean,background_mean_low,background_mean_high,background_above_norm,background_whole_stations,background_share_low,background_share_high,background_highest," +
	"industrial_stations,industrial_mean,industrial_mean_low,industrial_mean_high,industrial_above_norm,industrial_whole_stations,industrial_share_low,industrial_share_high,industrial_highest," +
	"unknown_stations,unknown_mean,unknown_mean_low,unknown_mean_high,unknown_above_norm,unknown_whole_stations,unknown_share_low,unknown_share_high,unknown_highest"

func verdictsExplanation() map[string]opendata.Text {
	return map[string]opendata.Text{
		"outcome":     {NL: "complies: elk meetpunt voldoet; exceeds: minstens één meetpunt overschrijdt; exceeds-incomplete: overschrijdt hoewel het jaar niet volledig gemeten is; cannot-tell: niet vast te stellen", EN: "complies: each station complies; exceeds: at least one station exceeds; exceeds-incomplete: exceeds although the year was not completely measured; cannot-tell: it cannot be told"},
		"reason":      {NL: "waarom het niet vast te stellen is: no-data, coverage, uncertainty, running of no-station", EN: "why it cannot be told: no-data, coverage, uncertainty, running or no-station"},
		"inForce":     {NL: "de norm gold in dit jaar; zo niet, lees dan: zou voldoen of zou overschrijden", EN: "the norm applied in this year; if not, read: would comply or would exceed"},
		"mean":        {NL: "gemiddelde van de meetpunten met het interval van 95 %; null bij minder dan drie meetpunten", EN: "mean of the stations with its 95 % interval; null below three stations"},
		"aboveNorm":   {NL: "meetpunten waarvan de gemeten waarde boven de norm ligt, van de meetpunten die het hele jaar maten, met het interval van 95 % van dat deel", EN: "stations whose measured value is above the norm, of those that measured the whole year, with the 95 % interval of that share"},
		"sitings":     {NL: "hetzelfde apart voor de meetpunten langs wegen met verkeer (roadside), in de achtergrond (background), bij industrie (industrial), en voor de meetpunten waarvan niemand dat heeft opgegeven (null); leeg zolang het van geen meetpunt bekend is. Een gemiddelde over alle soorten plekken samen staat er niet bij, want niemand heeft opgegeven welk deel van het gebied van welke soort is", EN: "the same apart for the stations beside roads with traffic (roadside), in the background (background), near industry (industrial), and for those of which nobody declared it (null); empty while it is known of no station. There is no mean over places of all kinds, because nobody gave the share of each kind in the area"},
		"probability": {NL: "de kans dat de norm overschreden is; words zegt die kans in woorden (boven 0,95: above, onder 0,05: below) en decidedBy of de uitkomst op de waarde zelf rust of op de kans", EN: "the probability that the norm is exceeded; words says it in words (above 0.95: above, below 0.05: below) and decidedBy whether the outcome rests on the value itself or on the probability"},
		"value":       {NL: "het gemiddelde in de eenheid van de norm, of het aantal uren of dagen boven de norm", EN: "the mean in the unit of the norm, or the number of hours or days above the norm"},
		"coverage":    {NL: "het deel van het jaar dat gemeten is, 0 tot 1", EN: "the share of the year that was measured, 0 to 1"},
		"periods":     {NL: "validPeriods en expectedPeriods: getelde en verwachte uren of dagen", EN: "validPeriods and expectedPeriods: hours or days that count and that were expected"},
		"simulated":   {NL: "de meetpunten zijn gesimuleerd en meten geen lucht", EN: "the stations are simulated and measure no air"},
		"areaYear":    {NL: "het jaar van de grenzen waarmee de meetpunten bij de buurt geteld zijn; null bij getekende grenzen", EN: "vintage of the boundaries by which the stations are counted to the area; null when those are drawings"},
		"inhabitants": {NL: "inhabitants, households en density: kerncijfers van het CBS op 1 januari van het genoemde jaar; null als ze niet bekend zijn", EN: "inhabitants, households and density: key figures of CBS on 1 January of the year given; null when they are not known"},
		"schematic":   {NL: "de vorm is een tekening rond een midden, geen grens", EN: "the geometry is a drawing around a centre, not a boundary"},
	}
}

// Verdicts writes the dataset of verdicts in the format ("csv", "json",
// "geojson") to w. With Filter.Station only the areas with that station are
// written. An error means that the file is not whole.
func Verdicts(ctx context.Context, w io.Writer, g *opendata.Graph, p opendata.Publisher, format string, f Filter) error {
	d, _ := opendata.FindDataset(g, p, opendata.VerdictsDataset)
	v := &verdictsWriter{out: newOut(w), g: g, filter: f}
	var err error
	switch format {
	case "csv":
		v.str(VerdictsHeader + "\n")
		err = v.each(ctx, v.csv)
	case "json":
		v.begin(false, headOf(d, g, p, verdictsExplanation()), "verdicts")
		err = v.each(ctx, v.element)
		v.str("]}\n")
	case "geojson":
		v.begin(true, headOf(d, g, p, verdictsExplanation()), "features")
		err = v.geojson(ctx)
		v.str("]}\n")
	default:
		return formatError(format)
	}
	if err != nil {
		return err
	}
	return v.flush()
}

// SelectVerdicts returns the verdicts that the filter lets through, by area,
// norm and year in the order of the graph.
func SelectVerdicts(ctx context.Context, g *opendata.Graph, f Filter) ([]Verdict, error) {
	v := &verdictsWriter{g: g, filter: f}
	out := []Verdict{}
	err := v.each(ctx, func(a geo.Area, _ norm.Norm, av geo.AreaVerdict) error {
		if err := finite(av); err != nil {
			return err
		}
		out = append(out, VerdictOf(a, av))
		return nil
	})
	return out, err
}

type verdictsWriter struct {
	*out
	g      *opendata.Graph
	filter Filter
	n      int
}

func (v *verdictsWriter) areas() []geo.Area {
	if f := v.filter.Area; f != "" {
		if a, ok := v.g.AnyArea(f); ok && a.Level != geo.Buurt && v.filter.Station == "" {
			return []geo.Area{a} // a wijk or the gemeente only when it is asked for
		}
	}
	var as []geo.Area
	st, known := v.g.Station(v.filter.Station)
	for _, a := range v.g.Areas {
		if v.filter.Area != "" && a.Code != v.filter.Area || v.filter.Station != "" && (!known || st.Area != a.Code) {
			continue
		}
		as = append(as, a)
	}
	return as
}

func (v *verdictsWriter) each(ctx context.Context, fn func(geo.Area, norm.Norm, geo.AreaVerdict) error) error {
	for _, a := range v.areas() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := v.eachOf(a, fn); err != nil {
			return err
		}
	}
	return nil
}

func (v *verdictsWriter) eachOf(a geo.Area, fn func(geo.Area, norm.Norm, geo.AreaVerdict) error) error {
	f := v.filter
	for _, n := range v.g.Norms {
		if f.Norm != "" && n.ID != f.Norm || f.Property != "" && n.Property != f.Property {
			continue
		}
		for _, y := range v.g.Years {
			if f.Year != 0 && y != f.Year {
				continue
			}
			if err := fn(a, n, v.g.Verdict(a.Code, n.ID, y)); err != nil {
				return err
			}
		}
	}
	return nil
}

// finite refuses a number that no file can hold: it would be a fault of ours,
// and a file with a hole in it is not whole.
func finite(v geo.AreaVerdict) error {
	bad := func(f float64) bool { return math.IsNaN(f) || math.IsInf(f, 0) }
	hole := func(g geo.Group) bool {
		return g.HasMean && (bad(g.Mean) || bad(g.Low) || bad(g.High)) || bad(g.Median) || bad(g.ShareLow) || bad(g.ShareHigh)
	}
	fault := bad(v.Coverage) || hole(v.Group)
	for _, s := range v.Sitings {
		fault = fault || hole(s.Group)
	}
	for _, p := range v.Points {
		fault = fault || bad(p.Probability) || bad(p.U.Relative) || bad(p.U.Instrument) || bad(p.U.Gaps)
		fault = fault || bad(p.Coverage) || p.HasValue && (bad(p.Value) || bad(p.Low) || bad(p.High))
	}
	if fault {
		return fmt.Errorf("verdict %s %s %d holds a number that is none", v.Area, v.Norm, v.Year)
	}
	return nil
}

func (v *verdictsWriter) csv(a geo.Area, n norm.Norm, av geo.AreaVerdict) error {
	if err := finite(av); err != nil {
		return err
	}
	c := cells{b: v.b}
	pub := VerdictOf(a, av)
	nm := NormOf(n)
	c.text(pub.Area, pub.AreaName, nm.ID, nm.Regime, nm.Instrument, nm.Property, nm.Averaging, nm.Statistic)
	c.float(n.Value)
	c.text(nm.Unit)
	if nm.Allowed != nil {
		c.int(*nm.Allowed)
	} else {
		c.text("")
	}
	c.int(pub.Year)
	c.text(pub.Outcome, textOf(pub.Reason), strconv.FormatBool(pub.InForce), strconv.FormatBool(pub.Simulated))
	c.int(pub.Stations, pub.Reference, pub.Sensors)
	c.interval(pub.Mean)
	var method string
	if len(pub.Points) > 0 {
		method = pub.Points[0].MethodVersion
	}
	if len(pub.Points) > 0 && pub.Points[0].Value != nil {
		c.text(pub.Points[0].Station)
		c.interval(pub.Points[0].Value)
	} else {
		c.text("")
		c.interval(nil)
	}
	c.float(pub.Coverage)
	c.text(method)
	c.certainty(pub)
	c.known(pub.AreaYear, a.Figures.Inhabitants, a.Figures.Households, a.Figures.Density)
	c.sitings(pub)
	v.b = append(c.b[:len(c.b)-1], '\n')
	return v.spill()
}

// cells writes the cells of one row, each with a comma behind it.
type cells struct{ b []byte }

func (c *cells) text(ss ...string) {
	for _, s := range ss {
		c.b = append(appendText(c.b, s), ',')
	}
}

func (c *cells) int(ns ...int) {
	for _, n := range ns {
		c.b = append(strconv.AppendInt(c.b, int64(n), 10), ',')
	}
}

// known writes numbers that may be missing.
func (c *cells) known(ns ...*int) {
	for _, n := range ns {
		if n == nil {
			c.text("")
			continue
		}
		c.int(*n)
	}
}

func (c *cells) float(f float64) { c.b = append(strconv.AppendFloat(c.b, f, 'f', -1, 64), ',') }

func (c *cells) interval(i *Interval) {
	if i == nil {
		c.b = append(c.b, ",,,"...)
		return
	}
	c.float(i.Value)
	c.float(i.Low)
	c.float(i.High)
}

// certainty writes the cells from above_norm on.
func (c *cells) certainty(v Verdict) {
	if v.Above != nil {
		c.int(v.Above.Stations, v.Above.Of)
		c.float(v.Above.Low)
		c.float(v.Above.High)
		c.float(*v.Median)
	} else {
		c.text("", "", "", "", "")
	}
	if len(v.Points) > 0 && v.Points[0].Probability != nil {
		c.float(*v.Points[0].Probability)
		c.text(v.Points[0].Words)
	} else {
		c.text("", "")
	}
}

// sitings writes the cells from roadside_stations on.
func (c *cells) sitings(v Verdict) {
	const each = 9
	for _, siting := range reading.Sitings() {
		i := slices.IndexFunc(v.Sitings, func(s Siting) bool { return textOf(s.Siting) == string(siting) })
		switch {
		case len(v.Sitings) == 0:
			c.text(make([]string, each)...)
			continue
		case i < 0:
			c.int(0)
			c.text(make([]string, each-1)...)
			continue
		}
		s := v.Sitings[i]
		c.int(s.Stations)
		c.interval(s.Mean)
		if s.Above != nil {
			c.int(s.Above.Stations, s.Above.Of)
			c.float(s.Above.Low)
			c.float(s.Above.High)
		} else {
			c.text("", "", "", "")
		}
		if s.Highest != nil {
			c.float(s.Highest.Value)
		} else {
			c.text("")
		}
	}
}

// textOf is the text, empty for none.
func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (v *verdictsWriter) element(a geo.Area, _ norm.Norm, av geo.AreaVerdict) error {
	if v.n > 0 {
		v.str(",\n")
	}
	v.n++
	v.json(VerdictOf(a, av))
	return v.spill()
}

// areaProperties are those of an area as a GeoJSON feature.
type areaProperties struct {
	Area
	Verdicts []Verdict `json:"verdicts"`
}

func (v *verdictsWriter) geojson(ctx context.Context) error {
	for _, a := range v.areas() {
		if err := ctx.Err(); err != nil {
			return err
		}
		ps := areaProperties{Area: AreaOf(v.g, a), Verdicts: []Verdict{}}
		if err := v.eachOf(a, func(a geo.Area, _ norm.Norm, av geo.AreaVerdict) error {
			ps.Verdicts = append(ps.Verdicts, VerdictOf(a, av))
			return nil
		}); err != nil {
			return err
		}
		if v.n > 0 {
			v.str(",\n")
		}
		v.n++
		v.json(Feature[areaProperties]{Type: "Feature", ID: string(a.Code), Geometry: MultiPolygon(a.Geometry), Properties: ps})
		if err := v.spill(); err != nil {
			return err
		}
	}
	return nil
}

// Feature is a GeoJSON feature.
type Feature[P any] struct {
	Type       string    `json:"type" enum:"Feature"`
	ID         string    `json:"id"`
	Geometry   *Geometry `json:"geometry" doc:"null when there is none"`
	Properties P         `json:"properties"`
}

// FileName returns the name that a downloaded file gets: "hours-2025.csv".
func FileName(d opendata.Dataset, format string, f Filter) string {
	parts := []string{"buurtmeter", d.ID}
	for _, s := range []string{string(f.Area), string(f.Station), string(f.Property), string(f.Norm)} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if f.Year != 0 {
		parts = append(parts, strconv.Itoa(f.Year))
	}
	return strings.Join(parts, "-") + "." + format
}
