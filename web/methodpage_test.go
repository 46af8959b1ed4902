package web

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata/opendatatest"
)

// TestTheMethodPageHasAnAnchorForEverything: a number elsewhere can link to its
// norm and to its rule, and no link on the page leads nowhere.
func TestTheMethodPageHasAnAnchorForEverything(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	for _, path := range []string{"/methode", "/en/methode"} {
		_, body := get(t, app, path)
		doc, err := html.Parse(strings.NewReader(body))
		require.NoError(t, err)
		ids := map[string]bool{}
		for n := range doc.Descendants() {
			if id := attr(n, "id"); n.Type == html.ElementNode && id != "" {
				assert.False(t, ids[id], "%s: id %s twice", path, id)
				ids[id] = true
			}
		}
		for _, n := range norm.All() {
			assert.True(t, ids[string(n.ID)], "%s: %s", path, n.ID)
		}
		for _, r := range norm.Rules() {
			assert.True(t, ids["regel-"+r.ID], "%s: %s", path, r.ID)
		}
		inside := 0
		for _, href := range linksOf(t, body) {
			if id, ok := strings.CutPrefix(href, "#"); ok {
				inside++
				assert.True(t, ids[id], "%s: %s leads nowhere", path, href)
			}
		}
		assert.Greater(t, inside, 40, path)
		assert.NotContains(t, body, "⟦", path)
	}
}

// TestTheMethodPageTellsWhatANormIs checks the words for each form of norm.
func TestTheMethodPageTellsWhatANormIs(t *testing.T) {
	nl, _ := bothLanguages(t)
	r := request{words: nl}
	row := func(id norm.ID) normRow {
		n, ok := norm.ByID(id)
		require.True(t, ok, id)
		return r.normRow(n)
	}
	year := row("eu2008-no2-y")
	assert.Equal(t, "EU-grenswaarde nu", year.Kind)
	assert.Equal(t, "40 µg/m³", soft(year.Value))
	assert.Equal(t, []textRow{
		{"2008/50/EG, bijlage XI.B", "tot en met 11 december 2026"},
		{"(EU) 2024/2881, bijlage I, afdeling 1, tabel 2", "vanaf 12 december 2026"},
	}, year.Texts)
	assert.Equal(t, []string{"vanaf 1 januari 2010", "tot en met 31 december 2029"}, year.Applies)
	assert.False(t, year.Unjudged)

	hour := row("eu2008-no2-1h")
	assert.Equal(t, "18 uur per jaar", hour.Allowed)
	assert.Equal(t, "even streng als percentiel 99,79", hour.Percentile)
	assert.Equal(t, "99e percentiel", row("who2021-no2-24hours").Percentile)
	assert.Equal(t, "10 mg/m³", soft(row("eu2008-co-8h").Value))
	assert.Equal(t, "gemiddeld over 3 jaar", row("eu2008-o3-8h").Years)
	assert.Equal(t, "EU-streefwaarde nu", row("eu2008-o3-8h").Kind, "a target value is no limit value")

	alert := row("eu2024-no2-alert")
	assert.True(t, alert.Unjudged)
	assert.Equal(t, "over een uur, 3 keer op rij", alert.Over)
	assert.Equal(t, "dan waarschuwing", alert.Allowed)
	assert.Equal(t, "geen vast getal", row("eu2024-no2-aero").Value, "no value is not 0")
	assert.Contains(t, row("eu2024-no2-aeco").Note.Text, "geen toets van een straat")
	assert.Equal(t, "niet nagekeken", row("eu2024-thr-no2").Verified)
}

// TestWhatWasNotVerifiedIsListed: nothing that was not read is missing from the
// list at the end of the page, and nothing that was read is on it.
func TestWhatWasNotVerifiedIsListed(t *testing.T) {
	nl, _ := bothLanguages(t)
	r := request{words: nl}
	b := methodBody{Rules: r.rules()}
	r.unverified(&b)
	listed := map[string]bool{}
	for _, s := range append(b.UnverifiedNorms, b.UnverifiedRules...) {
		listed[s.ID] = true
	}
	for _, n := range norm.All() {
		assert.Equal(t, n.Verified == "memory", listed[string(n.ID)], n.ID)
	}
	for _, rule := range norm.Rules() {
		assert.Equal(t, rule.Standing == norm.Unread || rule.Standing == norm.ReadElsewhere, listed["regel-"+rule.ID], rule.ID)
	}
	assert.NotEmpty(t, b.UnverifiedPoints)
}

// TestAMeanOfASeasonIsNotCalledAYearMean: the sentences name the mean that the
// norm is about.
func TestAMeanOfASeasonIsNotCalledAYearMean(t *testing.T) {
	nl, en := bothLanguages(t)
	n, ok := norm.ByID("who2021-o3-peakseason")
	require.True(t, ok)
	v := areaOf(n, norm.Verdict{Outcome: norm.Exceeds, HasValue: true, Value: 90, Low: 80, High: 100, Coverage: 0.98})
	assert.Contains(t, soft(nl.sentence(n, v, false)), "ligt het gemiddelde van het hoogste halfjaar boven de norm van 60 µg/m³")
	assert.Contains(t, soft(en.sentence(n, v, false)), "the mean of the peak season is above the norm of 60 µg/m³")
	assert.Equal(t, "WHO-advies 2021: gemiddelde van het hoogste halfjaar hoogstens 60 µg/m³", soft(nl.normName(n)))
	three, ok := norm.ByID("eu2008-o3-8h")
	require.True(t, ok)
	assert.Equal(t, "EU-streefwaarde nu: hoogstens 25 dagen per jaar met 8 uur gemiddeld boven 120 µg/m³, gemiddeld over 3 jaar", soft(nl.normName(three)))
}

// TestNoValuesAreDrawnWithoutANormOnTheYear: a count of days must not be painted
// as a concentration.
func TestNoValuesAreDrawnWithoutANormOnTheYear(t *testing.T) {
	g := opendatatest.NewMemory().G
	co, ok := norm.ByID("eu2030-co-24h")
	require.True(t, ok)
	g.Norms = append(g.Norms, co)
	c, ok := choose(g, map[string][]string{"norm": {string(co.ID)}, "lens": {lensValue}})
	require.True(t, ok)
	assert.Equal(t, lensVerdict, c.lens)
	assert.True(t, c.noYearMean)
	c, ok = choose(g, map[string][]string{"norm": {"eu2008-no2-y"}, "lens": {lensValue}})
	require.True(t, ok)
	assert.Equal(t, lensValue, c.lens)
	assert.Equal(t, reading.NO2, c.norm.Property)
}
