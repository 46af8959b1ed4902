package registertest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

const (
	hour  reading.Hour  = 498_432
	month reading.Month = 682
)

func dirty(t *testing.T, r *register.Register, limit int) []ingest.DirtyHour {
	t.Helper()
	hours, err := r.DirtyHours(t.Context(), "", limit)
	require.NoError(t, err)
	return hours
}

func marksOnce(t *testing.T, r *register.Register) {
	ctx := t.Context()
	require.NoError(t, r.MarkDirty(ctx, nil))
	require.Empty(t, dirty(t, r, 10))
	b, a1, a0 := reading.StationHour{Station: "b", Hour: hour}, reading.StationHour{Station: "a", Hour: hour + 1}, reading.StationHour{Station: "a", Hour: -1}
	require.NoError(t, r.MarkDirty(ctx, []reading.StationHour{b, a1, b, a0, a1, b}))
	require.NoError(t, r.MarkDirty(ctx, []reading.StationHour{b}))
	got := dirty(t, r, 10)
	var hours []reading.StationHour
	for _, d := range got {
		require.Positive(t, d.Token)
		hours = append(hours, d.StationHour)
	}
	require.Equal(t, []reading.StationHour{a0, a1, b}, hours)
	require.Equal(t, got[:2], dirty(t, r, 2))
	n, err := r.DirtyCount(ctx)
	require.NoError(t, err)
	require.Equal(t, int64(3), n)

	require.NoError(t, r.ClearDirty(ctx, nil))
	require.NoError(t, r.ClearDirty(ctx, []ingest.DirtyHour{got[2], got[0], got[0], {StationHour: a1, Token: got[1].Token + 1}}))
	require.Equal(t, got[1:2], dirty(t, r, 10), "another token clears nothing")
	require.NoError(t, r.ClearDirty(ctx, got))
	require.Empty(t, dirty(t, r, 10))
}

func marksRemade(t *testing.T, r *register.Register) {
	mark := []reading.StationHour{{Station: "a", Hour: hour}, {Station: "b", Hour: hour}}
	require.NoError(t, r.MarkDirty(t.Context(), mark))
	claim := dirty(t, r, 10)
	require.Len(t, claim, 2)
	require.NoError(t, r.MarkDirty(t.Context(), mark[:1]))
	require.NoError(t, r.ClearDirty(t.Context(), claim))
	left := dirty(t, r, 10)
	require.Len(t, left, 1)
	require.Equal(t, mark[0], left[0].StationHour)
	require.NotEqual(t, claim[0].Token, left[0].Token)
}

func marksHostile(t *testing.T, r *register.Register) {
	var hours []reading.StationHour
	for _, id := range hostileIDs() {
		hours = append(hours, reading.StationHour{Station: id, Hour: hour})
	}
	const real = 1_303 // every size of statement takes part
	for i := range real {
		hours = append(hours, reading.StationHour{Station: reading.StationID(fmt.Sprintf("never-added-%04d", i%100)), Hour: hour + reading.Hour(i/100)})
	}
	rand.Shuffle(len(hours), func(i, j int) { hours[i], hours[j] = hours[j], hours[i] })
	require.NoError(t, r.MarkDirty(t.Context(), hours))
	got := dirty(t, r, 2*real)
	require.Len(t, got, real, "the impossible ones are left out, the rest is there")
	require.NoError(t, r.ClearDirty(t.Context(), append(got, ingest.DirtyHour{StationHour: reading.StationHour{Station: "\x00\xff"}})))
	require.Empty(t, dirty(t, r, 1))
}

// marksConcurrent: writers that mark and clear the same rows at once neither
// fail nor lose a mark.
func marksConcurrent(t *testing.T, r *register.Register) {
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			var hours []reading.StationHour
			for i := range 200 {
				hours = append(hours, reading.StationHour{Station: reading.StationID(fmt.Sprintf("s%d", i)), Hour: hour})
			}
			for range 10 {
				rand.Shuffle(len(hours), func(i, j int) { hours[i], hours[j] = hours[j], hours[i] })
				assert.NoError(t, r.MarkDirty(t.Context(), hours))
				claim, err := r.DirtyHours(t.Context(), "", 300)
				assert.NoError(t, err)
				assert.NoError(t, r.ClearDirty(t.Context(), claim))
			}
			assert.NoError(t, r.MarkDirty(t.Context(), []reading.StationHour{{Station: "last", Hour: reading.Hour(w)}}))
		})
	}
	wg.Wait()
	n := 0
	for _, d := range dirty(t, r, 1000) {
		if d.Station == "last" {
			n++
		}
	}
	// A claim that another writer took may have cleared some of these, but the
	// mark of the writer that finished last was claimed by nobody.
	require.Positive(t, n)
}

// block returns a month with values that seed decides.
func block(id reading.StationID, p reading.Property, m reading.Month, seed uint64) reading.Block {
	rnd := rand.New(rand.NewPCG(seed, 3))
	b := reading.NewBlock(id, p, m)
	for i := range b.Values {
		if rnd.IntN(30) > 0 {
			b.Values[i], b.Capture[i], b.Flags[i] = int32(rnd.IntN(900))*1000, uint8(rnd.IntN(61)), reading.Flag(rnd.IntN(4))
		}
	}
	return b
}

func blocksRoundTrip(t *testing.T, r *register.Register) {
	ctx := t.Context()
	empty, version, err := r.Block(ctx, "one", reading.NO2, month)
	require.NoError(t, err)
	require.Zero(t, version)
	require.Empty(t, cmp.Diff(reading.NewBlock("one", reading.NO2, month), empty))
	require.NoError(t, r.PutBlocks(ctx, nil))

	var batch []ingest.VersionedBlock
	for i := range 201 {
		batch = append(batch, ingest.VersionedBlock{Block: block(reading.StationID(fmt.Sprintf("s%d", i)), reading.NO2, month+reading.Month(i%3), uint64(i))})
	}
	for round := range 3 {
		require.NoError(t, r.PutBlocks(ctx, batch))
		for i, want := range batch {
			got, version, err := r.Block(ctx, want.Station, want.Property, want.Month)
			require.NoError(t, err)
			require.Greater(t, version, batch[i].Version)
			require.Empty(t, cmp.Diff(want.Block, got))
			batch[i] = ingest.VersionedBlock{Block: block(want.Station, want.Property, want.Month, uint64(1000*round+i)), Version: version}
		}
	}
}

func blocksStale(t *testing.T, r *register.Register) {
	ctx := t.Context()
	one, two := block("one", reading.NO2, month, 1), block("two", reading.NO2, month, 2)
	put := func(version int64, more ...ingest.VersionedBlock) error {
		return r.PutBlocks(ctx, append(more, ingest.VersionedBlock{Block: block("one", reading.NO2, month, 9), Version: version}))
	}
	require.ErrorIs(t, put(1), ingest.ErrStaleBlock, "absent is not version 1")
	require.NoError(t, r.PutBlocks(ctx, []ingest.VersionedBlock{{Block: one}}))
	_, version, err := r.Block(ctx, "one", reading.NO2, month)
	require.NoError(t, err)
	for _, stale := range []int64{0, version - 1, version + 1} {
		require.ErrorIs(t, put(stale, ingest.VersionedBlock{Block: two}), ingest.ErrStaleBlock)
	}
	got, after, err := r.Block(ctx, "one", reading.NO2, month)
	require.NoError(t, err)
	require.Equal(t, version, after)
	require.Empty(t, cmp.Diff(one, got))
	_, v, err := r.Block(ctx, "two", reading.NO2, month)
	require.NoError(t, err)
	require.Zero(t, v, "nothing of the refused call is stored")
}

func blocksRefused(t *testing.T, r *register.Register) {
	fine := block("one", reading.NO2, month, 1)
	short := block("one", reading.NO2, month, 1)
	short.Values = short.Values[:600]
	for name, blocks := range map[string][]ingest.VersionedBlock{
		"length":   {{Block: short}},
		"id":       {{Block: block("o'ne\x00", reading.NO2, month, 1)}},
		"property": {{Block: block("one", "no3", month, 1)}},
	} {
		err := r.PutBlocks(t.Context(), blocks)
		require.Error(t, err, name)
		require.NotErrorIs(t, err, ingest.ErrStaleBlock, "trying again does not help")
	}
	twice := r.PutBlocks(t.Context(), []ingest.VersionedBlock{{Block: fine}, {Block: fine}})
	require.Error(t, twice)
	require.NotErrorIs(t, twice, ingest.ErrStaleBlock)

	require.NoError(t, r.PutBlocks(t.Context(), []ingest.VersionedBlock{{Block: fine}}))
	_, err := r.DB().ExecContext(t.Context(), `UPDATE hour_block SET data = CAST('damaged' AS `+r.Dialect().BlobType()+`)`)
	require.NoError(t, err)
	_, _, err = r.Block(t.Context(), "one", reading.NO2, month)
	require.ErrorIs(t, err, register.ErrCorruptBlock)
	require.ErrorIs(t, r.EachBlock(t.Context(), "one", reading.NO2, month, month, func(reading.Block) error { return nil }), register.ErrCorruptBlock)
	for _, id := range hostileIDs() {
		_, version, err := r.Block(t.Context(), id, reading.NO2, month)
		require.NoError(t, err)
		require.Zero(t, version)
	}
}

func blocksWalk(t *testing.T, r *register.Register) {
	ctx := t.Context()
	var batch []ingest.VersionedBlock
	for _, id := range []reading.StationID{"b", "a_b", "a-b"} {
		for _, p := range []reading.Property{reading.PM25, reading.NO2} {
			for _, m := range []reading.Month{month, month - 1, month + 2, -3} {
				batch = append(batch, ingest.VersionedBlock{Block: block(id, p, m, uint64(m+3))})
			}
		}
	}
	require.NoError(t, r.PutBlocks(ctx, batch))
	walk := func(from, to reading.Month) (months []reading.Month) {
		require.NoError(t, r.EachBlock(ctx, "a_b", reading.NO2, from, to, func(b reading.Block) error {
			require.Empty(t, cmp.Diff(block("a_b", reading.NO2, b.Month, uint64(b.Month+3)), b))
			months = append(months, b.Month)
			_, _, err := r.Block(ctx, "b", reading.NO2, b.Month) // fn may use the register
			return err
		}))
		return months
	}
	require.Equal(t, []reading.Month{-3, month - 1, month, month + 2}, walk(-100, month+100))
	require.Equal(t, []reading.Month{month - 1, month}, walk(month-1, month+1))
	require.Equal(t, []reading.Month{month + 2}, walk(month+2, month+2))
	require.Empty(t, walk(month+1, month+1))
	require.Empty(t, walk(month+2, month))
	stop := errors.New("stop")
	require.ErrorIs(t, r.EachBlock(ctx, "b", reading.NO2, -100, 1000, func(reading.Block) error { return stop }), stop)

	index, err := r.BlockIndex(ctx)
	require.NoError(t, err)
	require.Len(t, index, len(batch))
	require.Equal(t, register.BlockRef{Station: "a-b", Property: reading.NO2, Month: -3, Version: 1}, index[0])
	require.Equal(t, register.BlockRef{Station: "b", Property: reading.PM25, Month: month + 2, Version: 1}, index[len(index)-1])
}

// blocksConcurrent: writers that read, change and store again each get through
// by trying again, and no change is lost.
func blocksConcurrent(t *testing.T, r *register.Register) {
	var wg sync.WaitGroup
	const writers, rounds = 4, 8
	for w := range writers {
		wg.Go(func() {
			for i := range rounds {
				for {
					b, version, err := r.Block(t.Context(), "one", reading.NO2, month)
					if !assert.NoError(t, err) {
						return
					}
					b.Values[w*rounds+i] = int32(w)
					other, otherVersion, err := r.Block(t.Context(), "two", reading.NO2, month)
					if !assert.NoError(t, err) {
						return
					}
					err = r.PutBlocks(t.Context(), []ingest.VersionedBlock{{Block: b, Version: version}, {Block: other, Version: otherVersion}})
					if err == nil {
						break
					}
					if !assert.ErrorIs(t, err, ingest.ErrStaleBlock) {
						return
					}
				}
			}
		})
	}
	wg.Wait()
	b, version, err := r.Block(t.Context(), "one", reading.NO2, month)
	require.NoError(t, err)
	require.Equal(t, int64(writers*rounds), version)
	for i := range writers * rounds {
		require.Equal(t, int32(i/rounds), b.Values[i])
	}
}
