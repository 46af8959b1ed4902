package norm

import (
	"math"
	"time"

	"buurtmeter/ingest/reading"
)

// The kinds of norm in the table. A guideline and an interim target are advice,
// only a limit is law.
const (
	KindLimit     = "limit"
	KindGuideline = "guideline"
	KindRetained  = "guideline retained from before 2021"
)

// The instruments, as they are cited.
const (
	instrument2008    = "2008/50/EC"
	instrument2024    = "(EU) 2024/2881"
	instrumentWHO2021 = "WHO AQG 2021"
	instrumentWHO2005 = "WHO AQG 2005"
)

// How well a figure was verified.
const (
	primary   = "primary"
	secondary = "secondary"
)

// Where the figures were read, one phrase per text.
const (
	readGermanLaw  = "39. BImSchV (German transposition of 2008/50/EC), full text"
	readThresholds = "table of thresholds made from the full text of (EU) 2024/2881"
	readQuotation  = "quotation of (EU) 2024/2881 Annex I Table 1"
	readAirClim    = "AirClim: old and new EU values beside the WHO guidelines"
	readInterim    = "State of Global Air and KAPSARC: WHO 2021 guidelines and interim targets"
	readWHO2005    = "WHO air quality guidelines, global update 2005"
	readProposal   = "COM(2022) 542 Annex I (the proposal)"
)

// whoDays is the number of days a year that may be above a WHO 24-hour
// guideline. WHO asks for the 99th percentile of the day means, which it
// explains as 3 to 4 exceedance days a year; the strict end is used.
const whoDays = 3

// Table returns every norm that verdicts are given for, in the order in which
// they are shown: by regime, property and averaging period. The slice is the
// caller's own. Alert, information and assessment thresholds and the average
// exposure obligations are not in it: they are not tests of a year at a place.
func Table() []Norm {
	t := make([]Norm, 0, 48)
	t = append(t, euNow()...)
	t = append(t, eu2030()...)
	t = append(t, who2021NO2()...)
	t = append(t, who2021PM()...)
	return append(t, who2005()...)
}

// ByID returns the norm with the id; ok is false when the table has none.
func ByID(id ID) (n Norm, ok bool) {
	for _, n := range Table() {
		if n.ID == id {
			return n, true
		}
	}
	return Norm{}, false
}

// euNow holds the limit values of 2008/50/EC, which Directive (EU) 2024/2881
// repeats in Annex I Section 1 Table 2 and which hold until the end of 2029.
func euNow() []Norm {
	const (
		article = "Annex XI.B (same values: 2024/2881 Annex I Section 1 Table 2)"
		source  = readGermanLaw + "; " + readThresholds
	)
	until := date(2029, 12, 31)
	limit := func(id ID, p reading.Property, a Averaging, v float64, allowed int, from time.Time) Norm {
		return Norm{
			ID: id, Regime: EUNow, Property: p, Kind: KindLimit, Instrument: instrument2008, Article: article,
			Averaging: a, Statistic: statisticOf(a), Value: v, Allowed: allowed, From: from, Until: until,
			Source: source, Verified: primary,
		}
	}
	no2Year := limit("eu2008-no2-y", reading.NO2, Yearly, 40, 0, date(2010, 1, 1))
	no2Year.Note = "In the Netherlands to be met since 2015-01-01 (postponement)."
	pm25Year := limit("eu2008-pm25-y", reading.PM25, Yearly, 25, 0, date(2015, 1, 1))
	pm25Year.Article = "Annex XIV.E stage 1"
	pm25Year.Note = "A target value of 25 held since 2010-01-01 (Annex XIV.D)."
	return []Norm{
		limit("eu2008-no2-1h", reading.NO2, Hourly, 200, 18, date(2010, 1, 1)),
		no2Year,
		pm25Year,
		limit("eu2008-pm10-24h", reading.PM10, Daily, 50, 35, date(2005, 1, 1)),
		limit("eu2008-pm10-y", reading.PM10, Yearly, 40, 0, date(2005, 1, 1)),
	}
}

// eu2030 holds the limit values that apply from 2030 on.
func eu2030() []Norm {
	const article = "Annex I Section 1 Table 1"
	limit := func(id ID, p reading.Property, a Averaging, v float64, allowed int, source, verified string) Norm {
		return Norm{
			ID: id, Regime: EU2030, Property: p, Kind: KindLimit, Instrument: instrument2024, Article: article,
			Averaging: a, Statistic: statisticOf(a), Value: v, Allowed: allowed, From: date(2030, 1, 1),
			Source: source, Verified: verified,
		}
	}
	const (
		quoted  = readQuotation + "; " + readThresholds
		tabled  = readThresholds + "; " + readAirClim + "; " + readProposal
		allThem = readQuotation + "; " + readThresholds + "; " + readAirClim
	)
	hour := limit("eu2030-no2-1h", reading.NO2, Hourly, 200, 3, quoted, primary)
	hour.Note = "The proposal allowed one hour a year; the adopted text allows three."
	return []Norm{
		hour,
		limit("eu2030-no2-24h", reading.NO2, Daily, 50, 18, quoted, primary),
		limit("eu2030-no2-y", reading.NO2, Yearly, 20, 0, allThem, primary),
		limit("eu2030-pm25-24h", reading.PM25, Daily, 25, 18, tabled, secondary),
		limit("eu2030-pm25-y", reading.PM25, Yearly, 10, 0, tabled, secondary),
		limit("eu2030-pm10-24h", reading.PM10, Daily, 45, 18, tabled, secondary),
		limit("eu2030-pm10-y", reading.PM10, Yearly, 20, 0, tabled, secondary),
	}
}

// who2021 returns a guideline or interim target of the WHO guidelines of 2021.
func who2021(id ID, p reading.Property, kind string, a Averaging, v float64) Norm {
	n := Norm{
		ID: id, Regime: WHO2021, Property: p, Kind: kind, Instrument: instrumentWHO2021, Article: "Table 0.1",
		Averaging: a, Statistic: statisticOf(a), Value: v, From: date(2021, 9, 22),
		Source: readAirClim + "; " + readInterim, Verified: secondary,
	}
	if a == Daily {
		n.Allowed, n.Note = whoDays, noteDays
	}
	return n
}

const (
	noteDays = "WHO asks for the 99th percentile of the day means, 3 to 4 exceedance days a year; more than 3 days above the value count as an exceedance here."
	noteHour = "WHO gives no number of hours that may be above the value; every hour above it counts here."
	target1  = "interim target 1"
	target2  = "interim target 2"
	target3  = "interim target 3"
	target4  = "interim target 4"
)

func who2021NO2() []Norm {
	const p = reading.NO2
	return []Norm{
		{
			ID: "who2021-ret-no2-1hour", Regime: WHO2021, Property: p, Kind: KindRetained, Instrument: instrumentWHO2021,
			Article: "Table 0.2", Averaging: Hourly, Statistic: Count, Value: 200, From: date(2021, 9, 22),
			Source: readThresholds, Verified: secondary, Note: noteHour,
		},
		who2021("who2021-no2-24hours", p, KindGuideline, Daily, 25),
		who2021("who2021-no2-24hours-it1", p, target1, Daily, 120),
		who2021("who2021-no2-24hours-it2", p, target2, Daily, 50),
		who2021("who2021-no2-calendaryear", p, KindGuideline, Yearly, 10),
		who2021("who2021-no2-calendaryear-it1", p, target1, Yearly, 40),
		who2021("who2021-no2-calendaryear-it2", p, target2, Yearly, 30),
		who2021("who2021-no2-calendaryear-it3", p, target3, Yearly, 20),
	}
}

func who2021PM() []Norm {
	return []Norm{
		who2021("who2021-pm25-24hours", reading.PM25, KindGuideline, Daily, 15),
		who2021("who2021-pm25-24hours-it1", reading.PM25, target1, Daily, 75),
		who2021("who2021-pm25-24hours-it2", reading.PM25, target2, Daily, 50),
		who2021("who2021-pm25-24hours-it3", reading.PM25, target3, Daily, 37.5),
		who2021("who2021-pm25-24hours-it4", reading.PM25, target4, Daily, 25),
		who2021("who2021-pm25-calendaryear", reading.PM25, KindGuideline, Yearly, 5),
		who2021("who2021-pm25-calendaryear-it1", reading.PM25, target1, Yearly, 35),
		who2021("who2021-pm25-calendaryear-it2", reading.PM25, target2, Yearly, 25),
		who2021("who2021-pm25-calendaryear-it3", reading.PM25, target3, Yearly, 15),
		who2021("who2021-pm25-calendaryear-it4", reading.PM25, target4, Yearly, 10),

		who2021("who2021-pm10-24hours", reading.PM10, KindGuideline, Daily, 45),
		who2021("who2021-pm10-24hours-it1", reading.PM10, target1, Daily, 150),
		who2021("who2021-pm10-24hours-it2", reading.PM10, target2, Daily, 100),
		who2021("who2021-pm10-24hours-it3", reading.PM10, target3, Daily, 75),
		who2021("who2021-pm10-24hours-it4", reading.PM10, target4, Daily, 50),
		who2021("who2021-pm10-calendaryear", reading.PM10, KindGuideline, Yearly, 15),
		who2021("who2021-pm10-calendaryear-it1", reading.PM10, target1, Yearly, 70),
		who2021("who2021-pm10-calendaryear-it2", reading.PM10, target2, Yearly, 50),
		who2021("who2021-pm10-calendaryear-it3", reading.PM10, target3, Yearly, 30),
		who2021("who2021-pm10-calendaryear-it4", reading.PM10, target4, Yearly, 20),
	}
}

func who2005() []Norm {
	guideline := func(id ID, p reading.Property, a Averaging, v float64) Norm {
		n := Norm{
			ID: id, Regime: WHO2005, Property: p, Kind: KindGuideline, Instrument: instrumentWHO2005, Article: "Global update 2005",
			Averaging: a, Statistic: statisticOf(a), Value: v, From: date(2006, 10, 5), Until: date(2021, 9, 21),
			Source: readWHO2005, Verified: primary,
		}
		switch a {
		case Daily:
			n.Allowed, n.Note = whoDays, noteDays
		case Hourly:
			n.Note = noteHour
		case Yearly: // a mean: nothing is counted
		}
		return n
	}
	return []Norm{
		guideline("who2005-no2-1hour", reading.NO2, Hourly, 200),
		guideline("who2005-no2-calendaryear", reading.NO2, Yearly, 40),
		guideline("who2005-pm25-24hours", reading.PM25, Daily, 25),
		guideline("who2005-pm25-calendaryear", reading.PM25, Yearly, 10),
		guideline("who2005-pm10-24hours", reading.PM10, Daily, 50),
		guideline("who2005-pm10-calendaryear", reading.PM10, Yearly, 20),
	}
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

func statisticOf(a Averaging) Statistic {
	if a == Yearly {
		return Mean
	}
	return Count
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}
