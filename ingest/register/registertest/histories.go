package registertest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

func historiesOf(t *testing.T, r *register.Register, limit int, ids ...reading.StationID) map[reading.StationID]register.History {
	t.Helper()
	all, err := r.Histories(t.Context(), ids, limit, register.EventTokenRotated)
	require.NoError(t, err)
	return all
}

func eventCounts(t *testing.T, r *register.Register) map[reading.StationID]int64 {
	t.Helper()
	m, err := r.EventCounts(t.Context())
	require.NoError(t, err)
	return m
}

func histories(t *testing.T, r *register.Register) {
	ctx := t.Context()
	require.Empty(t, historiesOf(t, r, 10))
	require.Empty(t, historiesOf(t, r, 10, hostileIDs()...))
	seen := map[int64]bool{}
	changed := func(what string) {
		n := eventCounts(t, r)["one"]
		require.False(t, seen[n], "%s must show", what)
		seen[n] = true
	}
	token, err := r.AddStation(ctx, Station("one"), place(t, 4.912345, 52.371234), "operator")
	require.NoError(t, err)
	changed("a station")
	from := hour.Start()
	require.NoError(t, r.AttachBoard(ctx, "one", reading.Board{Hardware: "esp8266-123456", Model: "SDS011", From: from}, "keeper", "nieuw"))
	require.NoError(t, r.ReplaceBoard(ctx, "one", reading.Board{Hardware: "esp8266-654321", Model: "SPS30", From: from.Add(time.Hour)}, "keeper", "stuk"))
	changed("boards")
	rotated, err := r.RotateToken(ctx, "one", "keeper")
	require.NoError(t, err)
	objection, err := r.Object(ctx, "one", reading.NO2, reading.Constant, from, from.Add(time.Hour), "echt waar", "keeper")
	require.NoError(t, err)
	changed("an objection")
	require.NoError(t, r.Answer(ctx, objection, false, "nee", "operator"))
	changed("an answer")
	add(t, r, "two")
	add(t, r, "three")

	all := historiesOf(t, r, 10, "one", "two", "none")
	require.Len(t, all, 2)
	one := all["one"]
	list, err := r.Events(ctx, "one")
	require.NoError(t, err)
	var want []register.Event
	for _, e := range list {
		if e.What != register.EventTokenRotated {
			want = append([]register.Event{e}, want...)
		}
	}
	require.Len(t, want, 6)
	require.Empty(t, cmp.Diff(want, one.Events), "newest first, the same as one by one")
	objections, err := r.Objections(ctx, "one")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(objections, one.Objections))
	require.Equal(t, []reading.Board{
		{Model: "SDS011", From: from, Until: from.Add(time.Hour)}, {Model: "SPS30", From: from.Add(time.Hour)},
	}, one.Boards)
	require.Zero(t, one.OlderEvents+one.OlderObjections)
	text := fmt.Sprintf("%+v", all)
	for _, secret := range []string{token, rotated, "4.9123", "52.3712", "123456", "654321"} {
		require.NotContains(t, text, secret)
	}

	require.Equal(t, map[reading.StationID]int64{"one": 6 + 1, "two": 1, "three": 1}, eventCounts(t, r))
	require.NoError(t, r.DeleteStation(ctx, "one"))
	changed("a deletion")
	require.Equal(t, int64(-1), eventCounts(t, r)["one"])
	gone := historiesOf(t, r, 10, "one", "two")["one"]
	require.Len(t, gone.Events, 1)
	require.Equal(t, register.Event{Station: "one", At: gone.Events[0].At, What: register.EventDeleted}, gone.Events[0])
	require.Empty(t, gone.Objections)
	require.Empty(t, gone.Boards)
}

func historiesBounded(t *testing.T, r *register.Register) {
	ctx := t.Context()
	add(t, r, "one")
	add(t, r, "two")
	from := hour.Start()
	for i := range 4 {
		_, err := r.Object(ctx, "one", reading.NO2, reading.Constant, from, from.Add(time.Hour), fmt.Sprint("reden ", i), "keeper")
		require.NoError(t, err)
	}
	for range 9 { // what is left out takes no place of the others
		_, err := r.RotateToken(ctx, "one", "keeper")
		require.NoError(t, err)
	}
	all := historiesOf(t, r, 3, "two", "one")
	one := all["one"]
	require.Len(t, one.Events, 3)
	require.Len(t, one.Objections, 3)
	require.Equal(t, []int{2, 1}, []int{one.OlderEvents, one.OlderObjections}, "an addition and two objections; one objection")
	for i, want := range []string{"reden 3", "reden 2", "reden 1"} {
		require.Equal(t, want, one.Events[i].Why)
		require.Equal(t, want, one.Objections[i].Text)
	}
	require.Len(t, all["two"].Events, 1)
	require.Zero(t, all["two"].OlderEvents)
}
