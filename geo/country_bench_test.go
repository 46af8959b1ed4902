package geo_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// BenchmarkCountry stores every buurt of the Netherlands in SQLite, and assigns
// 1,000 stations in one town by them.
func BenchmarkCountry(b *testing.B) {
	areas, _ := boundaries(b, "buurten_nl_2016_wgs84_s5.geojson.gz", 2016)
	vertices := 0
	for _, a := range areas {
		for _, p := range a.Geometry {
			for _, r := range p {
				vertices += len(r)
			}
		}
	}
	var stores []*geo.Store
	open := func(b *testing.B) *geo.Store {
		r, err := register.Open(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "register.db"), register.Options{})
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, r.Close()) })
		s, err := geo.OpenStore(b.Context(), r)
		require.NoError(b, err)
		for i := range 1000 {
			pos, err := reading.NewSecretPosition(4.75+float64(i%40)/400, 52.42+float64(i/40)/400)
			require.NoError(b, err)
			_, err = r.AddStation(b.Context(), reading.Station{ID: reading.StationID(fmt.Sprintf("s%d", i)), Title: "X", Kind: reading.KindSensor, Cadence: time.Minute, Since: time.Unix(0, 0)}, pos, "bench")
			require.NoError(b, err)
		}
		return s
	}
	for range b.N {
		stores = append(stores, open(b))
	}
	b.ResetTimer()
	for i := range b.N {
		require.NoError(b, stores[i].Import(b.Context(), areas, 2016))
	}
	b.ReportMetric(float64(vertices)*float64(b.N)/b.Elapsed().Seconds(), "vertices/s")
}
