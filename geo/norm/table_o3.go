package norm

import "buurtmeter/ingest/reading"

func o3EU() []Norm {
	const p = reading.O3
	target := func(id ID, r Regime, allowed int) Norm {
		return entry(id, r, RoleCompliance, KindTarget, p, EightHour, 120).allow(allowed).over(3)
	}
	later := entry("eu2050-o3-lto", EU2030, RoleObjective, KindObjective, p, EightHour, 100).allow(whoDays).
		in(instrument2024, "Annex I Section 2").from(date(2050, 1, 1)).read(secondary, readThresholds).noted(noteMaxima)
	later.Percentile = 99
	return []Norm{
		target("eu2008-o3-8h", EUNow, 25).in(instrument2008, "Annex VII.B").
			from(date(2010, 1, 1)).until(lastOldDay()).read(primary, readGermanLaw).noted(noteRepeal),
		entry("eu2008-o3-lto", EUNow, RoleObjective, KindObjective, p, EightHour, 120).
			in(instrument2008, "Annex VII.C").read(primary, readGermanLaw).noted(noteRepeal),
		oldThreshold("eu2008-o3-info", RoleInformation, p, 180, "Annex XII.B").noted(noteRepeal),
		oldThreshold("eu2008-o3-alert", RoleAlert, p, 240, "Annex XII.B").noted(noteRepeal),

		inform("eu2024-o3-info", p, Hourly, 180),
		alert("eu2024-o3-alert", p, Hourly, 240, 1),

		target("eu2030-o3-8h", EU2030, 18).in(instrument2024, "Annex I Section 2").
			from(date(2030, 1, 1)).read(secondary, readThresholds),
		later,
	}
}

func o3WHO() []Norm {
	const p = reading.O3
	return []Norm{
		who2021("who2021-o3-8hours", p, KindGuideline, EightHour, 100),
		who2021("who2021-o3-8hours-it1", p, target1, EightHour, 160),
		who2021("who2021-o3-8hours-it2", p, target2, EightHour, 120),
		who2021("who2021-o3-peakseason", p, KindGuideline, PeakSeason, 60),
		who2021("who2021-o3-peakseason-it1", p, target1, PeakSeason, 100),
		who2021("who2021-o3-peakseason-it2", p, target2, PeakSeason, 70),

		who2005("who2005-o3-8hours", p, EightHour, 100, noteDay),
	}
}
