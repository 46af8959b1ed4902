package web

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/net/html"

	"buurtmeter/ingest"
	"buurtmeter/ingest/quality"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
	"buurtmeter/opendata/opendatatest"
)

// itemsIn returns the text of the items of lists in the section with the id.
func itemsIn(t *testing.T, body, section string) (items []string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	assert.NoError(t, err)
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "section" || attr(n, "aria-labelledby") != section {
			continue
		}
		for li := range n.Descendants() {
			if li.Type == html.ElementNode && li.Data == "li" {
				items = append(items, soft(textOf(li)))
			}
		}
	}
	return items
}

func TestTheStationPageComparesWithOfficialStations(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	_, body := get(t, app, "/meetpunt/zst-poelenburg-01")
	items := itemsIn(t, body, "vergelijking")
	if assert.Len(t, items, 2) {
		for _, want := range []string{
			"NO₂: vergeleken met het officiële meetpunt Hemkade (GGD) (binnen 5 km van de buurt) gemiddeld 11,5 µg/m³ hoger, over 650 uren: 31,8 µg/m³ tegen 20,2 µg/m³.",
			"Periode: 23 oktober 2026, 13:00 tot 20 november 2026, 13:00.", "maar de gemiddelden liggen ver uit elkaar", "Samenhang: 0,8",
			"In oktober 2026 was het 10,0 µg/m³ hoger dan in de eerste maanden, vanaf juli 2026. Bezwaar zst-poelenburg-01/1: Nog geen antwoord",
			"de tijden staan waarschijnlijk 1 uur te laat. Met 1 uur verschil is de samenhang 0,94 in plaats van 0,8",
		} {
			assert.Contains(t, items[0], want)
		}
		assert.Contains(t, items[1], "PM2,5: vergeleken met het officiële meetpunt Hemkade (GGD) (binnen 5 km van de buurt) gemiddeld 1,2 µg/m³ lager")
		assert.NotContains(t, items[1], "Opmerking")
	}
	_, body = get(t, app, "/en/meetpunt/zst-poelenburg-01")
	assert.Contains(t, strings.Join(itemsIn(t, body, "vergelijking"), "\n"), "the times are probably 1 hour too late")
	_, body = get(t, app, "/meetpunt/zst-poelenburg-02")
	assert.Equal(t, []string{
		"PM10: nog niet te vergelijken met het officiële meetpunt Hemkade (GGD) (binnen 12 km van de buurt). Uren waarin beide hebben gemeten: 0. Nodig: 336.",
	}, itemsIn(t, body, "vergelijking"), "and no figure of nothing")
	_, body = get(t, app, "/meetpunt/tube-07")
	assert.NotContains(t, body, `id="vergelijking"`)
}

func TestSentencesOfAComparison(t *testing.T) {
	nl, en := bothLanguages(t)
	a := opendata.Assessment{Assessment: ingest.Assessment{Property: reading.NO2, Window: quality.Agreement{Hours: 400, Mean: 20.01, Reference: 20, Bias: 0.01, Correlation: 0.9}}, ReferenceTitle: "X"}
	assert.Contains(t, soft(nl.compared(a)), "gemiddeld even hoog, over 400 uren: 20,0 µg/m³")
	assert.Contains(t, nl.likeness(quality.Unlike), "niet samen")
	assert.Contains(t, soft(nl.change(reading.NO2, quality.Change{Told: true, Drifts: true, Begin: 600, To: 610, Bias: -7, Slope: math.NaN()})), "In november 2020 was het 7,0 µg/m³ lager dan in de eerste maanden, vanaf januari 2020")
	assert.Contains(t, nl.change(reading.NO2, quality.Change{Told: true, Drifts: true, Begin: 600, To: 610, Bias: -7, Slope: -0.6}), "0,4 keer zo sterk")
	assert.Contains(t, nl.change(reading.NO2, quality.Change{Told: true, Begin: 600}), "sinds januari 2020 niet duidelijk veranderd")
	assert.Contains(t, en.lag(quality.Lags{Best: -2, Correlation: 0.9, Unmoved: 0.5}), "2 hours too early")
}
