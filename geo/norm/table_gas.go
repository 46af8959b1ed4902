package norm

import "buurtmeter/ingest/reading"

func so2EU() []Norm {
	const p = reading.SO2
	old := oldThreshold("eu2008-so2-alert", RoleAlert, p, 500, "Annex XII.A").until(repealed())
	old.Consecutive = 3
	return []Norm{
		limitNow("eu2008-so2-1h", p, Hourly, 350, 24, date(2005, 1, 1)),
		limitNow("eu2008-so2-24h", p, Daily, 125, 3, date(2005, 1, 1)),
		old,

		inform("eu2024-so2-info", p, Hourly, 275),
		alert("eu2024-so2-alert", p, Hourly, 350, 3),

		limit2030("eu2030-so2-1h", p, Hourly, 350, 3).read(secondary, readThresholds),
		limit2030("eu2030-so2-24h", p, Daily, 50, 18).read(secondary, readThresholds),
		limit2030("eu2030-so2-y", p, Yearly, 20, 0).read(secondary, readThresholds+"; "+readProposal),
	}
}

func so2WHO() []Norm {
	const (
		p      = reading.SO2
		tabled = readThresholds + "; " + readAirClim
	)
	return []Norm{
		retained("who2021-ret-so2-10minutes", p, TenMinutes, 500, noteShort),
		who2021("who2021-so2-24hours", p, KindGuideline, Daily, 40).read(secondary, tabled).
			noted("WHO asks for the 99th percentile of the day means; more than 3 days above the value count as an exceedance here. One of the tables that were read prints 50 for this guideline: a misprint."),
		who2021("who2021-so2-24hours-it1", p, target1, Daily, 125).read(secondary, tabled),
		who2021("who2021-so2-24hours-it2", p, target2, Daily, 50).read(secondary, tabled),

		who2005("who2005-so2-10minutes", p, TenMinutes, 500, noteShort),
		who2005("who2005-so2-24hours", p, Daily, 20, noteDay),
	}
}

// coEU: values in mg/m³.
func coEU() []Norm {
	const (
		p      = reading.CO
		tabled = readThresholds + "; " + readProposal
	)
	return []Norm{
		limitNow("eu2008-co-8h", p, EightHour, 10, 0, date(2005, 1, 1)),

		limit2030("eu2030-co-8h", p, EightHour, 10, 0).read(secondary, tabled),
		limit2030("eu2030-co-24h", p, Daily, 4, 18).read(secondary, tabled),
	}
}

// coWHO: values in mg/m³.
func coWHO() []Norm {
	const p = reading.CO
	return []Norm{
		retained("who2021-ret-co-15minutes", p, QuarterHour, 100, noteShort),
		retained("who2021-ret-co-1hour", p, Hourly, 35, noteHour),
		retained("who2021-ret-co-8hours", p, EightHour, 10, noteDay),
		who2021("who2021-co-24hours", p, KindGuideline, Daily, 4),
		who2021("who2021-co-24hours-it1", p, target1, Daily, 7),
	}
}

func benzeneEU() []Norm {
	const p = reading.Benzene
	return []Norm{
		limitNow("eu2008-c6h6-y", p, Yearly, 5, 0, date(2010, 1, 1)),
		assessment("eu2024-thr-c6h6", p, 1.7, secondary, readThresholds),
		limit2030("eu2030-c6h6-y", p, Yearly, 3.4, 0).read(secondary, readPM),
	}
}
