package opendata

import (
	"context"
	"fmt"
	"slices"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest/calibration"
	"buurtmeter/ingest/reading"
)

type seriesKey struct {
	station  reading.StationID
	property reading.Property
}

// seriesFacts is all that the graph needs of one series, kept between builds
// and recomputed only when a block of the series, the kind of its station or
// the present hour (for a running year) changed.
type seriesFacts struct {
	versions map[reading.Month]int64
	kind     reading.Kind
	until    reading.Hour
	first    reading.Hour // of the hours with a value
	last     reading.Hour
	any      bool
	years    []YearStat
	verdicts map[VerdictKey]norm.Verdict // Area left empty
	flags    map[string]int64
	standing []calibration.Version // of a corrected series
	network  bool                  // network factors corrected it
}

// refreshSeries brings b.series in line with the register.
func (b *Builder) refreshSeries(ctx context.Context, stations []reading.Station, until reading.Hour) error {
	index, err := b.reg.BlockIndex(ctx)
	if err != nil {
		return fmt.Errorf("block index: %w", err)
	}
	kinds := map[reading.StationID]reading.Kind{}
	for _, s := range stations {
		kinds[s.ID] = s.Kind
	}
	stored := map[seriesKey]map[reading.Month]int64{}
	for _, ref := range index {
		kind, known := kinds[ref.Station]
		if !known || kind == "" {
			continue
		}
		k := seriesKey{ref.Station, ref.Property}
		if stored[k] == nil {
			stored[k] = map[reading.Month]int64{}
		}
		stored[k][ref.Month] = ref.Version
	}
	for k := range b.series {
		if stored[k] == nil {
			delete(b.series, k)
		}
	}
	for k, versions := range stored {
		if f := b.series[k]; f != nil && f.kind == kinds[k.station] && sameVersions(f.versions, versions) && !f.runs(until) {
			continue
		}
		f, err := b.readFacts(ctx, k, &seriesFacts{versions: versions, kind: kinds[k.station], until: until}, b.series[k])
		if err != nil {
			return err
		}
		b.series[k] = f
	}
	return nil
}

// runs reports whether the passing of time alone may change a verdict: the
// series has data in a year that was running when it was last judged.
func (f *seriesFacts) runs(until reading.Hour) bool {
	return f.until != until && f.any && norm.YearOf(f.last) >= norm.YearOf(f.until)
}

func sameVersions(a, b map[reading.Month]int64) bool {
	if len(a) != len(b) {
		return false
	}
	for m, v := range b {
		if w, ok := a[m]; !ok || w != v {
			return false
		}
	}
	return true
}

// readFacts reads all blocks of a series into f, which has versions, kind and
// until, and judges every norm and year. old are the facts of the series before,
// nil when there are none.
func (b *Builder) readFacts(ctx context.Context, k seriesKey, f, old *seriesFacts) (*seriesFacts, error) {
	f.verdicts, f.flags = map[VerdictKey]norm.Verdict{}, map[string]int64{}
	months := make([]reading.Month, 0, len(f.versions))
	for m := range f.versions {
		months = append(months, m)
	}
	lo, hi := slices.Min(months), slices.Max(months)
	h := norm.Hours{First: lo.First(), Values: make([]int32, (hi+1).First()-lo.First())}
	for i := range h.Values {
		h.Values[i] = reading.Missing
	}
	err := b.reg.EachBlock(ctx, k.station, k.property, lo, hi, func(bl reading.Block) error {
		f.addBlock(bl, h)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("blocks of %s %s: %w", k.station, k.property, err)
	}
	if err := b.addStanding(ctx, k, f); err != nil {
		return nil, err
	}
	if f.any {
		f.judge(k, h, old)
	}
	return f, nil
}

// addBlock copies the valid hour means of bl into h and counts its flags.
func (f *seriesFacts) addBlock(bl reading.Block, h norm.Hours) {
	at := int(bl.Month.First() - h.First)
	for i := range bl.Values {
		for _, key := range bl.Flags[i].Keys() {
			f.flags[key]++
		}
		if !bl.Valid(i) {
			continue
		}
		h.Values[at+i] = bl.Values[i]
		hour := bl.Month.First() + reading.Hour(i)
		if !f.any {
			f.first, f.any = hour, true
		}
		f.last = max(f.last, hour)
	}
}

// judge judges every norm and year of h, except what old says already.
func (f *seriesFacts) judge(k seriesKey, h norm.Hours, old *seriesFacts) {
	norms, window := normsOf(k.property), 1
	for _, n := range norms {
		window = max(window, n.Years)
	}
	stats := map[int]*norm.Stats{} // nil for a year without data
	statsOf := func(year int) *norm.Stats {
		s, ok := stats[year]
		if !ok && norm.YearMean(h, year).Valid > 0 {
			s = norm.StatsOf(h, norm.Span{Year: year, Until: f.until})
		}
		stats[year] = s
		return s
	}
	for year := norm.YearOf(f.first); year <= norm.YearOf(f.last); year++ {
		if f.takeOver(old, year, window) {
			continue
		}
		mean := norm.YearMean(h, year)
		if mean.Valid == 0 {
			continue
		}
		f.years = append(f.years, YearStat{
			Station: k.station, Property: k.property, Year: year,
			Mean: mean.Mean, Valid: mean.Valid, Expected: mean.Expected,
		})
		var years []*norm.Stats // without those that have no data
		for y := year - window + 1; y <= year; y++ {
			if s := statsOf(y); s != nil {
				years = append(years, s)
			}
		}
		for _, n := range norms {
			f.verdicts[VerdictKey{Norm: n.ID, Year: year}] = norm.JudgeYears(n, f.method(k, n, year), years...)
		}
	}
}

// takeOver copies from old what it says about the year and reports true, when
// that still holds: the year was over, and no block changed that the verdicts of
// the year rest on, which are those of the last `window` years. A series changes
// with every reading, and to judge a year takes far longer than to read it.
func (f *seriesFacts) takeOver(old *seriesFacts, year, window int) bool {
	if old == nil || old.kind != f.kind || !sameCalibrations(old.standing, f.standing) || year >= norm.YearOf(min(old.until, f.until)) {
		return false
	}
	// A mean over some hours may begin before the year or end after it.
	const beyond = 24
	for m := reading.MonthOf(norm.YearStart(year-window+1) - beyond); m <= reading.MonthOf(norm.YearStart(year+1)+beyond); m++ {
		was, before := old.versions[m]
		is, now := f.versions[m]
		if was != is || before != now {
			return false
		}
	}
	for _, y := range old.years {
		if y.Year == year {
			f.years = append(f.years, y)
		}
	}
	for k, v := range old.verdicts {
		if k.Year == year {
			f.verdicts[k] = v
		}
	}
	return true
}

// addFacts turns the series into what the graph shows.
func (b *Builder) addFacts(g *Graph, until reading.Hour) {
	g.Norms = norm.Table()
	g.Verdicts = map[VerdictKey]geo.AreaVerdict{}
	points := map[VerdictKey][]geo.StationVerdict{}
	flags := map[FlagCount]int64{}
	var first, last reading.Hour
	for i := range g.Stations {
		s := &g.Stations[i]
		within := append([]geo.Code{s.Area}, g.above(s.Area)...)
		place := func(k VerdictKey, point geo.StationVerdict) {
			for _, k.Area = range within {
				points[k] = append(points[k], point)
			}
		}
		tubes, told := b.tubes.judge(*s, until)
		g.YearStats = append(g.YearStats, tubes...)
		if s.Area != "" {
			for k, v := range told {
				place(k, pointOf(s, nil, k, v))
			}
		}
		for _, info := range reading.Properties() {
			f := b.series[seriesKey{s.ID, info.Property}]
			if f == nil {
				continue
			}
			for key, n := range f.flags {
				flags[FlagCount{Property: info.Property, Flag: key}] += n
			}
			if !f.any {
				continue
			}
			if last == 0 || f.first < first {
				first = f.first
			}
			last = max(last, f.last)
			s.Properties = append(s.Properties, info.Property)
			if at := f.last.Start(); at.After(s.Latest) {
				s.Latest = at
			}
			g.YearStats = append(g.YearStats, f.years...)
			corrected := b.corrected(g, s, info.Property)
			if s.Area == "" {
				continue
			}
			for k, v := range f.verdicts {
				if _, twice := told[k]; !twice {
					place(k, pointOf(s, corrected, k, v))
				}
			}
		}
	}
	byID := make(map[norm.ID]norm.Norm, len(g.Norms)) // norm.ByID builds the whole table for each
	for _, n := range g.Norms {
		byID[n.ID] = n
	}
	for k, ps := range points {
		n, ok := byID[k.Norm]
		if !ok {
			continue
		}
		g.Verdicts[k] = geo.Summarise(k.Area, n, k.Year, ps)
	}
	if last != 0 {
		g.Span = Span{From: first.Start(), To: (last + 1).Start()}
	}
	g.Flagged = sortedFlags(flags)
	g.Years, g.Year = yearsOf(g.YearStats, until)
}

func sortedFlags(flags map[FlagCount]int64) []FlagCount {
	out := make([]FlagCount, 0, len(flags))
	for _, info := range reading.Properties() {
		for _, fl := range reading.FlagTable() {
			if n := flags[FlagCount{Property: info.Property, Flag: fl.Key}]; n > 0 {
				out = append(out, FlagCount{Property: info.Property, Flag: fl.Key, Hours: n})
			}
		}
	}
	return out
}

// yearsOf lists the years with data and picks the one to show first: the
// latest that is over, else the latest, else the present one.
func yearsOf(stats []YearStat, until reading.Hour) (years []int, show int) {
	present := norm.YearOf(until)
	for _, s := range stats {
		if !slices.Contains(years, s.Year) {
			years = append(years, s.Year)
		}
	}
	slices.Sort(years)
	if len(years) == 0 {
		return nil, present
	}
	show = years[len(years)-1]
	for _, y := range years {
		if y < present {
			show = y
		}
	}
	if years[0] >= present {
		show = years[len(years)-1]
	}
	return years, show
}

var _ Source = (*Builder)(nil)
