package main

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// TestTheServerComparesSensorsWithOfficialStations starts the whole program on a
// register with two homes at both ends of one buurt and official stations to the
// west, east and north. What it publishes must be the same for both homes, though
// one stands nearer to the western station and the other to the eastern.
func TestTheServerComparesSensorsWithOfficialStations(t *testing.T) {
	data := t.TempDir()
	for id, place := range map[string][2]string{
		"home-1": {"4.8471", "52.4368"}, "home-2": {"4.8521", "52.4368"},
		"west": {"4.8096", "52.4368"}, "east": {"4.8896", "52.4368"}, "north": {"4.8496", "52.4598"},
	} {
		kind := "sensor"
		if !strings.HasPrefix(id, "home") {
			kind = "reference"
		}
		out, err := runCommand(t, "station", "add", "--id", id, "--kind", kind, "--lon", place[0], "--lat", place[1], "--data", data)
		require.NoError(t, err, out)
	}
	reg, err := register.Open(t.Context(), "sqlite:"+filepath.Join(data, "register.db"), register.Options{Now: time.Now})
	require.NoError(t, err)
	month := reading.Month(681)
	for _, id := range []reading.StationID{"home-1", "home-2", "west", "east", "north"} {
		b := reading.NewBlock(id, reading.NO2, month)
		for i := range b.Values {
			b.Values[i], _ = reading.Scaled(25 + 9*math.Sin(float64(i)/4) + map[reading.StationID]float64{"home-1": 20, "home-2": 20}[id])
			b.Capture[i] = reading.FullHour
		}
		require.NoError(t, reg.PutBlocks(t.Context(), []ingest.VersionedBlock{{Block: b}}))
	}
	require.NoError(t, reg.Close())
	s := startServer(t, "--data", data, "--mqtt-listen", "127.0.0.1:0")
	body := func(id string) string {
		status, _, body := get(t, s.url("/v1/stations/"+id+"/assessments"), "application/json")
		require.Equal(t, 200, status, body)
		return strings.ReplaceAll(body, id, "home")
	}
	require.Eventually(t, func() bool {
		return strings.Contains(body("home-1"), `"bias":20`) && strings.Contains(body("home-2"), `"bias":20`)
	}, time.Minute, 100*time.Millisecond)
	assert.Contains(t, body("home-1"), `"flag":"reference"`)
	assert.Equal(t, body("home-1"), body("home-2"), "nothing tells which end of the buurt a home stands at")

	out, err := runCommand(t, "objection", "add", "--station", "home-1", "--property", "no2", "--flag", "reference",
		"--from", "2026-10-10T00:00:00Z", "--to", "2026-10-20T00:00:00Z", "--text", "er staat een kachel naast", "--data", data)
	require.NoError(t, err, out)
	require.Eventually(t, func() bool {
		return strings.Contains(body("home-1"), `"objection":"home/1","objectionState":"open"`)
	}, time.Minute, 100*time.Millisecond)
	_, _, page := get(t, s.url("/meetpunt/home-1"), "text/html")
	assert.Contains(t, page, "Vergeleken met officiële meetpunten")
	for _, what := range []string{page, body("home-1"), s.log.String()} {
		for _, digits := range []string{"4.8471", "4.8521", "52.4368"} {
			assert.NotContains(t, what, digits)
		}
	}
	out, err = runCommand(t, "objection", "remarks", "--station", "home-1", "--data", data)
	require.NoError(t, err)
	for _, reference := range []string{"north", "west"} {
		if strings.Contains(body("home-1"), fmt.Sprintf(`"reference":%q`, reference)) {
			assert.Contains(t, out, "beside "+reference)
		}
	}
}
