package opendatatest

import (
	"slices"
	"sort"
	"time"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
)

func sampleNorms() []norm.Norm {
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	return []norm.Norm{
		{
			ID: "eu2008-no2-y", Regime: norm.EUNow, Property: reading.NO2, Kind: "limit", Instrument: "2008/50/EC", Article: "Annex XI.B",
			Averaging: norm.Yearly, Statistic: norm.Mean, Value: 40, From: day(2010, 1, 1), Until: day(2029, 12, 31), Source: "2008/50/EC Annex XI.B", Verified: "primary",
		},
		{
			ID: "eu2008-pm10-24h", Regime: norm.EUNow, Property: reading.PM10, Kind: "limit", Instrument: "2008/50/EC", Article: "Annex XI.B",
			Averaging: norm.Daily, Statistic: norm.Count, Value: 50, Allowed: 35, From: day(2005, 1, 1), Until: day(2029, 12, 31), Source: "2008/50/EC Annex XI.B", Verified: "primary",
		},
		{
			ID: "eu2030-pm25-24h", Regime: norm.EU2030, Property: reading.PM25, Kind: "limit", Instrument: "(EU) 2024/2881", Article: "Annex I Section 1 Table 1",
			Averaging: norm.Daily, Statistic: norm.Count, Value: 25, Allowed: 18, From: day(2030, 1, 1), Source: "(EU) 2024/2881 Annex I", Verified: "secondary",
		},
		{
			ID: "eu2030-no2-y", Regime: norm.EU2030, Property: reading.NO2, Kind: "limit", Instrument: "(EU) 2024/2881", Article: "Annex I Section 1 Table 1",
			Averaging: norm.Yearly, Statistic: norm.Mean, Value: 20, From: day(2030, 1, 1), Source: "(EU) 2024/2881 Annex I", Verified: "primary",
		},
		{
			ID: "who2021-pm25-calendaryear", Regime: norm.WHO2021, Property: reading.PM25, Kind: "guideline", Instrument: "WHO AQG 2021", Article: "Table 0.1",
			Averaging: norm.Yearly, Statistic: norm.Mean, Value: 5, From: day(2021, 9, 22), Source: "WHO global air quality guidelines 2021", Verified: "secondary",
		},
	}
}

// year holds the hours of one series in one calendar year (UTC+1).
type year struct {
	sum, valid, expected int
	over                 map[float64]int // days above a value
}

func yearOf(bs []reading.Block, y int) year {
	cet := time.FixedZone("UTC+1", 3600)
	first := reading.HourOf(time.Date(y, 1, 1, 0, 0, 0, 0, cet))
	last := reading.HourOf(time.Date(y+1, 1, 1, 0, 0, 0, 0, cet))
	r := year{expected: int(last - first), over: map[float64]int{}}
	type day struct{ sum, n int }
	days := map[reading.Hour]day{}
	for _, b := range bs {
		for i, v := range b.Values {
			h := b.Month.First() + reading.Hour(i)
			if h < first || h >= last || !b.Valid(i) {
				continue
			}
			r.sum += int(v)
			r.valid++
			d := days[(h-first)/24]
			days[(h-first)/24] = day{d.sum + int(v), d.n + 1}
		}
	}
	for _, limit := range []float64{25, 50} {
		for _, d := range days {
			if d.n >= 18 && d.sum > int(limit)*reading.HourScale*d.n {
				r.over[limit]++
			}
		}
	}
	return r
}

func (y year) mean() float64 { return float64(y.sum) / float64(y.valid) / reading.HourScale }

func yearStats(g *opendata.Graph, blocks map[series][]reading.Block) []opendata.YearStat {
	var out []opendata.YearStat
	for _, s := range g.Stations {
		ps := append([]reading.Property(nil), s.Properties...)
		sort.Slice(ps, func(i, j int) bool { return ps[i] < ps[j] })
		for _, p := range ps {
			for _, y := range g.Years {
				r := yearOf(blocks[series{s.ID, p}], y)
				st := opendata.YearStat{Station: s.ID, Property: p, Year: y, Valid: r.valid, Expected: r.expected}
				if r.valid > 0 {
					st.Mean = r.mean()
				}
				if s.Kind == reading.KindTube && y == 2025 {
					st.Tube = sampleTubeYear(st.Mean)
				}
				out = append(out, st)
			}
		}
	}
	return out
}

// verdicts are those of the buurten, the wijken and the municipality. The rules
// behind the verdicts of the stations are rough: they give each of the four
// outcomes, and nothing else is asked of them here.
func verdicts(g *opendata.Graph, blocks map[series][]reading.Block) map[opendata.VerdictKey]geo.AreaVerdict {
	out := map[opendata.VerdictKey]geo.AreaVerdict{}
	for _, n := range g.Norms {
		for _, y := range g.Years {
			point := map[reading.StationID]geo.StationVerdict{}
			for _, s := range g.Stations {
				if bs := blocks[series{s.ID, n.Property}]; len(bs) > 0 {
					point[s.ID] = stationVerdict(s, n, y, yearOf(bs, y))
				}
			}
			for _, a := range slices.Concat(g.Areas, g.Districts, []geo.Area{g.Municipality}) {
				var ps []geo.StationVerdict
				for _, s := range g.StationsIn(a) {
					if p, ok := point[s.ID]; ok {
						ps = append(ps, p)
					}
				}
				if len(ps) > 0 {
					out[opendata.VerdictKey{Area: a.Code, Norm: n.ID, Year: y}] = geo.Summarise(a.Code, n, y, ps)
				}
			}
		}
	}
	return out
}

func stationVerdict(s opendata.Station, n norm.Norm, y int, r year) geo.StationVerdict {
	u := map[reading.Kind]float64{reading.KindReference: 0.08, reading.KindTube: 0.15, reading.KindSensorCalibrated: 0.2, reading.KindSensor: 0.25}[s.Kind]
	v := norm.Verdict{
		Norm: n.ID, Year: y, Valid: r.valid, Expected: r.expected, NotInForce: n.From.Year() > y,
		Coverage: float64(r.valid) / float64(r.expected), Method: norm.Method{Version: "2026.1", Kind: s.Kind},
	}
	sv := geo.StationVerdict{Station: s.ID, Kind: s.Kind, Siting: s.Siting, Simulated: s.Simulated}
	if r.valid == 0 {
		v.Reason = norm.ReasonNoData
		sv.Verdict = v
		return sv
	}
	v.HasValue = true
	limit := n.Value
	if n.Statistic == norm.Count {
		v.Value, limit = float64(r.over[n.Value]), float64(n.Allowed)
	} else {
		v.Value = r.mean()
	}
	v.Low, v.High = v.Value*(1-u), v.Value*(1+u)
	whole := v.Coverage >= 0.9
	v.Above, v.U.Relative = v.Value > limit, u
	if v.HasProbability = whole; whole {
		v.Probability = norm.Exceedance(v.Value, u/2*v.Value, limit)
	}
	switch {
	case v.Low > limit && whole:
		v.Outcome = norm.Exceeds
	case v.Low > limit && n.Statistic == norm.Count:
		v.Outcome = norm.ExceedsIncomplete
	case !whole:
		v.Reason = norm.ReasonCoverage
		if y == 2026 {
			v.Reason = norm.ReasonRunning
		}
	case v.High <= limit:
		v.Outcome = norm.Complies
	default:
		v.Reason = norm.ReasonUncertainty
	}
	sv.Verdict = v
	return sv
}
