package registertest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

func sitings(t *testing.T, r *register.Register) {
	ctx := t.Context()
	st := Station("road")
	st.Siting = reading.SitingRoadside
	_, err := r.AddStation(ctx, st, place(t, 4.82, 52.44), "operator")
	require.NoError(t, err)
	add(t, r, "kit")
	st.ID, st.Siting = "bad", "park"
	_, err = r.AddStation(ctx, st, reading.SecretPosition{}, "operator")
	require.ErrorContains(t, err, "roadside, background or industrial")

	require.NoError(t, r.SetSiting(ctx, "kit", reading.SitingBackground, "keeper", "hofje"))
	require.NoError(t, r.SetSiting(ctx, "kit", reading.SitingBackground, "keeper", "nog eens"))
	require.ErrorContains(t, r.SetSiting(ctx, "kit", "park", "keeper", ""), "roadside, background or industrial")
	require.ErrorIs(t, r.SetSiting(ctx, "none", reading.SitingRoadside, "keeper", ""), ingest.ErrUnknownStation)
	of := func(id reading.StationID) reading.Siting {
		st, err := r.Station(ctx, id)
		require.NoError(t, err)
		return st.Siting
	}
	require.Equal(t, reading.SitingBackground, of("kit"))
	all, err := r.Stations(ctx)
	require.NoError(t, err)
	require.Equal(t, []reading.Siting{reading.SitingBackground, reading.SitingRoadside}, []reading.Siting{all[0].Siting, all[1].Siting})
	require.Equal(t, []string{"added /", "siting-declared background/hofje"}, told(t, r, "kit"), "declared once")

	require.NoError(t, r.SetPosition(ctx, "kit", place(t, 4.83, 52.44), "keeper", "nu bekend"))
	require.Equal(t, reading.SitingBackground, of("kit"), "its first place is the one that it was said of")
	require.NoError(t, r.SetPosition(ctx, "road", place(t, 4.84, 52.44), "keeper", "verhuisd"))
	require.Equal(t, reading.SitingUnknown, of("road"), "the other place was not described")
	require.Equal(t, []string{"added /", "siting-declared roadside/", "position-set /verhuisd", "siting-declared /verhuisd"}, told(t, r, "road"))
	require.NoError(t, r.SetPosition(ctx, "road", reading.SecretPosition{}, "keeper", "weg"))
	require.Len(t, told(t, r, "road"), 5, "nothing was known any more")
}

// told are the events of a station as "what detail/why".
func told(t *testing.T, r *register.Register, id reading.StationID) []string {
	t.Helper()
	events, err := r.Events(t.Context(), id)
	require.NoError(t, err)
	var said []string
	for _, e := range events {
		said = append(said, e.What+" "+e.Detail+"/"+e.Why)
	}
	return said
}
