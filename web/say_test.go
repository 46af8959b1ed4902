package web

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

func meanNorm() norm.Norm {
	return norm.Norm{ID: "m", Regime: norm.EUNow, Property: reading.NO2, Kind: "limit", Averaging: norm.Yearly, Statistic: norm.Mean, Value: 40}
}

func countNorm() norm.Norm {
	return norm.Norm{ID: "c", Regime: norm.EUNow, Property: reading.PM10, Kind: "limit", Averaging: norm.Daily, Statistic: norm.Count, Value: 50, Allowed: 35}
}

// areaOf makes an area verdict out of the points, as the graph has them.
func areaOf(n norm.Norm, vs ...norm.Verdict) geo.AreaVerdict {
	points := make([]geo.StationVerdict, len(vs))
	for i, v := range vs {
		v.Norm, v.Year = n.ID, 2025
		points[i] = geo.StationVerdict{Station: reading.StationID("s" + string(rune('a'+i))), Kind: reading.KindReference, Verdict: v}
	}
	return geo.Summarise("BU1", n, 2025, points)
}

// soft makes the spaces that keep a number and its unit together ordinary ones.
func soft(s string) string { return strings.ReplaceAll(s, nbsp, " ") }

func TestSentencesOfAMean(t *testing.T) {
	nl, en := bothLanguages(t)
	n := meanNorm()
	low := norm.Verdict{Outcome: norm.Complies, HasValue: true, Value: 18.2, Low: 15.5, High: 20.9, Coverage: 0.98}
	high := norm.Verdict{Outcome: norm.Exceeds, HasValue: true, Value: 52, Low: 44.2, High: 59.8, Coverage: 0.95}
	unsure := norm.Verdict{Reason: norm.ReasonUncertainty, HasValue: true, Value: 38, Low: 32.3, High: 43.7, Coverage: 0.9}
	short := norm.Verdict{Reason: norm.ReasonCoverage, HasValue: true, Value: 30, Low: 25, High: 35, Coverage: 0.139}
	for name, c := range map[string]struct {
		v    geo.AreaVerdict
		w    words
		want string
	}{
		"one complies":   {areaOf(n, low), nl, "Op het ene meetpunt in deze buurt ligt het jaargemiddelde niet boven de norm van 40 µg/m³: het is 18,2 µg/m³, met 95 % zekerheid tussen 15,5 en 20,9."},
		"all comply":     {areaOf(n, low, low, low), en, "At each of the 3 stations the year mean is not above the norm of 40 µg/m³. The highest is 18.2 µg/m³, with 95% certainty between 15.5 and 20.9."},
		"one of two":     {areaOf(n, low, high), nl, "Op 1 van de 2 meetpunten ligt het jaargemiddelde boven de norm van 40 µg/m³. Het hoogste daarvan heeft 52,0 µg/m³, met 95 % zekerheid tussen 44,2 en 59,8."},
		"a silent point": {areaOf(n, low, norm.Verdict{Reason: norm.ReasonNoData}), nl, "Op het ene meetpunt in deze buurt ligt het jaargemiddelde niet boven de norm van 40 µg/m³: het is 18,2 µg/m³, met 95 % zekerheid tussen 15,5 en 20,9. Eén ander meetpunt heeft geen bruikbare waarde."},
		"uncertain":      {areaOf(n, low, unsure), nl, "Het is niet vast te stellen, want op 1 van de 2 meetpunten is de meting niet precies genoeg (gemeten: 38,0 µg/m³). Het jaargemiddelde ligt met 95 % zekerheid tussen 32,3 en 43,7 en kan dus boven of onder de norm van 40 µg/m³ liggen."},
		"short":          {areaOf(n, short), nl, "Het is niet vast te stellen, want op het ene meetpunt in deze buurt is niet meer dan 13 % van 2025 gemeten; minstens 85 % is nodig."},
		"nothing":        {areaOf(n, norm.Verdict{Reason: norm.ReasonNoData}), en, "It cannot be told, because at the one station in this neighbourhood there is not one usable measurement in 2025."},
		"no station":     {areaOf(n), nl, "Het is niet vast te stellen, want er staat geen meetpunt in deze buurt."},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, soft(c.w.sentence(n, c.v, false))) })
	}
}

func TestSentencesOfACount(t *testing.T) {
	nl, en := bothLanguages(t)
	n := countNorm()
	many := norm.Verdict{Outcome: norm.ExceedsIncomplete, Reason: norm.ReasonCoverage, HasValue: true, Value: 50, Low: 41, High: 63, Coverage: 0.53}
	unsure := norm.Verdict{Reason: norm.ReasonUncertainty, HasValue: true, Value: 30, Low: 12, High: 48, Coverage: 0.9}
	one := norm.Verdict{Outcome: norm.Complies, HasValue: true, Value: 1, Low: 0, High: 4, Coverage: 0.99}
	assert.Equal(t, "Op het ene meetpunt in deze buurt waren er al meer dagen boven 50 µg/m³ dan de 35 die mogen, terwijl maar 53 % van het jaar gemeten is. Geteld: 50 dagen, met 95 % zekerheid tussen 41 en 63.",
		soft(nl.sentence(n, areaOf(n, many), false)))
	assert.Equal(t, "It cannot be told, because at the one station in this neighbourhood the measurement is not precise enough (measured: 30 days above 50 µg/m³). The true number lies with 95% certainty between 12 and 48; 35 are allowed.",
		soft(en.sentence(n, areaOf(n, unsure), false)))
	assert.Contains(t, soft(nl.sentence(n, areaOf(n, one), false)), "Gemeten: 1 dag,")
	none := norm.Verdict{Outcome: norm.Complies, HasValue: true, Coverage: 0.99}
	assert.Equal(t, "Op alle 3 meetpunten waren er niet meer dagen boven 50 µg/m³ dan de 35 die mogen. Het hoogste aantal is 0 dagen.",
		soft(nl.sentence(n, areaOf(n, none, none, none), false)), "an interval from 0 to 0 is not told")
	many.Outcome = norm.Exceeds
	assert.Contains(t, soft(nl.sentence(n, areaOf(n, many, many, many), false)), "Op alle 3 meetpunten waren er meer dagen")
	assert.Contains(t, soft(en.sentence(n, areaOf(n, many, many), false)), "At both stations there were more days")
}

// A higher point whose interval touches the norm must not stand for the
// exceedance of a lower, more precise one.
func TestTheSentenceQuotesAPointThatHasTheOutcome(t *testing.T) {
	nl, en := bothLanguages(t)
	n := countNorm()
	n.Allowed = 3
	wide := norm.Verdict{Reason: norm.ReasonUncertainty, HasValue: true, Value: 71, Low: 3, High: 169, Coverage: 0.99}
	sure := norm.Verdict{Outcome: norm.Exceeds, HasValue: true, Value: 40, Low: 21, High: 66, Coverage: 0.96}
	v := areaOf(n, wide, sure, norm.Verdict{Outcome: norm.Complies, HasValue: true, Value: 1, High: 3, Coverage: 0.97})
	assert.Equal(t, "Op 1 van de 3 meetpunten waren er meer dagen boven 50 µg/m³ dan de 3 die mogen. Het hoogste daarvan telt 40 dagen, met 95 % zekerheid tussen 21 en 66.", soft(nl.sentence(n, v, false)))
	assert.Equal(t, "96–99 %", soft(nl.covered(v)))
	assert.Equal(t, "96–99%", en.covered(v))
	assert.Equal(t, "98 %", soft(nl.covered(areaOf(n, norm.Verdict{HasValue: true, Coverage: 0.981}, norm.Verdict{HasValue: true, Coverage: 0.989}))))
}

func TestANormThatAllowsNoneIsSaidInWords(t *testing.T) {
	nl, en := bothLanguages(t)
	n := norm.Norm{ID: "h", Regime: norm.WHO2021, Property: reading.NO2, Averaging: norm.Hourly, Statistic: norm.Count, Value: 200}
	clean := norm.Verdict{Outcome: norm.Complies, HasValue: true, Coverage: 0.98}
	over := norm.Verdict{Outcome: norm.Exceeds, HasValue: true, Value: 3, Low: 1, High: 5, Coverage: 0.98}
	unsure := norm.Verdict{Reason: norm.ReasonUncertainty, HasValue: true, Value: 1, High: 4, Coverage: 0.98}
	assert.Equal(t, "De norm staat geen enkel uur boven 200 µg/m³ toe. Op beide meetpunten kwam dat ook niet voor.", soft(nl.sentence(n, areaOf(n, clean, clean), false)))
	assert.Equal(t, "The norm allows no hour above 200 µg/m³. At 1 of the 2 stations it did happen. The highest of these counts 3 hours, with 95% certainty between 1 and 5.", soft(en.sentence(n, areaOf(n, clean, over), false)))
	assert.Contains(t, nl.sentence(n, areaOf(n, unsure), false), "er mag er geen enkele zijn.")
}

func TestARunningYearIsNotCalledPoorlyMeasured(t *testing.T) {
	nl, _ := bothLanguages(t)
	v := areaOf(meanNorm(), norm.Verdict{Reason: norm.ReasonCoverage, HasValue: true, Value: 30, Low: 25, High: 35, Coverage: 0.6})
	assert.Equal(t, "Het is niet vast te stellen, want het jaar 2025 is nog niet om, en op het ene meetpunt in deze buurt is er niet meer dan 60 % van gemeten; minstens 85 % is nodig.", soft(nl.sentence(meanNorm(), v, true)))
}

func TestAPartOfAYearIsNotTakenForTheYear(t *testing.T) {
	nl, en := bothLanguages(t)
	for _, reason := range []norm.Reason{norm.ReasonCoverage, norm.ReasonRunning} {
		v := norm.Verdict{Reason: reason, HasValue: true, Value: 23.8, Low: 5.9, High: 41.6, Coverage: 0.01}
		assert.Equal(t, "23,8 µg/m³ (alleen in de gemeten 1 % van het jaar)", soft(nl.measured(meanNorm(), v)))
		assert.Equal(t, "–", en.bounds(meanNorm(), v))
		v.Value = 0
		assert.Equal(t, "0 days (only in the measured 1% of the year)", soft(en.measured(countNorm(), v)))
	}
	whole := norm.Verdict{Reason: norm.ReasonUncertainty, HasValue: true, Value: 23.8, Low: 5.9, High: 41.6, Coverage: 0.9}
	assert.Equal(t, "5,9 – 41,6", nl.bounds(meanNorm(), whole))
	assert.Equal(t, "23,8 µg/m³", soft(nl.measured(meanNorm(), whole)))
	already := norm.Verdict{Outcome: norm.ExceedsIncomplete, Reason: norm.ReasonCoverage, HasValue: true, Value: 50, Low: 41, High: 63, Coverage: 0.53}
	assert.Equal(t, "41 – 63", nl.bounds(countNorm(), already), "what is counted can only grow")
}

func TestANormThatDidNotApplyGivesWould(t *testing.T) {
	nl, en := bothLanguages(t)
	n := meanNorm()
	n.Value = 20
	v := areaOf(n, norm.Verdict{Outcome: norm.Exceeds, HasValue: true, Value: 52, Low: 44.2, High: 59.8, NotInForce: true})
	v.NotInForce = true
	assert.Equal(t, "Zou overschrijden", nl.areaOutcome(v))
	assert.Equal(t, "Would exceed", en.areaOutcome(v))
	assert.Contains(t, soft(nl.sentence(n, v, false)), "zou het jaargemiddelde boven de norm van 20 µg/m³ liggen")
}

func TestNoTextSaysThatANeighbourhoodComplies(t *testing.T) {
	nl, en := bothLanguages(t)
	for k, m := range nl.messages {
		if !strings.Contains(m, "nooit dat een buurt voldoet") {
			assert.NotRegexp(t, `buurt(en)? (voldoe|zou(den)? voldoe)`, m, k)
		}
		e := en.messages[k]
		if !strings.Contains(e, "never say that a neighbourhood complies") {
			assert.NotRegexp(t, `neighbourhoods? (would )?compl`, e, k)
		}
	}
}

func TestRoundingNeverMovesAValueAcrossTheNorm(t *testing.T) {
	nl, _ := bothLanguages(t)
	assert.Equal(t, "40,04", nl.figure(40.04, 40))
	assert.Equal(t, "39,98", nl.figure(39.98, 40))
	assert.Equal(t, "40,0", nl.figure(40, 40))
	assert.Equal(t, "40,5", nl.figure(40.478695, 40))
	assert.Equal(t, "40,001", nl.figure(40.0012, 40))
	assert.Equal(t, "37,5", nl.trim(37.5))
}

func TestNormsAreNamedInFull(t *testing.T) {
	nl, en := bothLanguages(t)
	for _, n := range norm.All() {
		if !n.Role.Judged() || n.Averaging == norm.TenMinutes || n.Averaging == norm.QuarterHour {
			continue
		}
		for _, w := range []words{nl, en} {
			name := w.normName(n)
			assert.NotContains(t, name, "⟦", n.ID)
			assert.NotContains(t, name, "{", n.ID)
		}
	}
	assert.Equal(t, "EU-grenswaarde nu: hoogstens 35 dagen per jaar boven 50 µg/m³", soft(nl.normName(countNorm())))
	it3 := meanNorm()
	it3.Regime, it3.Kind, it3.Value = norm.WHO2021, "interim target 3", 20
	assert.Equal(t, "WHO guideline 2021, interim target 3: year mean at most 20 µg/m³", soft(en.normName(it3)))
}
