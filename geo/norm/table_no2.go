package norm

import "buurtmeter/ingest/reading"

func no2EU() []Norm {
	const (
		p       = reading.NO2
		quoted  = readQuotation + "; " + readThresholds
		allThem = readQuotation + "; " + readThresholds + "; " + readAirClim
	)
	return []Norm{
		limitNow("eu2008-no2-1h", p, Hourly, 200, 18, date(2010, 1, 1)),
		limitNow("eu2008-no2-y", p, Yearly, 40, 0, date(2010, 1, 1)).
			noted("In the Netherlands to be met since 2015-01-01 (postponement)."),
		no2OldAlert(),

		inform("eu2024-no2-info", p, Hourly, 150),
		alert("eu2024-no2-alert", p, Hourly, 200, 3),
		assessment("eu2024-thr-no2", p, 10, memory, readNothing),

		limit2030("eu2030-no2-1h", p, Hourly, 200, 3).read(primary, quoted).
			noted("The proposal allowed one hour a year; the adopted text allows three."),
		limit2030("eu2030-no2-24h", p, Daily, 50, 18).read(primary, quoted),
		limit2030("eu2030-no2-y", p, Yearly, 20, 0).read(primary, allThem),
		exposure("eu2024-no2-aeco", p, 10),
		reduction("eu2024-no2-aero", p, "Compared with ten years before: from below 20 µg/m³ to 85 %, or to 15.0 µg/m³ when that is lower; from 20 µg/m³ and more to 75 %. It is not a test of a street."),
	}
}

func no2OldAlert() Norm {
	n := oldThreshold("eu2008-no2-alert", RoleAlert, reading.NO2, 400, "Annex XII.A").until(repealed()).
		noted("At places that stand for at least 100 km² or for a whole zone.")
	n.Consecutive = 3
	return n
}

func no2WHO() []Norm {
	const p = reading.NO2
	return []Norm{
		retained("who2021-ret-no2-1hour", p, Hourly, 200, noteHour),
		who2021("who2021-no2-24hours", p, KindGuideline, Daily, 25),
		who2021("who2021-no2-24hours-it1", p, target1, Daily, 120),
		who2021("who2021-no2-24hours-it2", p, target2, Daily, 50),
		who2021("who2021-no2-calendaryear", p, KindGuideline, Yearly, 10),
		who2021("who2021-no2-calendaryear-it1", p, target1, Yearly, 40),
		who2021("who2021-no2-calendaryear-it2", p, target2, Yearly, 30),
		who2021("who2021-no2-calendaryear-it3", p, target3, Yearly, 20),

		who2005("who2005-no2-1hour", p, Hourly, 200, noteHour),
		who2005("who2005-no2-calendaryear", p, Yearly, 40, ""),
	}
}
