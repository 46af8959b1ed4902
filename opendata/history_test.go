package opendata

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// builderOn returns a builder on a new register.
func builderOn(t *testing.T) (*Builder, *register.Register) {
	t.Helper()
	reg, err := register.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "register.db"), register.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, reg.Close()) })
	areas, err := geo.OpenStore(t.Context(), reg)
	require.NoError(t, err)
	return NewBuilder(reg, areas, time.Now, slog.New(slog.DiscardHandler)), reg
}

// built makes a graph if the data changed, as the running program does.
func built(t *testing.T, b *Builder) *Graph {
	t.Helper()
	_, err := b.refresh(t.Context())
	require.NoError(t, err)
	g, err := b.Graph(t.Context())
	require.NoError(t, err)
	return g
}

func whats(h History) (list []string) {
	for _, e := range h.Events {
		list = append(list, e.What)
	}
	return list
}

func TestEveryChangeOfAStationIsInTheNextGraph(t *testing.T) {
	ctx := t.Context()
	b, reg := builderOn(t)
	assert.Empty(t, built(t, b).Histories)
	home, err := reading.NewSecretPosition(4.823456, 52.441987)
	require.NoError(t, err)
	station := func(id reading.StationID) reading.Station {
		return reading.Station{ID: id, Title: "Javaplein", Kind: reading.KindSensor, Model: "SDS011", Maker: "bewoner", Cadence: time.Minute}
	}
	token, err := reg.AddStation(ctx, station("one"), home, "operator")
	require.NoError(t, err)
	_, err = reg.AddStation(ctx, station("two"), home, "operator")
	require.NoError(t, err)
	first := built(t, b)
	assert.Equal(t, []string{register.EventAdded}, whats(first.Histories["one"]))

	from := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	require.NoError(t, reg.AttachBoard(ctx, "one", reading.Board{Hardware: "esp8266-123456", Model: "SPS30", From: from}, "keeper", "nieuw"))
	rotated, err := reg.RotateToken(ctx, "one", "keeper")
	require.NoError(t, err)
	objection, err := reg.Object(ctx, "one", reading.NO2, reading.Constant, from, from.Add(time.Hour), "echt", "keeper")
	require.NoError(t, err)
	open := built(t, b)
	require.NoError(t, reg.Answer(ctx, objection, true, "klopt", "operator"))
	g := built(t, b)
	one := g.Histories["one"]
	assert.Equal(t, []string{register.EventObjectionGranted, register.EventObjected, register.EventBoardAttached, register.EventAdded}, whats(one),
		"newest first, and a new key is no event for the public")
	require.Len(t, one.Objections, 1)
	assert.Empty(t, cmp.Diff(Objection{
		ID: "one/1", Property: reading.NO2, Flag: "constant", From: from, To: from.Add(time.Hour), At: one.Objections[0].At, Actor: "keeper", Why: "echt",
		State: "accepted", AnsweredAt: one.Objections[0].AnsweredAt, AnsweredBy: "operator", Answer: "klopt",
	}, one.Objections[0]))
	assert.Equal(t, []Board{{Model: "SPS30", From: from}}, one.Boards)
	assert.Equal(t, "open", open.Histories["one"].Objections[0].State, "a graph that was given out never changes")
	assert.Len(t, first.Histories["one"].Events, 1)
	assert.Same(t, &first.Histories["two"].Events[0], &g.Histories["two"].Events[0], "what did not change is not read again")

	text, err := json.Marshal(one)
	require.NoError(t, err)
	for _, secret := range []string{token, rotated, "123456", "4.82", "52.44"} {
		assert.NotContains(t, string(text), secret)
	}

	require.NoError(t, reg.DeleteStation(ctx, "one"))
	g = built(t, b)
	gone := g.Histories["one"]
	assert.True(t, gone.Deleted())
	assert.Empty(t, gone.Objections)
	assert.False(t, g.Histories["two"].Deleted())
	_, there := g.Station("one")
	assert.False(t, there)
}

func TestAHistoryIsBoundedAndSaysSo(t *testing.T) {
	ctx := t.Context()
	b, reg := builderOn(t)
	_, err := reg.AddStation(ctx, reading.Station{ID: "one", Kind: reading.KindSensor, Cadence: time.Minute}, reading.SecretPosition{}, "operator")
	require.NoError(t, err)
	for i := range MaxHistory + 1 {
		require.NoError(t, reg.SetPaused(ctx, "one", i%2 == 0, "operator", fmt.Sprint("keer ", i)))
	}
	h := built(t, b).Histories["one"]
	require.Len(t, h.Events, MaxHistory)
	assert.Equal(t, 2, h.OlderEvents)
	assert.Equal(t, fmt.Sprint("keer ", MaxHistory), h.Events[0].Why)
}

func TestEveryKindOfEventIsShownButANewKey(t *testing.T) {
	assert.False(t, slices.Contains(EventKinds(), register.EventTokenRotated))
	assert.Len(t, EventKinds(), len(register.EventKinds())-1)
}
