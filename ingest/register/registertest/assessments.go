package registertest

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/quality"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// assessment makes one with every figure set, and some that cannot be told.
func assessment(kit, reference reading.StationID, p reading.Property) ingest.Assessment {
	figures := quality.Agreement{Hours: 600, Mean: 21.0001, Reference: 18, Bias: 3.0001, RMSE: 4.5, Correlation: 0.9432, Slope: -0.25}
	still := figures
	still.Correlation, still.Slope = math.NaN(), math.NaN()
	return ingest.Assessment{
		Station: kit, Property: p, Reference: reference, Within: quality.ReferenceNear, Since: hour - 2000, From: hour - 672, To: hour,
		Window: figures, Lags: quality.Lags{Best: -1, Correlation: 0.95, Unmoved: math.NaN()}, Version: quality.Version, Inputs: math.MaxInt64,
		Months: []ingest.AssessedMonth{
			{MonthAgreement: quality.MonthAgreement{Month: month - 1, Agreement: still}, Block: 7, Reference: 1 << 40},
			{MonthAgreement: quality.MonthAgreement{Month: month, Agreement: figures}, Block: 1, Reference: 2},
		},
	}
}

func storedAssessments(t *testing.T, r *register.Register, ids ...reading.StationID) []ingest.Assessment {
	t.Helper()
	all, err := r.Assessments(t.Context(), ids)
	require.NoError(t, err)
	return all
}

func assess(t *testing.T, r *register.Register, kit reading.StationID, all ...ingest.Assessment) {
	t.Helper()
	require.NoError(t, r.PutAssessments(t.Context(), eventCounts(t, r), []ingest.KitAssessments{{Station: kit, Assessments: all}}))
}

func assessments(t *testing.T, r *register.Register) {
	for _, id := range []reading.StationID{"one", "two", "ref", "ref-b"} {
		add(t, r, id)
	}
	require.Empty(t, storedAssessments(t, r))
	require.Empty(t, storedAssessments(t, r, append(hostileIDs(), "one")...))
	a, b, c := assessment("one", "ref", reading.NO2), assessment("one", "ref-b", reading.NO2), assessment("one", "ref", reading.PM10)
	other := assessment("two", "ref", reading.NO2)
	before, _, err := r.DataVersion(t.Context())
	require.NoError(t, err)
	require.NoError(t, r.PutAssessments(t.Context(), eventCounts(t, r), []ingest.KitAssessments{
		{Station: "two", Assessments: []ingest.Assessment{other}}, {Station: "one", Assessments: []ingest.Assessment{c, b, a}},
	}))
	after, _, err := r.DataVersion(t.Context())
	require.NoError(t, err)
	require.Greater(t, after, before, "they are public")
	want := []ingest.Assessment{a, b, c, other}
	require.Empty(t, cmp.Diff(want, storedAssessments(t, r, "two", "one", "ref"), cmpopts.EquateNaNs()))

	_, err = r.DB().ExecContext(t.Context(), `UPDATE assessment SET data = CAST('damaged' AS `+r.Dialect().BlobType()+`) WHERE reference = 'ref-b'`)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff([]ingest.Assessment{a, c, other}, storedAssessments(t, r, "two", "one"), cmpopts.EquateNaNs()), "a damaged one is as one that was never made")

	c.Months = nil
	assess(t, r, "one", c)
	require.Empty(t, cmp.Diff([]ingest.Assessment{c}, storedAssessments(t, r, "one"), cmpopts.EquateNaNs()), "all of a kit is replaced")
	assess(t, r, "one")
	require.Equal(t, 1, len(storedAssessments(t, r, "one", "two")))
	require.Error(t, r.PutAssessments(t.Context(), eventCounts(t, r), []ingest.KitAssessments{{Station: "one", Assessments: []ingest.Assessment{other}}}))
}

// assessmentsStale holds what was computed against what happened meanwhile.
func assessmentsStale(t *testing.T, r *register.Register) {
	ctx := t.Context()
	for _, id := range []reading.StationID{"one", "two", "ref"} {
		add(t, r, id)
	}
	a := assessment("one", "ref", reading.NO2)
	seen := eventCounts(t, r)
	require.NoError(t, r.SetPaused(ctx, "one", true, "keeper", "weg"))
	put := func() {
		t.Helper()
		require.NoError(t, r.PutAssessments(ctx, seen, []ingest.KitAssessments{
			{Station: "one", Assessments: []ingest.Assessment{a}}, {Station: "two", Assessments: []ingest.Assessment{assessment("two", "ref", reading.NO2)}},
		}))
	}
	put()
	require.Empty(t, storedAssessments(t, r, "one"), "of a kit to which something happened nothing is stored")
	require.Len(t, storedAssessments(t, r, "two"), 1, "and the others are not held up")
	period := ingest.Period{From: day(1), To: day(2)}
	for name, change := range map[string]func() error{
		"withdraw from the kit":       func() error { return r.WithdrawPeriod(ctx, "one", period, "keeper", "binnen") },
		"withdraw from the reference": func() error { return r.WithdrawPeriod(ctx, "ref", period, "keeper", "ijking") },
	} {
		seen = eventCounts(t, r)
		put()
		require.Len(t, storedAssessments(t, r, "one"), 1)
		require.NoError(t, change())
		require.Empty(t, storedAssessments(t, r, "one"), "%s: what rests on it goes at once", name)
		put()
		require.Empty(t, storedAssessments(t, r, "one"), "%s: and does not come back", name)
	}
	seen = eventCounts(t, r)
	put()
	require.NoError(t, r.RestorePeriod(ctx, "one", period, "keeper", "toch goed"))
	require.Empty(t, storedAssessments(t, r, "one"))
	seen = eventCounts(t, r)
	put()
	require.NoError(t, r.DeleteStation(ctx, "ref"))
	require.Empty(t, storedAssessments(t, r, "one", "two"), "nothing against a station that is gone")
	put()
	require.Empty(t, storedAssessments(t, r, "one", "two"))
}

func assessmentTurns(t *testing.T, r *register.Register) {
	take := func(every time.Duration) bool {
		t.Helper()
		mine, err := r.TakeAssessmentTurn(t.Context(), every)
		require.NoError(t, err)
		return mine
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	taken := 0
	for range 8 {
		wg.Go(func() {
			mine, err := r.TakeAssessmentTurn(t.Context(), time.Hour)
			assert.NoError(t, err)
			mu.Lock()
			defer mu.Unlock()
			if mine {
				taken++
			}
		})
	}
	wg.Wait()
	require.Equal(t, 1, taken, "one of many takes it")
	require.False(t, take(time.Hour))
	for ms, want := range map[int64]bool{time.Now().Add(-2 * time.Hour).UnixMilli(): true, time.Now().Add(30 * time.Minute).UnixMilli(): false, time.Now().Add(2 * time.Hour).UnixMilli(): true} {
		_, err := r.DB().ExecContext(t.Context(), `UPDATE assessment_turn SET taken_ms = $1`, ms)
		require.NoError(t, err)
		require.Equal(t, want, take(time.Hour), "a clock that was wrong does not stop it for good")
	}
}

func assessedStations(t *testing.T, r *register.Register) {
	ctx := t.Context()
	add(t, r, "new")
	add(t, r, "old")
	st := Station("ref")
	st.Kind = reading.KindReference
	_, err := r.AddStation(ctx, st, reading.SecretPosition{}, "operator")
	require.NoError(t, err)
	from := hour.Start().Add(time.Millisecond)
	require.NoError(t, r.AttachBoard(ctx, "old", reading.Board{From: from.AddDate(0, -1, 0)}, "keeper", "eerste"))
	require.NoError(t, r.ReplaceBoard(ctx, "old", reading.Board{From: from}, "keeper", "stuk"))
	require.NoError(t, r.WithdrawPeriod(ctx, "old", ingest.Period{From: day(3), To: day(4)}, "keeper", "binnen"))
	require.NoError(t, r.SetSiting(ctx, "ref", reading.SitingBackground, "operator", "lijst van de GGD"))
	all, err := r.AssessedStations(ctx)
	require.NoError(t, err)
	counts := eventCounts(t, r)
	require.Len(t, all, 3)
	for i, id := range []reading.StationID{"new", "old", "ref"} {
		require.Equal(t, id, all[i].ID)
		require.Equal(t, counts[id], all[i].Events)
	}
	require.Zero(t, all[0].Since)
	require.Equal(t, hour+1, all[1].Since, "the first whole hour of the present device")
	require.Equal(t, []ingest.Period{{From: day(3), To: day(4)}}, all[1].Withdrawn)
	require.Equal(t, []reading.Siting{"", "", reading.SitingBackground}, []reading.Siting{all[0].Siting, all[1].Siting, all[2].Siting})
	require.NoError(t, r.SetPosition(ctx, "new", place(t, 4.9, 52.4), "keeper", "andere gevel"))
	all, err = r.AssessedStations(ctx)
	require.NoError(t, err)
	require.InDelta(t, float64(reading.HourOf(time.Now())), float64(all[0].Since), 1.5, "a station that moved begins anew")
}

func seriesVersions(t *testing.T, r *register.Register) {
	ctx := t.Context()
	var batch []ingest.VersionedBlock
	var ids []reading.StationID
	for i := range 600 { // more than one question
		ids = append(ids, reading.StationID(fmt.Sprintf("s%03d", i)))
		batch = append(batch, ingest.VersionedBlock{Block: block(ids[i], reading.NO2, month, 1)})
	}
	batch = append(batch, ingest.VersionedBlock{Block: block("s001", reading.NO2, month-1, 1)}, ingest.VersionedBlock{Block: block("other", reading.NO2, month, 1)})
	require.NoError(t, r.PutBlocks(ctx, batch))
	require.NoError(t, r.PutBlocks(ctx, []ingest.VersionedBlock{{Block: block("s001", reading.NO2, month, 2), Version: 1}}))
	all, err := r.SeriesVersions(ctx, ids)
	require.NoError(t, err)
	require.Len(t, all, 601)
	require.Equal(t, []ingest.SeriesVersion{
		{Station: "s001", Property: reading.NO2, Month: month - 1, Version: 1}, {Station: "s001", Property: reading.NO2, Month: month, Version: 2},
	}, all[1:3])
	none, err := r.SeriesVersions(ctx, nil)
	require.NoError(t, err)
	require.Empty(t, none)
}

// objectionsToAssessments: a remark on weeks can be objected to like any other,
// and an accepted objection marks no hour, because it kept none out.
func objectionsToAssessments(t *testing.T, r *register.Register) {
	ctx := t.Context()
	add(t, r, "one")
	from := hour.Start()
	for _, f := range []reading.Flag{reading.UnlikeReference, reading.Drift, reading.ClockShift} {
		id, err := r.Object(ctx, "one", reading.PM25, f, from, from.AddDate(0, 0, 28), "het meetpunt staat aan een drukke weg", "keeper")
		require.NoError(t, err, f)
		require.NoError(t, r.Answer(ctx, id, true, "klopt", "operator"))
	}
	require.Empty(t, dirty(t, r, 10))
	lifts, err := r.Lifts(ctx, "one")
	require.NoError(t, err)
	require.Empty(t, lifts)
}
