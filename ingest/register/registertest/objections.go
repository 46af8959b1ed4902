package registertest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

func objections(t *testing.T, r *register.Register) {
	ctx := t.Context()
	add(t, r, "one")
	add(t, r, "two")
	at := hour.Start()
	const why = `De waarde stond echt zo lang stil; "mist" 😀`
	first, err := r.Object(ctx, "one", reading.NO2, reading.Constant, at.Add(time.Minute), at.Add(2*time.Hour+time.Second), why, "keeper")
	require.NoError(t, err)
	require.Equal(t, "one/1", first)
	second, err := r.Object(ctx, "one", reading.PM25, reading.Spike, at, at.Add(time.Hour), "vuurwerk", "keeper")
	require.NoError(t, err)
	other, err := r.Object(ctx, "two", reading.NO2, reading.Constant, at, at.Add(time.Hour), "ook", "keeper")
	require.NoError(t, err)
	require.Equal(t, []string{"one/2", "two/1"}, []string{second, other})

	all, err := r.Objections(ctx, "one")
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.WithinDuration(t, time.Now(), all[0].At, time.Minute)
	want := register.Objection{
		ID: "one/1", Station: "one", Property: reading.NO2, Flag: reading.Constant,
		Period: ingest.Period{From: at, To: at.Add(3 * time.Hour)}, // whole hours around what was given
		At:     all[0].At, Actor: "keeper", Text: why, State: register.ObjectionOpen,
	}
	require.Empty(t, cmp.Diff(want, all[0]))
	lifts, err := r.Lifts(ctx, "one")
	require.NoError(t, err)
	require.Empty(t, lifts, "an objection alone changes nothing")
	require.Empty(t, dirty(t, r, 10))

	require.NoError(t, r.Answer(ctx, first, true, "nagemeten: het klopt", "operator"))
	require.NoError(t, r.Answer(ctx, second, true, "inderdaad", "operator"))
	lifts, err = r.Lifts(ctx, "one")
	require.NoError(t, err)
	require.Equal(t, []ingest.Lift{{Property: reading.NO2, Flag: reading.Constant, Period: want.Period}}, lifts, "a note excludes nothing that could be lifted")
	require.Equal(t, []reading.StationHour{{Station: "one", Hour: hour}, {Station: "one", Hour: hour + 1}, {Station: "one", Hour: hour + 2}, {Station: "one", Hour: hour + 3}},
		markedHours(dirty(t, r, 10)), "the hours of the period and the one after it")
	require.NoError(t, r.ClearDirty(ctx, dirty(t, r, 10)))
	require.NoError(t, r.Answer(ctx, first, true, "nog eens", "operator"))
	require.Empty(t, dirty(t, r, 10), "the same answer changes no hour")
	require.NoError(t, r.Answer(ctx, first, false, "toch niet", "operator"))
	require.Len(t, dirty(t, r, 10), 4, "and another does")
	lifts, err = r.Lifts(ctx, "one")
	require.NoError(t, err)
	require.Empty(t, lifts)

	everyone, err := r.Objections(ctx, "")
	require.NoError(t, err)
	require.Len(t, everyone, 3)
	answered := everyone[0]
	require.Equal(t, register.ObjectionRejected, answered.State)
	require.Equal(t, []string{"toch niet", "operator"}, []string{answered.Answer, answered.AnsweredBy})
	require.WithinDuration(t, time.Now(), answered.AnsweredAt, time.Minute)
	require.Equal(t, register.ObjectionOpen, everyone[2].State)

	events, err := r.Events(ctx, "one")
	require.NoError(t, err)
	var whats []string
	for _, e := range events[1:] {
		whats = append(whats, e.What)
	}
	require.Equal(t, []string{
		register.EventObjected, register.EventObjected, register.EventObjectionGranted, register.EventObjectionGranted,
		register.EventObjectionGranted, register.EventObjectionRefused,
	}, whats, "every objection and every answer is public")
	require.Equal(t, why, events[1].Why)
	require.Equal(t, "one/1 constant of no2 "+at.Format(time.RFC3339)+"/"+at.Add(3*time.Hour).Format(time.RFC3339), events[1].Detail)
	require.Equal(t, "operator", events[3].Actor)
}

func markedHours(hours []ingest.DirtyHour) (out []reading.StationHour) {
	for _, h := range hours {
		out = append(out, h.StationHour)
	}
	return out
}

func objectionsRefused(t *testing.T, r *register.Register) {
	ctx := t.Context()
	add(t, r, "one")
	at := hour.Start()
	before, _, err := r.DataVersion(ctx)
	require.NoError(t, err)
	object := func(p reading.Property, f reading.Flag, length time.Duration, text, actor string) error {
		_, err := r.Object(ctx, "one", p, f, at, at.Add(length), text, actor)
		return err
	}
	for name, err := range map[string]error{
		"property":     object("no3", reading.Constant, time.Hour, "a", "b"),
		"no flag":      object(reading.NO2, 0, time.Hour, "a", "b"),
		"two flags":    object(reading.NO2, reading.Constant|reading.Range, time.Hour, "a", "b"),
		"a fact":       object(reading.NO2, reading.MissingCode, time.Hour, "a", "b"),
		"a withdrawal": object(reading.NO2, reading.Withdrawn, time.Hour, "a", "b"),
		"no period":    object(reading.NO2, reading.Constant, 0, "a", "b"),
		"too long":     object(reading.NO2, reading.Constant, register.MaxObjection+time.Second, "a", "b"),
		"no text":      object(reading.NO2, reading.Constant, time.Hour, " ", "b"),
		"no actor":     object(reading.NO2, reading.Constant, time.Hour, "a", ""),
		"nul":          object(reading.NO2, reading.Constant, time.Hour, "a\x00", "b"),
		"utf-8":        object(reading.NO2, reading.Constant, time.Hour, "\xff", "b"),
		"long text":    object(reading.NO2, reading.Constant, time.Hour, strings.Repeat("x", 2001), "b"),
	} {
		require.ErrorIs(t, err, register.ErrObjection, name)
	}
	for _, id := range append(hostileIDs(), "unknown") {
		_, err := r.Object(ctx, id, reading.NO2, reading.Constant, at, at.Add(time.Hour), "a", "b")
		require.ErrorIs(t, err, ingest.ErrUnknownStation)
		require.ErrorIs(t, r.Answer(ctx, string(id)+"/1", true, "a", "b"), register.ErrUnknownObjection)
		list, err := r.Lifts(ctx, id)
		require.NoError(t, err)
		require.Empty(t, list)
	}
	for _, id := range []string{"one", "one/", "one/x", "one/1", "one/-1", "/", "one/1/1", "one/9223372036854775808"} {
		require.ErrorIs(t, r.Answer(ctx, id, true, "a", "b"), register.ErrUnknownObjection, id)
	}
	id, err := r.Object(ctx, "one", reading.NO2, reading.Constant, at, at.Add(register.MaxObjection), "a", "b")
	require.NoError(t, err)
	require.ErrorIs(t, r.Answer(ctx, id, true, "", "b"), register.ErrObjection)
	require.NoError(t, r.Answer(ctx, id, true, "a", "b"))
	require.Len(t, dirty(t, r, 20_000), int(register.MaxObjection/time.Hour)+1)
	all, err := r.Objections(ctx, "one")
	require.NoError(t, err)
	require.Len(t, all, 1, "nothing of what was refused is stored")
	after, _, err := r.DataVersion(ctx)
	require.NoError(t, err)
	require.Greater(t, after, before, "objections are public")
}

func neighbourMarks(t *testing.T, r *register.Register) {
	ctx := t.Context()
	marks := func(before reading.Hour, limit int) (hours []reading.Hour) {
		list, err := r.NeighbourHours(ctx, before, limit)
		require.NoError(t, err)
		for _, m := range list {
			require.Positive(t, m.Token)
			hours = append(hours, m.Hour)
		}
		return hours
	}
	put := func(id reading.StationID, version int64, hours ...reading.Hour) error {
		return r.PutBlocks(ctx, []ingest.VersionedBlock{{Block: block(id, reading.NO2, month, 1), Version: version, Hours: hours}})
	}
	require.NoError(t, put("a", 0))
	require.Empty(t, marks(hour, 10), "nothing to compare, nothing marked")
	require.NoError(t, put("a", 1, hour+3, hour, hour+3))
	require.NoError(t, put("b", 0, hour+1, hour))
	require.Equal(t, []reading.Hour{hour, hour + 1, hour + 3}, marks(hour+100, 10))
	require.Equal(t, []reading.Hour{hour}, marks(hour+1, 10))
	require.Equal(t, []reading.Hour{hour, hour + 1}, marks(hour+100, 2))
	require.ErrorIs(t, put("b", 7, hour+9), ingest.ErrStaleBlock)
	require.Len(t, marks(hour+100, 10), 3, "what was not stored marks nothing")

	claim, err := r.NeighbourHours(ctx, hour+100, 10)
	require.NoError(t, err)
	require.NoError(t, put("b", 1, hour+1)) // marked again meanwhile
	require.NoError(t, r.ClearNeighbours(ctx, claim))
	require.Equal(t, []reading.Hour{hour + 1}, marks(hour+100, 10))
	require.NoError(t, r.ClearNeighbours(ctx, nil))

	var many []reading.Hour
	for i := range reading.Hour(1303) { // every size of statement takes part
		many = append(many, hour+i)
	}
	require.NoError(t, put("b", 2, many...))
	claim, err = r.NeighbourHours(ctx, hour+5000, 5000)
	require.NoError(t, err)
	require.Len(t, claim, len(many))
	require.NoError(t, r.ClearNeighbours(ctx, claim))
	require.Empty(t, marks(hour+5000, 10))
}

func monthBlocks(t *testing.T, r *register.Register) {
	ctx := t.Context()
	var batch []ingest.VersionedBlock
	const stations = 1003 // several pages
	for i := range stations {
		batch = append(batch, ingest.VersionedBlock{Block: block(reading.StationID(fmt.Sprintf("s%05d", i)), reading.NO2, month, 1)})
	}
	batch = append(batch, ingest.VersionedBlock{Block: block("s00001", reading.NO2, month+1, 1)}, ingest.VersionedBlock{Block: block("s00001", reading.PM10, month, 1)})
	require.NoError(t, r.PutBlocks(ctx, batch))
	_, err := r.DB().ExecContext(ctx, `UPDATE hour_block SET data = CAST('damaged' AS `+r.Dialect().BlobType()+`) WHERE station = 's00007'`)
	require.NoError(t, err)
	n := 0
	require.NoError(t, r.MonthBlocks(ctx, reading.NO2, month, func(b ingest.VersionedBlock) error {
		if n == 7 {
			n++ // the damaged one
		}
		require.Equal(t, int64(1), b.Version)
		want := block(reading.StationID(fmt.Sprintf("s%05d", n)), reading.NO2, month, 1)
		require.Equal(t, want.Station, b.Station)
		require.True(t, slices.Equal(want.Values, b.Values) && slices.Equal(want.Flags, b.Flags))
		n++
		return nil
	}))
	require.Equal(t, stations, n)
	stop := errors.New("stop")
	require.ErrorIs(t, r.MonthBlocks(ctx, reading.NO2, month, func(ingest.VersionedBlock) error { return stop }), stop)
}
