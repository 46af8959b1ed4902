package export_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"buurtmeter/opendata/export"
	"buurtmeter/opendata/opendatatest"
)

// Key figures come with unit and year; one that is not known is null or empty,
// which a 0 is not, and drawn boundaries have no vintage.
func TestKeyFiguresOfAnArea(t *testing.T) {
	m := opendatatest.NewMemory()
	none, some := 0, 4870
	a := &m.G.Areas[0]
	a.Year, a.Figures.Inhabitants, a.Figures.Density = 2025, &none, &some
	text, err := json.Marshal(export.AreaOf(m.G, *a))
	require.NoError(t, err)
	require.Contains(t, string(text), `"inhabitants":{"value":0,"unit":"inhabitants","year":2025},"households":null,"density":{"value":4870,"unit":"inhabitants/km²","year":2025}`)

	r := rows(t, verdicts(t, m, "csv", export.Filter{Area: a.Code}))[0]
	require.Equal(t, []string{"2025", "0", "", "4870"}, []string{r["area_year"], r["inhabitants"], r["households"], r["inhabitants_per_km2"]})
	drawn := rows(t, verdicts(t, m, "csv", export.Filter{Area: m.G.Areas[1].Code}))[0]
	require.Equal(t, []string{"", "", "", ""}, []string{drawn["area_year"], drawn["inhabitants"], drawn["households"], drawn["inhabitants_per_km2"]})

	var doc struct {
		Verdicts []struct{ AreaYear *int }
	}
	require.NoError(t, json.Unmarshal([]byte(verdicts(t, m, "json", export.Filter{Area: a.Code})), &doc))
	require.Equal(t, 2025, *doc.Verdicts[0].AreaYear)
	doc.Verdicts = nil
	require.NoError(t, json.Unmarshal([]byte(verdicts(t, m, "json", export.Filter{Area: m.G.Areas[1].Code})), &doc))
	require.Nil(t, doc.Verdicts[0].AreaYear)
}
