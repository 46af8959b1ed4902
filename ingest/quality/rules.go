package quality

import (
	"fmt"

	"buurtmeter/ingest/reading"
)

// Level says what a remark does.
type Level string

// The levels.
const (
	// Note: the value counts, and the remark is published with it.
	Note Level = "note"
	// Exclude: the value is kept and published, and counts in no mean.
	Exclude Level = "exclude"
)

// Scope says what a check looks at.
type Scope string

// The scopes.
const (
	// OnReading: one reading, as it comes in.
	OnReading Scope = "reading"
	// OnHour: the hour means of one station.
	OnHour Scope = "hour"
	// OnNetwork: the same hour at several stations.
	OnNetwork Scope = "network"
	// OnPeriod: weeks of one station beside a reference station. It gives figures
	// and remarks for the period and no flag on an hour.
	OnPeriod Scope = "period"
)

// Rule is one check with its threshold.
type Rule struct {
	// Key names the check; it is the key of its flag, where it has one.
	Key string
	// Flag is what it sets; that of a check on a period stands with the period and
	// on no hour.
	Flag  reading.Flag
	Scope Scope
	Level Level
	// Threshold says, in English, when the check remarks on a value.
	Threshold string
	// Version is the Version of the package since which the check flags as it
	// does.
	Version int
	// Source says where the threshold comes from. Verified tells whether somebody
	// has read it there; an own choice is never verified.
	Source   string
	Verified bool
}

// Rules returns all checks with their thresholds and sources, in the order in
// which they run: the one table that pages print and that the checks are tested
// against. The slice is the caller's own.
func Rules() []Rule {
	rules := append(append(readingRules(), hourRules()...), periodRules()...)
	for i := range rules {
		r := &rules[i]
		r.Level = Note
		if r.Flag&reading.Excluding != 0 {
			r.Level = Exclude
		}
		if r.Key == "" {
			r.Key = r.Flag.String()
		}
	}
	return rules
}

func readingRules() []Rule {
	return []Rule{
		{
			Flag: reading.MissingCode, Scope: OnReading, Version: 1,
			Threshold: "-999 and the like; -1 for a concentration",
			Source:    "seen in the files of RIVM; what further codes kits use stands with each wire format", Verified: true,
		},
		{
			Flag: reading.Range, Scope: OnReading, Version: 1,
			Threshold: "outside the bounds of the property; NO2 and particles -20 to 1000 µg/m³",
			Source:    "upper end: FILTER (Hassani et al. 2025), not read at the source; lower end: own choice, room for noise around 0",
		},
		{
			Flag: reading.ClockFuture, Scope: OnReading, Version: 1,
			Threshold: fmt.Sprintf("more than %.0f minutes after the receipt", FutureTolerance.Minutes()),
			Source:    "own choice (openSenseMap allows 1 minute)",
		},
		{
			Flag: reading.ClockPast, Scope: OnReading, Version: 1,
			Threshold: fmt.Sprintf("more than %.0f hours before the station's first moment", PastTolerance.Hours()),
			Source:    "own choice",
		},
		{
			Flag: reading.Conflict, Scope: OnReading, Version: 1,
			Threshold: "two values for the same station, property, time and revision",
			Source:    "by definition: one of them is wrong and nothing says which", Verified: true,
		},
		{
			Flag: reading.PMOrder, Scope: OnReading, Version: 1,
			Threshold: "PM2.5 above PM10 in one reading, without tolerance",
			Source:    "by definition PM10 holds PM2.5; seen in the files of RIVM", Verified: true,
		},
		{
			Flag: reading.Duplicate, Scope: OnReading, Version: 1,
			Threshold: "the same reading more than once",
			Source:    "by definition; it counts once", Verified: true,
		},
		{
			Flag: reading.NoPosition, Scope: OnReading, Version: 1,
			Threshold: "the station has no usable position",
			Source:    "by definition: without a place there is no neighbourhood", Verified: true,
		},
	}
}

func hourRules() []Rule {
	return []Rule{
		{
			Flag: reading.Constant, Scope: OnHour, Version: 1,
			Threshold: fmt.Sprintf("%d hour means of NO2, PM2.5 or PM10 without any difference, gaps of up to %d hours inside", ConstantHours, ConstantGap),
			Source:    "own choice: FILTER is quoted with 8 hours, which a rounding reference station reaches by itself; the files of RIVM hold a run of 377 hours with gaps in it",
		},
		{
			Flag: reading.Spike, Scope: OnHour, Version: 2,
			Threshold: fmt.Sprintf("1 or %d hours more than %d times the median absolute deviation from the median of the %d hours around (deviation at least 2 µg/m³, CO 0.1 mg/m³; at least %d hours measured), between two measured hours that are not",
				SpikeHours, SpikeFactor, 2*SpikeWindow+1, SpikeLeast),
			Source: "factor and window: outlier step of FILTER (Hassani et al. 2025), abstract read; the length, the least deviation and the ordinary hours on both sides: own choice, so that pollution that lasts is never flagged. A note, because fireworks look the same",
		},
		{
			Flag: reading.HumiditySuspect, Scope: OnHour, Version: 2,
			Threshold: fmt.Sprintf("raw particles of a sensor at %d %% relative humidity or more in the same hour", HumidSuspect),
			Source:    "Crilley et al. 2018 (AMT 11, 709), from memory: too high above 85 % for the OPC-N2; Jayaratne et al. 2018 (AMT 11, 4883), abstract read: from about 75 % for the PMS1003",
		},
		{
			Flag: reading.Isolated, Scope: OnNetwork, Version: 2,
			Threshold: fmt.Sprintf("fewer than %d other stations that measured the hour within %d m: not compared", BuddyMin, BuddyRadius),
			Source:    "CrowdQC+ 1.1.1, step m5, code read", Verified: true,
		},
		{
			Flag: reading.Buddy, Scope: OnNetwork, Version: 2,
			Threshold: fmt.Sprintf("more than %d standard deviations (at least %d µg/m³) from the mean of those neighbours, %d rounds", BuddyThreshold, BuddyScale, BuddyRounds),
			Source:    "the test: titanlib, code read; the figures: own choice, not yet fitted on official stations. A note, because a busy street differs from its surroundings",
		},
	}
}

func periodRules() []Rule {
	return []Rule{
		{
			Flag: reading.UnlikeReference, Scope: OnPeriod, Version: 3,
			Threshold: fmt.Sprintf("the last %d days beside each of at most %d official stations within %d km of the neighbourhood (background stations first, then those of an unknown siting, never roadside or industrial), over at least %d common hours: correlation below %g, or means more than %d µg/m³ (CO %g mg/m³) and more than the share that an indicative measurement may be off apart (NO2, SO2 and CO 25 %%, O3 30 %%, particles 50 %%)",
				ReferenceDays, ReferenceMost, ReferenceRadius/1000, ReferenceHours, ReferenceCorrelation, ReferenceBias, ReferenceBiasCO),
			Source: "shares: 2008/50/EC Annex I, read; distance: FILTER (Hassani et al. 2025) corrects with stations within about 11.5 km in winter, abstract read; days, number, correlation, hours and least difference: own choice",
		},
		{
			Flag: reading.Drift, Scope: OnPeriod, Version: 3,
			Threshold: fmt.Sprintf("in each of the latest %d months with %d common hours the mean difference with an official station moved, from that of the first %d such months of the device in its place, by more than the difference that \"reference\" allows; or the slope changed by more than %.0f %%",
				DriftMonths, ReferenceHours, DriftBaseline, 100*DriftSlope),
			Source: "own choice; the allowed difference as in \"reference\"",
		},
		{
			Flag: reading.ClockShift, Scope: OnPeriod, Version: 3,
			Threshold: fmt.Sprintf("over the same days as \"reference\": an official station moved by 1 to %d hours fits with a correlation of at least %g that is at least %g better than unmoved",
				LagReach, LagCorrelation, LagGain),
			Source: "own choice: the example files of RIVM gain 0.11 at one hour",
		},
	}
}

// RuleOf returns the rule that sets the flag; ok is false for a flag that no
// check sets.
func RuleOf(f reading.Flag) (r Rule, ok bool) {
	for _, r := range Rules() {
		if r.Flag == f && f != 0 {
			return r, true
		}
	}
	return Rule{}, false
}

// Remark is what a check says about a period: consecutive hours with the same
// flag.
type Remark struct {
	// Cause is the key of the flag.
	Cause string
	Level Level
	// From is the first hour and To the hour after the last.
	From, To reading.Hour
	// Version is that of the rule, 0 for a flag that no check sets.
	Version int
	// Lifted tells that an objection was accepted, so that the remark excludes
	// nothing here.
	Lifted bool
}

// Remarks turns the flags of consecutive hours, of which the first is first,
// into remarks on periods: by flag in bit order, then in order of time. A
// period ends where the flag ends and where its being lifted changes.
func Remarks(first reading.Hour, flags []reading.Flag) []Remark {
	var out []Remark
	for _, info := range reading.FlagTable() {
		if info.Flag == reading.Lifted {
			continue // said of each remark that it lifts
		}
		level := Note
		if info.Excludes {
			level = Exclude
		}
		rule, _ := RuleOf(info.Flag)
		open := -1 // the remark that may go on
		for i, f := range flags {
			if f&info.Flag == 0 {
				open = -1
				continue
			}
			lifted := f&reading.Lifted != 0 && info.Flag&reading.Liftable != 0
			if open < 0 || out[open].Lifted != lifted {
				open = len(out)
				out = append(out, Remark{Cause: info.Key, Level: level, From: first + reading.Hour(i), Version: rule.Version, Lifted: lifted})
			}
			out[open].To = first + reading.Hour(i) + 1
		}
	}
	return out
}
