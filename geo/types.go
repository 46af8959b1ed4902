package geo

import (
	"github.com/paulmach/orb"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// Level is the level of an area in the CBS division.
type Level string

// The levels.
const (
	Buurt    Level = "buurt"
	Wijk     Level = "wijk"
	Gemeente Level = "gemeente"
)

// Code is a CBS area code: "BU04791110", "WK047911", "GM0479".
type Code string

// Area is one neighbourhood, district or municipality of one vintage.
type Area struct {
	Code Code
	Name string
	Level
	// Parent is the code of the area one level up; may be empty.
	Parent Code
	// Year is the vintage of the boundaries; 0 for schematic cells.
	Year int
	// Schematic tells that the geometry is a drawing around a centre point, not
	// a boundary.
	Schematic bool
	// Geometry is in WGS84 degrees, lon lat, outer rings counter-clockwise.
	Geometry orb.MultiPolygon
	// Center is a public point inside the area, for labels and point feeds.
	Center orb.Point
	// Source is the attribution that must stand beside the map.
	Source string
	// Figures are those of the beginning of Year.
	Figures Figures
}

// StationVerdict is the verdict of one norm at one station.
type StationVerdict struct {
	Station   reading.StationID
	Kind      reading.Kind
	Siting    reading.Siting
	Simulated bool
	norm.Verdict
}

// Group is what some points say together about a norm.
type Group struct {
	// N counts the points with a value.
	N int
	// Whole counts the points whose value stands for the whole year. Median is
	// over them, valid when there is one. Above of them are above the norm by
	// their measured value; ShareLow and ShareHigh bound the share Above/Whole
	// (Wilson, 95 %).
	Whole, Above                int
	Median, ShareLow, ShareHigh float64
	// HasMean tells whether Mean, SD, Low and High (in the unit of the points'
	// values; 95 %) and U are given: only from 3 whole points on. Few marks 3 or 4
	// points. U is what the interval is made of.
	HasMean             bool
	Few                 bool
	Mean, SD, Low, High float64
	U                   norm.Uncertainty
	// Highest is the highest point, valid when N > 0.
	Highest StationVerdict
}

// SitingGroup is the group of the points of one siting. Of the unknown one it is
// no class of places: it holds the points of which nobody said where they hang.
type SitingGroup struct {
	Siting reading.Siting
	// Points counts them all, also those without a value.
	Points int
	Group
}

// AreaVerdict is what the measuring points of an area say about a norm. It is
// never "the area complies": Complies means "at each of the N measuring points".
type AreaVerdict struct {
	Area Code
	Norm norm.ID
	Year int
	// Outcome: Exceeds or ExceedsIncomplete when at least one point does,
	// Complies when every point does, else CannotTell.
	Outcome norm.Outcome
	Reason  norm.Reason
	// Points are the verdicts per station, highest value first.
	Points []StationVerdict
	// Group is that of all points. Reference and Sensors count those with a value
	// by kind.
	Group
	Reference, Sensors int
	// Sitings are the groups by siting in the order of reading.Sitings, of those
	// that have a point; none while the siting of no point is known.
	Sitings []SitingGroup
	// Simulated tells that the points come from simulated devices. Simulated and
	// real points are never mixed: with one real point the simulated ones are
	// left out.
	Simulated bool
	// Coverage is that of the best covered point, 0 to 1.
	Coverage float64
	// NotInForce: see norm.Verdict.
	NotInForce bool
}
