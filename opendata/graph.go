package opendata

import (
	"cmp"
	"context"
	"slices"
	"time"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

// Station is what the public may know of a measuring point: no position, no
// keeper.
type Station struct {
	ID        reading.StationID
	Title     string
	Kind      reading.Kind
	Model     string
	Maker     string
	Simulated bool
	Paused    bool
	Since     time.Time
	// Siting is what surrounds it, as it was declared.
	Siting reading.Siting
	// Area is the buurt that the station stands in; empty when its position is
	// unknown or outside every area.
	Area geo.Code
	// NoPosition tells that no usable position is known, so that no area could
	// be assigned. It is shown, not guessed.
	NoPosition bool
	// Latest is the hour of the newest hour mean; zero when there is none.
	Latest time.Time
	// Properties that the station has hours of, in table order.
	Properties []reading.Property
	// Corrected are its corrected series, in the order of Properties; of two of one
	// property the one that counts in verdicts first.
	Corrected []CorrectedSeries
	// Particle is what was declared of its particle sensor, in order of time.
	Particle []ingest.ParticleSensor
}

// YearStat is the year mean of one property at one station, as published.
type YearStat struct {
	Station  reading.StationID
	Property reading.Property
	Year     int
	// Mean in the property's unit, valid when Valid > 0.
	Mean float64
	// Valid and Expected hours of the calendar year (UTC+1).
	Valid, Expected int
	// Tube is what stands behind a mean of diffusion tubes; nil for one of hours.
	Tube *TubeYear
}

// Span is a first and last hour of data.
type Span struct {
	From, To time.Time // To is the end of the last hour
}

// Graph is an immutable snapshot of everything public. Readers share it.
type Graph struct {
	// Version changes with every change of the data; it is the ETag.
	Version string
	// Modified is when the data last changed, whole seconds, UTC.
	Modified time.Time
	// Built is when this snapshot was made.
	Built time.Time
	// Municipality is the area at the top; Areas are the buurten in code order;
	// Districts the wijken (may be empty).
	Municipality geo.Area
	Areas        []geo.Area
	Districts    []geo.Area
	// Schematic tells that the boundaries are drawings; AreaYear the vintage
	// else.
	Schematic bool
	AreaYear  int
	// Stations in id order.
	Stations []Station
	// Simulated tells that at least one station is simulated.
	Simulated bool
	Norms     []norm.Norm
	// Years with data, ascending. Year is the one shown by default: the latest
	// complete calendar year with data, else the latest with data, else the
	// present year.
	Years []int
	Year  int
	// Span of all hours; zero when there are none.
	Span Span
	// Verdicts by (area, norm, year): use Verdict.
	Verdicts map[VerdictKey]geo.AreaVerdict
	// YearStats sorted by station, property, year.
	YearStats []YearStat
	// Rejects counts refused messages by cause; Flagged counts flagged
	// hours by flag key and property.
	Rejects []RejectCount
	Flagged []FlagCount
	// NetworkErrors tell how far network factors are off, by property, type of sensor
	// and month, those of simulated stations last.
	NetworkErrors []ingest.NetworkError
	// Histories of the stations, also of deleted ones, which are in no other list.
	Histories map[reading.StationID]History
	// Campaigns of diffusion tubes, by name.
	Campaigns []Campaign
}

// VerdictKey addresses an area verdict.
type VerdictKey struct {
	Area geo.Code
	Norm norm.ID
	Year int
}

// RejectCount is the number of refused messages for one cause: Distinct
// different payloads, Arrivals in all.
type RejectCount struct {
	Cause    string
	Distinct int64
	Arrivals int64
}

// FlagCount is the number of hours that carry a flag.
type FlagCount struct {
	Property reading.Property
	Flag     string
	Hours    int64
}

// Verdict returns the verdict of an area; where no station stands it cannot be
// told for want of a station.
func (g *Graph) Verdict(a geo.Code, n norm.ID, year int) geo.AreaVerdict {
	if v, ok := g.Verdicts[VerdictKey{a, n, year}]; ok {
		return v
	}
	return geo.AreaVerdict{Area: a, Norm: n, Year: year, Reason: norm.ReasonNoStation}
}

// Area returns the buurt with the code.
func (g *Graph) Area(c geo.Code) (geo.Area, bool) {
	i, ok := slices.BinarySearchFunc(g.Areas, c, func(a geo.Area, c geo.Code) int { return cmp.Compare(a.Code, c) })
	if !ok {
		return geo.Area{}, false
	}
	return g.Areas[i], true
}

// AnyArea returns the buurt, the wijk or the municipality with the code: those
// that have verdicts.
func (g *Graph) AnyArea(c geo.Code) (geo.Area, bool) {
	if a, ok := g.Area(c); ok {
		return a, true
	}
	for _, a := range g.Districts {
		if a.Code == c {
			return a, true
		}
	}
	return g.Municipality, c != "" && g.Municipality.Code == c
}

// BuurtenIn returns the buurten that make up the area, in code order: of a buurt
// itself alone.
func (g *Graph) BuurtenIn(a geo.Area) []geo.Area {
	switch a.Level {
	case geo.Gemeente:
		return slices.Clone(g.Areas) // an installation is for one municipality
	case geo.Wijk:
		var within []geo.Area
		for _, b := range g.Areas {
			if b.Parent == a.Code {
				within = append(within, b)
			}
		}
		return within
	default:
		return []geo.Area{a}
	}
}

// StationsIn returns the stations that stand in the area, in id order.
func (g *Graph) StationsIn(a geo.Area) []Station {
	within := map[geo.Code]bool{}
	for _, b := range g.BuurtenIn(a) {
		within[b.Code] = true
	}
	var found []Station
	for _, s := range g.Stations {
		if s.Area != "" && within[s.Area] {
			found = append(found, s)
		}
	}
	return found
}

// above returns the areas that the buurt lies in: its wijk, when there is one,
// and the municipality.
func (g *Graph) above(buurt geo.Code) []geo.Code {
	var codes []geo.Code
	if a, ok := g.Area(buurt); ok {
		if w, ok := g.AnyArea(a.Parent); ok && w.Level == geo.Wijk {
			codes = append(codes, w.Code)
		}
	}
	if g.Municipality.Code != "" && g.Municipality.Code != buurt {
		codes = append(codes, g.Municipality.Code)
	}
	return codes
}

// StationYears returns the year means of a station.
func (g *Graph) StationYears(id reading.StationID) []YearStat {
	from, _ := slices.BinarySearchFunc(g.YearStats, id, func(y YearStat, id reading.StationID) int { return cmp.Compare(y.Station, id) })
	to := from
	for to < len(g.YearStats) && g.YearStats[to].Station == id {
		to++
	}
	return g.YearStats[from:to]
}

// Station returns the station with the id.
func (g *Graph) Station(id reading.StationID) (Station, bool) {
	i, ok := slices.BinarySearchFunc(g.Stations, id, func(s Station, id reading.StationID) int { return cmp.Compare(s.ID, id) })
	if !ok {
		return Station{}, false
	}
	return g.Stations[i], true
}

// Norm returns the norm with the id.
func (g *Graph) Norm(id norm.ID) (norm.Norm, bool) {
	for _, n := range g.Norms {
		if n.ID == id {
			return n, true
		}
	}
	return norm.Norm{}, false
}

// DefaultNorm returns the norm that is shown where nobody chose one: the first EU
// norm on the year mean of a property that was measured in the year, else the first
// norm of all. ok is false without any norm.
func (g *Graph) DefaultNorm(year int) (n norm.Norm, ok bool) {
	for _, n := range g.Norms {
		if n.Averaging != norm.Yearly || n.Regime != norm.EUNow {
			continue
		}
		for _, s := range g.YearStats {
			if s.Property == n.Property && s.Year == year && s.Valid > 0 {
				return n, true
			}
		}
	}
	if len(g.Norms) == 0 {
		return norm.Norm{}, false
	}
	return g.Norms[0], true
}

// Source gives the current graph and the hours behind it. Pages, API and
// exports depend on it and on nothing else.
type Source interface {
	// Graph returns the current snapshot; ErrNotReady before the first one.
	Graph(ctx context.Context) (*Graph, error)
	// Blocks calls fn for every stored month block of the station and property
	// in month order, within the months of [from, to).
	Blocks(ctx context.Context, s reading.StationID, p reading.Property, from, to time.Time, fn func(reading.Block) error) error
	// Assessments returns how the station agrees with official ones; none for a
	// station that is not compared.
	Assessments(ctx context.Context, s reading.StationID) ([]Assessment, error)
}
