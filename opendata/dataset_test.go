package opendata_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/opendata"
	"buurtmeter/opendata/opendatatest"
)

func publisher() opendata.Publisher {
	return opendata.Publisher{
		URI: "https://identifier.overheid.nl/tooi/id/gemeente/gm0479", Name: "Gemeente Zaanstad",
		ContactName: "Team open data", ContactEmail: "opendata@example.nl", ContactURL: "https://lucht.example.nl/contact",
		BaseURL: "https://lucht.example.nl", DatasetPages: "/open-data/",
	}
}

func TestDatasetsSayWhatACatalogueAsks(t *testing.T) {
	g := opendatatest.Sample()
	ds := opendata.Datasets(g, publisher())
	require.Len(t, ds, 2)
	assert.Equal(t, "hours", ds[0].ID)
	assert.Equal(t, "verdicts", ds[1].ID)
	for _, d := range ds {
		for _, s := range []string{d.Title.NL, d.Title.EN, d.Description.NL, d.Description.EN, d.Quality.NL, d.Quality.EN} {
			assert.NotEmpty(t, s)
			assert.LessOrEqual(t, utf8.RuneCountInString(s), opendata.MaxDescription, d.ID)
		}
		assert.Equal(t, "https://creativecommons.org/publicdomain/zero/1.0/", d.Licence)
		assert.Equal(t, g.Span, d.Temporal)
		assert.Equal(t, g.Modified, d.Modified)
		assert.Equal(t, "COMPLETED", d.Status)
		assert.Equal(t, "https://lucht.example.nl/open-data/"+d.Slug, d.Landing)
		require.Len(t, d.Distributions, 3)
		for _, f := range d.Distributions {
			assert.Equal(t, "https://lucht.example.nl/v1/datasets/"+d.ID+"/data."+f.Format, f.URL)
		}
	}
	assert.Empty(t, cmp.Diff(ds, opendata.Datasets(opendatatest.Sample(), publisher())), "the same graph gives the same datasets")
}

func TestSimulatedStationsAreSaidInTheDescription(t *testing.T) {
	g := opendatatest.Sample()
	d := opendata.Datasets(g, publisher())[0]
	assert.Contains(t, d.Description.NL, "gesimuleerd: 1 van de 9 meetpunten")
	assert.Contains(t, d.Description.EN, "simulated: 1 of 9 stations")
	assert.True(t, strings.HasSuffix(d.Title.EN, " (partly simulated data)"), d.Title.EN)
	g.Flagged = []opendata.FlagCount{{Property: "no2", Flag: "range", Hours: 1234567}}
	q := opendata.Datasets(g, publisher())[0].Quality
	assert.Contains(t, q.NL, "Opmerkingen bij uren: 1.234.567.")
	assert.Contains(t, q.EN, "Remarks on hours: 1,234,567.")

	for i := range g.Stations {
		g.Stations[i].Simulated = false
	}
	d = opendata.Datasets(g, publisher())[0]
	assert.NotContains(t, d.Description.NL+d.Title.NL+d.Quality.NL, "esimuleerd")

	for i := range g.Stations {
		g.Stations[i].Simulated = true
	}
	d = opendata.Datasets(g, publisher())[0]
	assert.Equal(t, "DEVELOP", d.Status, "nothing real is in it")
	assert.True(t, strings.HasSuffix(d.Title.NL, " (gesimuleerde gegevens)"), d.Title.NL)
	assert.Equal(t, d.Title.EN+" (CSV)", d.Distributions[0].Title.EN, "files carry it too")
	assert.Contains(t, d.Quality.NL, "Echte meetpunten: 0 (officieel: 0; ")
	assert.Contains(t, d.Quality.NL, "Gesimuleerde meetpunten: 9 (officieel: 1; buisjes: 1; ")
	assert.LessOrEqual(t, utf8.RuneCountInString(d.Description.NL), opendata.MaxDescription)
}

func TestFindDataset(t *testing.T) {
	_, ok := opendata.FindDataset(opendatatest.Sample(), publisher(), "hours")
	assert.True(t, ok)
	_, ok = opendata.FindDataset(opendatatest.Sample(), publisher(), "uren")
	assert.False(t, ok)
}

func TestPublisherCheckNamesEveryFault(t *testing.T) {
	require.NoError(t, publisher().Check())
	err := opendata.Publisher{URI: "gm0479", ContactEmail: "Jan <jan@example.nl>", ContactURL: "/contact", BaseURL: "https://x.nl/", DatasetPages: "data"}.Check()
	require.Error(t, err)
	for _, want := range []string{"publisher URI", "contact URL", "last slash", "bare address", "give both", "dataset pages"} {
		assert.True(t, strings.Contains(err.Error(), want), "%q in %q", want, err)
	}
}
