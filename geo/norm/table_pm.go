package norm

import "buurtmeter/ingest/reading"

// readPM is where the figures of 2030 for particles were read: not in the law.
const readPM = readThresholds + "; " + readAirClim + "; " + readProposal

func pm25EU() []Norm {
	const p = reading.PM25
	// Section 1 Table 2 repeats this figure too, by the table of thresholds.
	year := limitNow("eu2008-pm25-y", p, Yearly, 25, 0, date(2015, 1, 1)).in(instrument2008, "Annex XIV.E stage 1").
		noted("A target value of 25 held since 2010-01-01 (Annex XIV.D).")
	obligation := entry("eu2008-pm25-eco", EUNow, RoleExposure, KindObligation, p, Yearly, 20).over(3).
		in(instrument2008, "Art. 15, Annex XIV.C").from(date(2015, 1, 1)).until(repealed()).
		read(primary, readGermanLaw).noted(noteExposure)
	obligation.Statistic = Exposure
	return []Norm{
		year,
		obligation,

		inform("eu2024-pm25-info", p, Daily, 50),
		alert("eu2024-pm25-alert", p, Daily, 50, 3).noted(noteFewer),
		assessment("eu2024-thr-pm25", p, 5, memory, readNothing),

		limit2030("eu2030-pm25-24h", p, Daily, 25, 18).read(secondary, readPM),
		limit2030("eu2030-pm25-y", p, Yearly, 10, 0).read(secondary, readPM),
		exposure("eu2024-pm25-aeco", p, 5),
		reduction("eu2024-pm25-aero", p, "Compared with ten years before: from below 10 µg/m³ to 90 %, or to 8.5 µg/m³ when that is lower; from 10 to below 12 µg/m³ to 85 %, or to 9.0 µg/m³; from 12 µg/m³ and more to 75 %. It is not a test of a street."),
	}
}

func pm25WHO() []Norm {
	const p = reading.PM25
	return []Norm{
		who2021("who2021-pm25-24hours", p, KindGuideline, Daily, 15),
		who2021("who2021-pm25-24hours-it1", p, target1, Daily, 75),
		who2021("who2021-pm25-24hours-it2", p, target2, Daily, 50),
		who2021("who2021-pm25-24hours-it3", p, target3, Daily, 37.5),
		who2021("who2021-pm25-24hours-it4", p, target4, Daily, 25),
		who2021("who2021-pm25-calendaryear", p, KindGuideline, Yearly, 5),
		who2021("who2021-pm25-calendaryear-it1", p, target1, Yearly, 35),
		who2021("who2021-pm25-calendaryear-it2", p, target2, Yearly, 25),
		who2021("who2021-pm25-calendaryear-it3", p, target3, Yearly, 15),
		who2021("who2021-pm25-calendaryear-it4", p, target4, Yearly, 10),

		who2005Percentile("who2005-pm25-24hours", p, 25),
		who2005("who2005-pm25-calendaryear", p, Yearly, 10, ""),
	}
}

func pm10EU() []Norm {
	const p = reading.PM10
	return []Norm{
		limitNow("eu2008-pm10-24h", p, Daily, 50, 35, date(2005, 1, 1)),
		limitNow("eu2008-pm10-y", p, Yearly, 40, 0, date(2005, 1, 1)),

		inform("eu2024-pm10-info", p, Daily, 90),
		alert("eu2024-pm10-alert", p, Daily, 90, 3).noted(noteFewer),
		assessment("eu2024-thr-pm10", p, 15, memory, readNothing),

		limit2030("eu2030-pm10-24h", p, Daily, 45, 18).read(secondary, readPM),
		limit2030("eu2030-pm10-y", p, Yearly, 20, 0).read(secondary, readPM),
	}
}

func pm10WHO() []Norm {
	const p = reading.PM10
	return []Norm{
		who2021("who2021-pm10-24hours", p, KindGuideline, Daily, 45),
		who2021("who2021-pm10-24hours-it1", p, target1, Daily, 150),
		who2021("who2021-pm10-24hours-it2", p, target2, Daily, 100),
		who2021("who2021-pm10-24hours-it3", p, target3, Daily, 75),
		who2021("who2021-pm10-24hours-it4", p, target4, Daily, 50),
		who2021("who2021-pm10-calendaryear", p, KindGuideline, Yearly, 15),
		who2021("who2021-pm10-calendaryear-it1", p, target1, Yearly, 70),
		who2021("who2021-pm10-calendaryear-it2", p, target2, Yearly, 50),
		who2021("who2021-pm10-calendaryear-it3", p, target3, Yearly, 30),
		who2021("who2021-pm10-calendaryear-it4", p, target4, Yearly, 20),

		who2005Percentile("who2005-pm10-24hours", p, 50),
		who2005("who2005-pm10-calendaryear", p, Yearly, 20, ""),
	}
}
