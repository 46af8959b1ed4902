package registertest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// last returns the newest event of the station without its moment.
func last(t *testing.T, r *register.Register, id reading.StationID) register.Event {
	t.Helper()
	events, err := r.Events(t.Context(), id)
	require.NoError(t, err)
	require.NotEmpty(t, events)
	e := events[len(events)-1]
	require.WithinDuration(t, time.Now(), e.At, time.Minute)
	e.At = time.Time{}
	return e
}

func eventCount(t *testing.T, r *register.Register, id reading.StationID) int {
	t.Helper()
	events, err := r.Events(t.Context(), id)
	require.NoError(t, err)
	return len(events)
}

func wireOf(t *testing.T, r *register.Register, id reading.StationID) reading.Wire {
	t.Helper()
	st, err := r.Station(t.Context(), id)
	require.NoError(t, err)
	return st.Wire
}

func wireDeclared(t *testing.T, r *register.Register) {
	ctx := t.Context()
	add(t, r, "one")
	require.Equal(t, reading.Wire{}, wireOf(t, r, "one"))
	want := reading.Wire{Format: reading.FormatOpenSenseMap, Zone: "Europe/Amsterdam", Channels: []reading.Channel{
		{Key: `é "'; DROP TABLE station; -- </script> {{key}} $1 ` + "\u202e\t\u2028", Property: reading.NO2, Unit: "ppb"},
		{Key: strings.Repeat("k", 200), Property: reading.Temperature, Unit: "°F"},
		{Key: "Datastreams(12)", Property: reading.PM25},
		{Key: "a sensor that is left out"},
	}}
	require.NoError(t, r.SetWire(ctx, "one", want, "keeper", "een openSenseMap-kit"))
	require.Empty(t, cmp.Diff(want, wireOf(t, r, "one")))
	require.Equal(t, register.Event{
		Station: "one", Actor: "keeper", What: register.EventWireDeclared, Why: "een openSenseMap-kit",
		Detail: "format opensensemap, zone Europe/Amsterdam, 4 channels",
	}, last(t, r, "one"))
	all, err := r.Stations(ctx)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(want, all[0].Wire))

	n := eventCount(t, r, "one")
	require.NoError(t, r.SetWire(ctx, "one", want, "keeper", "nog eens"))
	require.Equal(t, n, eventCount(t, r, "one"), "nothing changed")
	require.NoError(t, r.SetWire(ctx, "one", reading.Wire{}, "keeper", ""))
	require.Equal(t, reading.Wire{}, wireOf(t, r, "one"))
	require.Equal(t, "format buurtmeter, zone none, 0 channels", last(t, r, "one").Detail)

	st := Station("two")
	st.Wire = want
	_, err = r.AddStation(ctx, st, reading.SecretPosition{}, "operator")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(want, wireOf(t, r, "two")))
	require.ErrorIs(t, r.SetWire(ctx, "three", want, "keeper", ""), ingest.ErrUnknownStation)
	for _, id := range hostileIDs() {
		require.ErrorIs(t, r.SetWire(ctx, id, want, "a", "b"), ingest.ErrUnknownStation)
	}
}

func wireRefused(t *testing.T, r *register.Register) {
	add(t, r, "one")
	kept := reading.Wire{Format: reading.FormatSenML, Zone: "-03:30", Channels: []reading.Channel{{Key: "87", Property: reading.PM10}}}
	require.NoError(t, r.SetWire(t.Context(), "one", kept, "keeper", ""))
	channel := func(c ...reading.Channel) reading.Wire { return reading.Wire{Channels: c} }
	many := make([]reading.Channel, 65)
	for i := range many {
		many[i] = reading.Channel{Key: strconv.Itoa(i), Property: reading.NO2}
	}
	for name, w := range map[string]reading.Wire{
		"format":        {Format: "xml"},
		"format case":   {Format: "SenML"},
		"zone":          {Zone: "Europe/Mokum"},
		"zone Local":    {Zone: "Local"},
		"zone path":     {Zone: "../../etc/passwd"},
		"zone nul":      {Zone: "UTC\x00"},
		"zone long":     {Zone: strings.Repeat("A", 10_000)},
		"offset form":   {Zone: "+1"},
		"offset hours":  {Zone: "+15:00"},
		"offset text":   {Zone: "+01:00 "},
		"empty key":     channel(reading.Channel{Property: reading.NO2}),
		"long key":      channel(reading.Channel{Key: strings.Repeat("k", 201), Property: reading.NO2}),
		"nul key":       channel(reading.Channel{Key: "a\x00", Property: reading.NO2}),
		"utf-8 key":     channel(reading.Channel{Key: "\xff", Property: reading.NO2}),
		"twice":         channel(reading.Channel{Key: "a", Property: reading.NO2}, reading.Channel{Key: "a", Property: reading.PM10}),
		"property":      channel(reading.Channel{Key: "a", Property: "PM2.5"}),
		"unit alone":    channel(reading.Channel{Key: "a", Unit: "ppb"}),
		"unit":          channel(reading.Channel{Key: "a", Property: reading.PM25, Unit: "ppb"}),
		"unit nonsense": channel(reading.Channel{Key: "a", Property: reading.NO2, Unit: "\xff\x00"}),
		"many":          {Channels: many},
	} {
		require.Error(t, r.SetWire(t.Context(), "one", w, "keeper", ""), name)
		st := Station("fresh")
		st.Wire = w
		_, err := r.AddStation(t.Context(), st, reading.SecretPosition{}, "operator")
		require.Error(t, err, name)
	}
	require.Empty(t, cmp.Diff(kept, wireOf(t, r, "one")))
	for _, zone := range []string{"UTC", "+00:00", "+14:00", "-14:00", "+05:45", "America/Argentina/Buenos_Aires"} {
		require.NoError(t, register.CheckWire(reading.Wire{Zone: zone}), zone)
	}
	for _, f := range reading.Formats() {
		require.NoError(t, register.CheckWire(reading.Wire{Format: f, Channels: many[:64]}), f)
	}
}

func day(n int) time.Time { return time.Date(2026, 3, n, 12, 30, 0, 5_000_000, time.UTC) }

func boards(t *testing.T, r *register.Register) {
	ctx := t.Context()
	add(t, r, "one")
	add(t, r, "two")
	list, err := r.Boards(ctx, "one")
	require.NoError(t, err)
	require.Empty(t, list)
	require.ErrorIs(t, r.DetachBoard(ctx, "one", day(2), "keeper", ""), register.ErrNoBoard)
	require.ErrorIs(t, r.ReplaceBoard(ctx, "one", reading.Board{From: day(2)}, "keeper", ""), register.ErrNoBoard)

	first := reading.Board{Hardware: "esp8266-13597771", Model: "SDS011", From: day(3)}
	require.NoError(t, r.AttachBoard(ctx, "one", first, "keeper", "eerste kastje"))
	require.Equal(t, register.Event{
		Station: "one", Actor: "keeper", What: register.EventBoardAttached, Why: "eerste kastje", Detail: "SDS011 from 2026-03-03T12:30:00.005Z",
	}, last(t, r, "one"))
	st, err := r.Station(ctx, "one")
	require.NoError(t, err)
	require.Equal(t, "SDS011", st.Model, "the station is known by the board that is there")
	require.Equal(t, first, st.Board, "and whoever reads its messages knows which")
	all, err := r.Stations(ctx)
	require.NoError(t, err)
	for _, listed := range all {
		require.Zero(t, listed.Board, "the list is for feeds")
	}

	second := reading.Board{Hardware: "eui-70b3d57ed0000001", Model: "Airgradient ONE", From: day(5)}
	require.ErrorIs(t, r.AttachBoard(ctx, "one", second, "keeper", ""), register.ErrBoardOverlap)
	require.ErrorIs(t, r.AttachBoard(ctx, "two", reading.Board{Hardware: first.Hardware, From: day(9)}, "keeper", ""), register.ErrBoardElsewhere)
	require.Error(t, r.ReplaceBoard(ctx, "one", reading.Board{From: day(3)}, "keeper", ""), "it would have been there no time at all")
	require.NoError(t, r.ReplaceBoard(ctx, "one", second, "keeper", "oude kapot"))
	require.NoError(t, r.AttachBoard(ctx, "two", reading.Board{Hardware: first.Hardware, Model: "SDS011", From: day(5)}, "operator", ""), "from the moment that it is free")
	st, err = r.Station(ctx, "one")
	require.NoError(t, err)
	require.Equal(t, second, st.Board)
	require.NoError(t, r.DetachBoard(ctx, "one", day(7), "keeper", ""))
	st, err = r.Station(ctx, "one")
	require.NoError(t, err)
	require.Zero(t, st.Board)
	require.ErrorIs(t, r.AttachBoard(ctx, "one", reading.Board{From: day(6), Until: day(8)}, "keeper", ""), register.ErrBoardOverlap)
	require.ErrorIs(t, r.AttachBoard(ctx, "one", reading.Board{From: day(1)}, "keeper", ""), register.ErrBoardOverlap)
	earlier := reading.Board{From: day(1), Until: day(3)}
	require.NoError(t, r.AttachBoard(ctx, "one", earlier, "operator", ""), "history, up to the moment of the next")

	first.Until, second.Until = day(5), day(7)
	list, err = r.Boards(ctx, "one")
	require.NoError(t, err)
	require.Equal(t, []reading.Board{earlier, first, second}, list)
	events, err := r.Events(ctx, "one")
	require.NoError(t, err)
	var got []string
	for _, e := range events[1:] {
		got = append(got, e.What+": "+e.Detail)
	}
	require.Equal(t, []string{
		"board-attached: SDS011 from 2026-03-03T12:30:00.005Z",
		"board-detached: SDS011 until 2026-03-05T12:30:00.005Z",
		"board-attached: Airgradient ONE from 2026-03-05T12:30:00.005Z",
		"board-detached: Airgradient ONE until 2026-03-07T12:30:00.005Z",
		"board-attached: board from 2026-03-01T12:30:00.005Z until 2026-03-03T12:30:00.005Z",
	}, got)
}

func boardsRefused(t *testing.T, r *register.Register) {
	ctx := t.Context()
	add(t, r, "one")
	for name, b := range map[string]reading.Board{
		"no begin":      {Model: "x"},
		"end first":     {From: day(3), Until: day(2)},
		"no time":       {From: day(3), Until: day(3)},
		"far end":       {From: day(3), Until: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)},
		"hardware nul":  {From: day(3), Hardware: "a\x00"},
		"hardware utf":  {From: day(3), Hardware: "\xff"},
		"hardware long": {From: day(3), Hardware: reading.HardwareID(strings.Repeat("a", 201))},
		"model":         {From: day(3), Model: "\xff"},
		"id in model":   {From: day(3), Model: "kit ESP8266-13597771", Hardware: "esp8266-13597771"},
	} {
		require.Error(t, r.AttachBoard(ctx, "one", b, "keeper", ""), name)
	}
	secret := reading.Board{From: day(3), Hardware: "esp8266-13597771", Model: "SDS011"}
	require.Error(t, r.AttachBoard(ctx, "one", secret, "keeper", "kastje esp8266-13597771"), "the reason is public")
	require.Equal(t, 1, eventCount(t, r, "one"))
	require.NoError(t, r.AttachBoard(ctx, "one", secret, "keeper", ""))
	require.Error(t, r.DetachBoard(ctx, "one", day(4), "keeper", "kastje esp8266-13597771"))
	require.Error(t, r.DetachBoard(ctx, "one", time.Time{}, "keeper", ""))
	for _, id := range hostileIDs() {
		require.ErrorIs(t, r.AttachBoard(ctx, id, reading.Board{From: day(1)}, "a", "b"), ingest.ErrUnknownStation)
		require.ErrorIs(t, r.ReplaceBoard(ctx, id, reading.Board{From: day(1)}, "a", "b"), ingest.ErrUnknownStation)
		require.ErrorIs(t, r.DetachBoard(ctx, id, day(1), "a", "b"), ingest.ErrUnknownStation)
		list, err := r.Boards(ctx, id)
		require.NoError(t, err)
		require.Empty(t, list)
	}
	list, err := r.Boards(ctx, "one")
	require.NoError(t, err)
	text := fmt.Sprintf("%v %+v %#v %s", list, list, list, list[0].Hardware)
	require.NotContains(t, text, "13597771")
	_, err = json.Marshal(list)
	require.Error(t, err)
}

// boardsConcurrent lets many attach at once: whatever happens, no two overlap.
func boardsConcurrent(t *testing.T, r *register.Register) {
	const n = 8
	for i := range n {
		add(t, r, reading.StationID(fmt.Sprintf("s%d", i)))
	}
	add(t, r, "one")
	var wg sync.WaitGroup
	errs, sharedErrs := make([]error, n), make([]error, n)
	for i := range n {
		wg.Go(func() {
			errs[i] = r.AttachBoard(t.Context(), "one", reading.Board{From: day(1 + i)}, "keeper", "")
			sharedErrs[i] = r.AttachBoard(t.Context(), reading.StationID(fmt.Sprintf("s%d", i)), reading.Board{Hardware: "shared-board", From: day(1)}, "keeper", "")
		})
	}
	wg.Wait()
	attached, shared := 0, 0
	for i := range n {
		if errs[i] == nil {
			attached++
		} else {
			assert.ErrorIs(t, errs[i], register.ErrBoardOverlap)
		}
		if sharedErrs[i] == nil {
			shared++
		}
	}
	require.Equal(t, 1, attached)
	require.Equal(t, 1, shared, "one board at one station")
}

func loginRevoked(t *testing.T, r *register.Register) {
	ctx := t.Context()
	token := add(t, r, "one")
	require.NoError(t, r.Authenticate(ctx, "one", token))
	require.NoError(t, r.RevokeToken(ctx, "one", "operator", "token stond op een foto"))
	require.ErrorIs(t, r.Authenticate(ctx, "one", token), register.ErrWrongCredentials)
	require.ErrorIs(t, r.Authenticate(ctx, "one", ""), register.ErrWrongCredentials)
	require.Equal(t, register.Event{Station: "one", Actor: "operator", What: register.EventTokenRevoked, Why: "token stond op een foto"}, last(t, r, "one"))
	st, err := r.Station(ctx, "one")
	require.NoError(t, err, "the station itself is still there")
	require.Equal(t, "Meetpunt Javaplein", st.Title)
	all, err := r.Stations(ctx)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.NoError(t, r.RevokeToken(ctx, "one", "operator", "nog eens"))
	require.Equal(t, 2, eventCount(t, r, "one"))
	fresh, err := r.RotateToken(ctx, "one", "keeper")
	require.NoError(t, err)
	require.NoError(t, r.Authenticate(ctx, "one", fresh))
	require.ErrorIs(t, r.Authenticate(ctx, "one", token), register.ErrWrongCredentials)
	require.ErrorIs(t, r.RevokeToken(ctx, "none", "operator", ""), ingest.ErrUnknownStation)
}

func transferred(t *testing.T, r *register.Register) {
	ctx := t.Context()
	old, err := r.AddStation(ctx, Station("one"), place(t, 4.9, 52.4), "operator")
	require.NoError(t, err)
	require.NoError(t, r.Authenticate(ctx, "one", old))
	fresh, err := r.Transfer(ctx, "one", "basisschool", "keeper", "verhuisd\x00")
	require.NoError(t, err)
	require.ErrorIs(t, r.Authenticate(ctx, "one", old), register.ErrWrongCredentials)
	require.NoError(t, r.Authenticate(ctx, "one", fresh))
	st, err := r.Station(ctx, "one")
	require.NoError(t, err)
	require.Equal(t, "basisschool", st.Maker)
	require.True(t, st.HasPosition)
	require.Equal(t, register.Event{Station: "one", Actor: "keeper", What: register.EventTransferred, Why: "verhuisd\uFFFD"}, last(t, r, "one"))
	_, err = r.Transfer(ctx, "one", "", "keeper", "")
	require.NoError(t, err)
	st, err = r.Station(ctx, "one")
	require.NoError(t, err)
	require.Equal(t, "basisschool", st.Maker)
	require.ErrorIs(t, r.Authenticate(ctx, "one", fresh), register.ErrWrongCredentials)
	_, err = r.Transfer(ctx, "one", "\xff", "keeper", "")
	require.Error(t, err)
	_, err = r.Transfer(ctx, "none", "", "keeper", "")
	require.ErrorIs(t, err, ingest.ErrUnknownStation)
}
