package api_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/opendata/export"
)

func TestWijkenAndTheMunicipalityAreAreas(t *testing.T) {
	app := newApp(t)
	var list struct{ Districts, Areas []export.Area }
	res, body := ask(t, app, "GET", "/v1/areas")
	require.Equal(t, 200, res.StatusCode)
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	assert.Len(t, list.Districts, 3)
	assert.Len(t, list.Areas, 6)
	for code, want := range map[string]struct {
		level    string
		stations int
	}{"BU04791210": {"buurt", 3}, "WK047911": {"wijk", 4}, "GM0479": {"gemeente", 8}} {
		var a export.Area
		res, body = ask(t, app, "GET", "/v1/areas/"+code)
		require.Equal(t, 200, res.StatusCode, code)
		require.NoError(t, json.Unmarshal([]byte(body), &a))
		assert.Equal(t, []any{want.level, want.stations}, []any{a.Level, len(a.Stations)}, code)
		res, body = ask(t, app, "GET", "/v1/datasets/verdicts/data.csv?year=2025&norm=eu2008-no2-y&area="+code)
		assert.Equal(t, 200, res.StatusCode, code)
		assert.Contains(t, body, "\n"+code+",")
	}
	res, body = ask(t, app, "GET", "/v1/areas/WK999999")
	problemOf(t, res, body, 404)
	res, body = ask(t, app, "GET", "/v1/datasets/verdicts/data.csv?area=WK999999")
	problemOf(t, res, body, 400)
}
