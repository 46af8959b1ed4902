package norm

import (
	"cmp"
	"math"
	"slices"
	"time"

	"buurtmeter/ingest/reading"
)

// The kinds of norm in the table. A guideline and an interim target are advice,
// only a limit is law that must be met.
const (
	KindLimit      = "limit"
	KindTarget     = "target"
	KindObjective  = "long-term objective"
	KindGuideline  = "guideline"
	KindRetained   = "guideline retained from before 2021"
	KindAlert      = "alert"
	KindInform     = "information"
	KindAssessment = "assessment threshold"
	KindObligation = "exposure concentration obligation"
	KindAverage    = "average exposure concentration objective"
	KindReduction  = "average exposure reduction obligation"
)

const (
	target1 = "interim target 1"
	target2 = "interim target 2"
	target3 = "interim target 3"
	target4 = "interim target 4"
)

// The instruments, as they are cited.
const (
	instrument2008    = "2008/50/EC"
	instrument2024    = "(EU) 2024/2881"
	instrumentWHO2021 = "WHO AQG 2021"
	instrumentWHO2005 = "WHO AQG 2005"
)

// How well a figure was verified: in the law, its transposition or a quotation
// of it; in a table made from it; or not at all.
const (
	primary   = "primary"
	secondary = "secondary"
	memory    = "memory"
)

// Where the figures were read, one phrase per text; several are joined with
// "; ".
const (
	readGermanLaw  = "39. BImSchV (German transposition of 2008/50/EC), full text"
	readThresholds = "table of thresholds made from the full text of (EU) 2024/2881"
	readQuotation  = "quotation of (EU) 2024/2881 Annex I Table 1"
	readAirClim    = "AirClim: old and new EU values beside the WHO guidelines"
	readInterim    = "State of Global Air and KAPSARC: WHO 2021 guidelines and interim targets"
	readWHO2005    = "WHO air quality guidelines, global update 2005"
	readProposal   = "COM(2022) 542 Annex I (the proposal)"
	readNothing    = "general knowledge, no source was read"
)

// The notes that several norms share.
const (
	noteDays     = "WHO asks for the 99th percentile of the day means, 3 to 4 exceedance days a year; more than 3 days above the value count as an exceedance here."
	noteMaxima   = "The 99th percentile of the daily maxima is asked for, 3 to 4 exceedance days a year; more than 3 days above the value count as an exceedance here."
	noteHour     = "WHO gives no number of hours that may be above the value; every hour above it counts here."
	noteDay      = "WHO gives no number of days that may be above the value; every day above it counts here."
	noteShort    = "Means over hours do not tell whether this guideline is met."
	noteRepeal   = "2008/50/EC is repealed with effect from 2026-12-12. Where this value stands after that day was not read."
	noteFewer    = "The text that was read says: three days in a row, or fewer."
	noteExposure = "It holds for the mean of all urban background points of a territory over three calendar years. It is not a test of a street."
	noteMeasure  = "Above it the authorities must measure and may not only calculate. Being above it is no violation."
)

// whoDays is the number of days a year that may be above a WHO 24-hour
// guideline. WHO asks for the 99th percentile of the day means, which it
// explains as 3 to 4 exceedance days a year; the strict end is used.
const whoDays = 3

// All returns every norm that was found for the properties of the project, with
// its role, in the order in which they are shown: by regime, property and
// averaging period. The slice is the caller's own.
func All() []Norm {
	var t []Norm
	for _, i := range reading.Properties() {
		t = append(t, of(i.Property)...)
	}
	slices.SortStableFunc(t, func(a, b Norm) int { return cmp.Compare(regimeOrder(a.Regime), regimeOrder(b.Regime)) })
	return t
}

// Table returns the norms of All that verdicts are given for: tests of a year
// at a place, over an averaging period that Judge computes. Alert, information
// and assessment thresholds and the average exposure obligations are not in it,
// nor are norms over 10 or 15 minutes. The slice is the caller's own.
func Table() []Norm { return slices.DeleteFunc(All(), untested) }

// Of returns the norms of Table for one property, in the same order. It does
// less work than Table.
func Of(p reading.Property) []Norm { return slices.DeleteFunc(of(p), untested) }

func untested(n Norm) bool { return !n.Tested() }

// Tested reports whether verdicts are given for the norm: its role is a test of
// a year at a place, and Judge computes its averaging period.
func (n Norm) Tested() bool { return n.Role.Judged() && computed(n) }

// computed reports whether Judge computes the statistic of the norm. Where it
// does not, the norm must not be judged at all: "no data" would be a lie.
func computed(n Norm) bool {
	switch n.Averaging {
	case Hourly, Daily, EightHour, PeakSeason:
		return true
	case Yearly:
		return n.Years <= 1
	default:
		return false
	}
}

// ByID returns the norm of All with the id; ok is false when there is none. It
// builds the table: look up many norms in a map of one's own.
func ByID(id ID) (n Norm, ok bool) {
	for _, n := range All() {
		if n.ID == id {
			return n, true
		}
	}
	return Norm{}, false
}

// Regimes returns all regimes in the order in which they are shown.
func Regimes() []Regime { return []Regime{EUNow, EU2024, EU2030, WHO2021, WHO2005} }

func regimeOrder(r Regime) int { return slices.Index(Regimes(), r) }

func of(p reading.Property) []Norm {
	switch p {
	case reading.NO2:
		return slices.Concat(no2EU(), no2WHO())
	case reading.PM25:
		return slices.Concat(pm25EU(), pm25WHO())
	case reading.PM10:
		return slices.Concat(pm10EU(), pm10WHO())
	case reading.O3:
		return slices.Concat(o3EU(), o3WHO())
	case reading.SO2:
		return slices.Concat(so2EU(), so2WHO())
	case reading.CO:
		return slices.Concat(coEU(), coWHO())
	case reading.Benzene:
		return benzeneEU()
	default:
		return nil
	}
}

// entry returns a norm with what follows from the others of its fields.
func entry(id ID, r Regime, role Role, kind string, p reading.Property, a Averaging, v float64) Norm {
	info, _ := reading.InfoOf(p) // of names known properties only
	n := Norm{ID: id, Regime: r, Role: role, Kind: kind, Property: p, Averaging: a, Statistic: Count, Value: v, Unit: info.Unit}
	if a == Yearly || a == PeakSeason {
		n.Statistic = Mean
	}
	return n
}

// in sets the text, read the source, and from and until the days of a norm.
func (n Norm) in(instrument, article string) Norm {
	n.Instrument, n.Article = instrument, article
	return n
}

func (n Norm) read(verified, source string) Norm {
	n.Verified, n.Source = verified, source
	return n
}

func (n Norm) from(d time.Time) Norm {
	n.From = d
	return n
}

func (n Norm) until(d time.Time) Norm {
	n.Until = d
	return n
}

func (n Norm) allow(periods int) Norm {
	n.Allowed = periods
	return n
}

func (n Norm) over(years int) Norm {
	n.Years = years
	return n
}

func (n Norm) noted(s string) Norm {
	n.Note = s
	return n
}

// repealed is the last day of 2008/50/EC, and the day by which (EU) 2024/2881
// must be law in every country. The day after, its limit values stand in Annex I
// Section 1 Table 2 of the latter (a legal database and a table of thresholds
// were read, not the repeal itself).
func repealed() time.Time { return date(2026, 12, 11) }

// lastOldDay is the last day of the limit values of Table 2.
func lastOldDay() time.Time { return date(2029, 12, 31) }

// limitNow returns a limit value of 2008/50/EC, which (EU) 2024/2881 repeats.
func limitNow(id ID, p reading.Property, a Averaging, v float64, allowed int, from time.Time) Norm {
	n := entry(id, EUNow, RoleCompliance, KindLimit, p, a, v).allow(allowed).in(instrument2008, "Annex XI.B").
		from(from).until(lastOldDay()).read(primary, readGermanLaw+"; "+readThresholds)
	n.Next = Text{instrument2024, "Annex I Section 1 Table 2", repealed().AddDate(0, 0, 1), lastOldDay()}
	return n
}

// limit2030 returns a limit value that applies from 2030 on.
func limit2030(id ID, p reading.Property, a Averaging, v float64, allowed int) Norm {
	return entry(id, EU2030, RoleCompliance, KindLimit, p, a, v).allow(allowed).
		in(instrument2024, "Annex I Section 1 Table 1").from(date(2030, 1, 1))
}

// inform and alert return the thresholds of (EU) 2024/2881.
func inform(id ID, p reading.Property, a Averaging, v float64) Norm {
	return entry(id, EU2024, RoleInformation, KindInform, p, a, v).in(instrument2024, "Annex I Section 4").
		from(repealed()).read(secondary, readThresholds)
}

func alert(id ID, p reading.Property, a Averaging, v float64, consecutive int) Norm {
	n := inform(id, p, a, v)
	n.Role, n.Kind, n.Consecutive = RoleAlert, KindAlert, consecutive
	return n
}

// oldThreshold returns an alert or information threshold of 2008/50/EC.
func oldThreshold(id ID, role Role, p reading.Property, v float64, article string) Norm {
	n := entry(id, EUNow, role, KindInform, p, Hourly, v).in(instrument2008, article).read(primary, readGermanLaw)
	if role == RoleAlert {
		n.Kind, n.Consecutive = KindAlert, 1
	}
	return n
}

// assessment returns an assessment threshold, above which the authorities must
// measure.
func assessment(id ID, p reading.Property, v float64, verified, source string) Norm {
	return entry(id, EU2024, RoleAssessment, KindAssessment, p, Yearly, v).in(instrument2024, "Annex II").
		from(repealed()).read(verified, source).noted(noteMeasure)
}

// exposure returns an objective for the average exposure of the people of a
// territory; from memory.
func exposure(id ID, p reading.Property, v float64) Norm {
	n := entry(id, EU2030, RoleExposure, KindAverage, p, Yearly, v).over(3).in(instrument2024, "Annex I Section 5").
		from(date(2030, 1, 1)).read(memory, readNothing).noted(noteExposure)
	n.Statistic = Exposure
	return n
}

// reduction is exposure for the duty to bring it down, which has no value of
// its own.
func reduction(id ID, p reading.Property, note string) Norm {
	n := exposure(id, p, 0).noted(note)
	n.Kind, n.Statistic = KindReduction, Reduction
	return n
}

// who2021 returns a guideline or interim target of the WHO guidelines of 2021.
func who2021(id ID, p reading.Property, kind string, a Averaging, v float64) Norm {
	role := RoleInterim
	if kind == KindGuideline {
		role = RoleAdvice
	}
	n := entry(id, WHO2021, role, kind, p, a, v).in(instrumentWHO2021, "Table 0.1").
		from(date(2021, 9, 22)).read(secondary, readAirClim+"; "+readInterim)
	switch a {
	case Daily:
		n = n.allow(whoDays).noted(noteDays)
		n.Percentile = 99
	case EightHour:
		n = n.allow(whoDays).noted(noteMaxima)
		n.Percentile = 99
	default: // means over a year or a season: nothing is counted
	}
	return n
}

// retained returns a guideline of before 2021 that the WHO upheld.
func retained(id ID, p reading.Property, a Averaging, v float64, note string) Norm {
	return entry(id, WHO2021, RoleAdvice, KindRetained, p, a, v).in(instrumentWHO2021, "Table 0.2").
		from(date(2021, 9, 22)).read(secondary, readThresholds).noted(note)
}

// who2005 returns a guideline of the global update of 2005, which gives no
// number of periods that may be above the value.
func who2005(id ID, p reading.Property, a Averaging, v float64, note string) Norm {
	return entry(id, WHO2005, RoleAdvice, KindGuideline, p, a, v).in(instrumentWHO2005, "Global update 2005").
		from(date(2006, 10, 5)).until(date(2021, 9, 21)).read(primary, readWHO2005).noted(note)
}

// who2005Percentile is who2005 for a guideline that asks for the 99th percentile
// of the day means.
func who2005Percentile(id ID, p reading.Property, v float64) Norm {
	n := who2005(id, p, Daily, v, noteDays).allow(whoDays)
	n.Percentile = 99
	return n
}

// InForce reports whether the norm applied on at least one day of the calendar
// year.
func (n Norm) InForce(year int) bool {
	if !n.From.IsZero() && n.From.Year() > year {
		return false
	}
	return n.Until.IsZero() || n.Until.Year() >= year
}

// scaled is the norm's value as an integer of 1/reading.HourScale unit. Every
// value of the table is a whole number of those.
func (n Norm) scaled() int64 { return int64(math.Round(n.Value * reading.HourScale)) }

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}
