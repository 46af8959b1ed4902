package web

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/opendata"
	"buurtmeter/opendata/opendatatest"
)

// titleOf is the title of the page.
func titleOf(t *testing.T, body string) string {
	t.Helper()
	m := regexp.MustCompile(`<title>([^<]+)</title>`).FindStringSubmatch(body)
	require.NotNil(t, m)
	return m[1]
}

func TestEveryMapHasATitleOfItsOwn(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	seen := map[string]string{}
	for _, path := range []string{
		"/?norm=eu2008-no2-y", "/?norm=eu2030-no2-y", "/?norm=eu2008-pm10-24h", "/?norm=eu2008-no2-y&year=2026",
		"/?norm=eu2008-no2-y&lens=value", "/?norm=who2021-pm25-calendaryear&lens=value",
	} {
		_, body := get(t, app, path)
		title := titleOf(t, body)
		assert.Empty(t, seen[title], "%s and %s", path, seen[title])
		seen[title] = path
	}
	_, value := get(t, app, "/?norm=eu2008-pm10-24h&lens=value")
	_, body := get(t, app, "/?norm=eu2008-pm10-24h")
	assert.Equal(t, titleOf(t, body), titleOf(t, value), "the sample has no norm on the year mean of PM10, so no values are drawn")
	assert.Contains(t, value, "Voor PM10 bestaat hier geen norm voor een heel jaar")
	assert.NotContains(t, body, "geen norm voor een heel jaar")
	assert.Contains(t, soft(titleOf(t, body)), "EU-grenswaarde nu: hoogstens 35 dagen per jaar boven 50 µg/m³")
}

func TestTheValueMapSaysThatItIsTheSameForEveryNorm(t *testing.T) {
	m := opendatatest.NewMemory()
	year := norm.Norm{ID: "pm25-y", Regime: norm.EUNow, Property: "pm25", Kind: "limit", Averaging: norm.Yearly, Statistic: norm.Mean, Value: 25}
	m.G.Norms = append(m.G.Norms, year)
	app := newApp(t, m)
	_, body := get(t, app, "/?norm=eu2030-pm25-24h&lens=value")
	body = soft(body)
	assert.Contains(t, body, "Je koos een norm die uren of dagen telt (EU-grenswaarde vanaf 2030: hoogstens 18 dagen per jaar boven 25 µg/m³)")
	assert.Contains(t, body, "Legenda: jaargemiddelde PM2,5 in µg/m³")
	for _, want := range []string{
		"<dt>Norm</dt><dd>geen: de kaart is bij elke norm dezelfde</dd>", "<dt>Getekend</dt><dd>het jaargemiddelde van PM2,5 in µg/m³",
		"<dt>Gemiddeld over</dt><dd>een kalenderjaar</dd>", "<dt>Periode</dt><dd>1 januari tot en met 31 december 2025</dd>",
	} {
		assert.Contains(t, body, want)
	}
	_, body = get(t, app, "/?norm=eu2008-no2-y&lens=value")
	assert.NotContains(t, body, "Je koos een norm die uren of dagen telt")
}

func TestARunningYearSaysThatItIsNotOver(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	_, body := get(t, app, "/?norm=eu2008-no2-y&lens=value&year=2026")
	assert.Contains(t, body, "Het jaar 2026 is nog niet om. Daarom is er nog geen jaargemiddelde te tekenen.")
	assert.Contains(t, body, "Nog geen jaargemiddelde: het jaar is niet om")
	assert.NotContains(t, body, "Te weinig gemeten")
	assert.Contains(t, body, "<dt>Periode</dt><dd>1 januari tot nu toe, tot en met 23 november 2026</dd>")
	assert.Contains(t, body, `<option value="2026" selected>2026 (tot nu toe)</option>`)
	_, body = get(t, app, "/?norm=eu2008-no2-y&lens=value&year=2025")
	assert.NotContains(t, body, "tot nu toe, tot en met")
}

// The table shows the value, the interval and the coverage of one and the same
// point: the one that gives the outcome.
func TestARowOfTheTableIsAboutOnePoint(t *testing.T) {
	nl, _ := bothLanguages(t)
	g := opendatatest.Sample()
	n, ok := g.Norm("eu2008-pm10-24h")
	require.True(t, ok)
	wide := norm.Verdict{Norm: n.ID, Year: 2025, Reason: norm.ReasonUncertainty, HasValue: true, Value: 71, Low: 3, High: 169, Coverage: 0.99}
	sure := norm.Verdict{Norm: n.ID, Year: 2025, Outcome: norm.Exceeds, HasValue: true, Value: 60, Low: 48, High: 66, Coverage: 0.91}
	points := []geo.StationVerdict{{Station: "a", Verdict: wide}, {Station: "b", Verdict: sure}}
	g.Verdicts[opendata.VerdictKey{Area: "BU04791120", Norm: n.ID, Year: 2025}] = geo.Summarise("BU04791120", n, 2025, points)
	r := request{words: nl, g: g, now: opendatatest.Now()}
	c := choice{norm: n, year: 2025, lens: lensVerdict, sort: sortName, areas: g.Areas, base: "/", place: g.Municipality}
	shown := map[string][]string{}
	for _, row := range r.mapRows(c) {
		shown[row.Name] = []string{soft(row.Value), row.Bounds, soft(row.Coverage)}
	}
	assert.Equal(t, []string{"60 dagen", "48 – 66", "91 %"}, shown["Bomenbuurt"])
	assert.Equal(t, "Overschrijdt (60 dagen)", soft(r.shortText(c, n, g.Verdict("BU04791120", n.ID, 2025))))
}

func TestBoundariesAreNamedInTheLanguageOfThePage(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	_, body := get(t, app, "/en/")
	assert.NotContains(t, body, "Schematische vakken")
	assert.Contains(t, body, "Boundaries: schematic cells around the centres of the neighbourhoods.")
}
