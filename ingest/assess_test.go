package ingest_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
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

// network is a register with sensors and official stations, whose blocks are
// stored as they are.
type network struct {
	ctx   context.Context //nolint:containedctx // that of the test
	reg   *register.Register
	now   time.Time
	areas map[reading.StationID]reading.Place
	dir   string
}

func newNetwork(t testing.TB) *network {
	t.Helper()
	n := &network{
		ctx: context.Background(), now: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		areas: map[reading.StationID]reading.Place{}, dir: t.TempDir(),
	}
	var err error
	n.reg, err = register.Open(n.ctx, "sqlite:"+filepath.Join(n.dir, "register.db"), register.Options{Now: func() time.Time { return n.now }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.reg.Close()) })
	return n
}

func (n *network) add(t testing.TB, id string, kind reading.Kind, lon, lat float64, simulated bool) reading.StationID {
	t.Helper()
	pos, err := reading.NewSecretPosition(lon, lat)
	require.NoError(t, err)
	_, err = n.reg.AddStation(n.ctx, reading.Station{ID: reading.StationID(id), Kind: kind, Cadence: time.Hour, Simulated: simulated}, pos, "test")
	require.NoError(t, err)
	return reading.StationID(id)
}

// wave is the air of the town: it goes up and down the same everywhere.
func wave(h reading.Hour) float64 {
	x := float64(h)
	return 25 + 9*math.Sin(x/3.8) + 6*math.Sin(x/17) + 4*math.Sin(x/171)
}

// measure stores the month of a property with value(hour); NaN is missing.
func (n *network) measure(t testing.TB, id reading.StationID, p reading.Property, m reading.Month, value func(reading.Hour) float64) {
	t.Helper()
	b := reading.NewBlock(id, p, m)
	for i := range b.Values {
		if v := value(m.First() + reading.Hour(i)); !math.IsNaN(v) {
			b.Values[i], _ = reading.Scaled(v)
			b.Capture[i] = reading.FullHour
		}
	}
	_, version, err := n.reg.Block(n.ctx, id, p, m)
	require.NoError(t, err)
	require.NoError(t, n.reg.PutBlocks(n.ctx, []ingest.VersionedBlock{{Block: b, Version: version}}))
}

func (n *network) assessor(store ingest.AssessmentStore) *ingest.Assessor {
	return ingest.NewAssessor(ingest.AssessOptions{Store: store, Every: time.Hour, Poll: time.Millisecond, Places: func(context.Context) (map[reading.StationID]reading.Place, error) {
		return maps.Clone(n.areas), nil
	}})
}

func (n *network) pass(t testing.TB) (changed int) {
	t.Helper()
	changed, err := n.assessor(n.reg).Once(n.ctx)
	require.NoError(t, err)
	return changed
}

func (n *network) stored(t testing.TB, ids ...reading.StationID) []ingest.Assessment {
	t.Helper()
	all, err := n.reg.Assessments(n.ctx, ids)
	require.NoError(t, err)
	return all
}

func plus(d float64) func(reading.Hour) float64 {
	return func(h reading.Hour) float64 { return wave(h) + d }
}

const october reading.Month = 681 // of 2026

// TestASensorBesideOfficialStations holds every figure and the choice of stations.
func TestASensorBesideOfficialStations(t *testing.T) {
	n := newNetwork(t)
	kit := n.add(t, "kit", reading.KindSensor, 4.80, 52.40, false)
	ijked := n.add(t, "kit-calibrated", reading.KindSensorCalibrated, 4.80, 52.40, false)
	tube := n.add(t, "tube", reading.KindTube, 4.80, 52.40, false)
	sim := n.add(t, "sim", reading.KindSensor, 4.80, 52.40, true)
	near := n.add(t, "near", reading.KindReference, 4.80, 52.42, false)
	street := n.add(t, "street", reading.KindReference, 4.80, 52.41, false)
	middle := n.add(t, "middle", reading.KindReference, 4.80, 52.43, false)
	background := n.add(t, "park", reading.KindReference, 4.80, 52.48, false)
	far := n.add(t, "far", reading.KindReference, 4.80, 52.60, false)
	n.areas = map[reading.StationID]reading.Place{}
	for _, id := range []reading.StationID{kit, ijked, tube, sim} {
		n.areas[id] = reading.Place{Lon: 4.81, Lat: 52.40, Elev: math.NaN()}
	}
	require.NoError(t, n.reg.SetSiting(n.ctx, street, reading.SitingRoadside, "operator", ""))
	require.NoError(t, n.reg.SetSiting(n.ctx, background, reading.SitingBackground, "operator", ""))
	for _, id := range []reading.StationID{kit, ijked, tube, sim, near, street, middle, background, far} {
		for _, p := range []reading.Property{reading.NO2, reading.Temperature, reading.PM1} {
			n.measure(t, id, p, october, plus(map[reading.StationID]float64{kit: 3, background: 1}[id]))
		}
	}
	assert.Equal(t, 2, n.pass(t))
	got := n.stored(t, kit, ijked, tube, sim)
	var pairs []string
	for _, a := range got {
		pairs = append(pairs, fmt.Sprintf("%s %s %s %d", a.Station, a.Property, a.Reference, a.Within))
	}
	assert.Equal(t, []string{
		"kit no2 near 5000", "kit no2 park 12000", "kit-calibrated no2 near 5000", "kit-calibrated no2 park 12000",
	}, pairs, "the background station first, then the nearest of the rest; no street, nothing simulated, no tube, nothing without a norm")
	a := got[1]
	last := (october + 1).First()
	assert.Equal(t, []reading.Hour{last - 28*24, last}, []reading.Hour{a.From, a.To})
	assert.Equal(t, 28*24, a.Window.Hours)
	assert.Equal(t, []float64{2, 2, 1, 1}, []float64{a.Window.Bias, a.Window.RMSE, a.Window.Correlation, a.Window.Slope})
	assert.Equal(t, quality.Lags{Best: 0, Correlation: 1, Unmoved: 1}, a.Lags)
	require.Len(t, a.Months, 1)
	assert.Equal(t, october.Hours(), a.Months[0].Hours)
	assert.Equal(t, quality.Agrees, a.Verdict())
	assert.Empty(t, a.Remarks())
	assert.Zero(t, n.pass(t), "nothing changed, nothing is stored")

	require.NoError(t, n.reg.DeleteStation(n.ctx, background))
	n.pass(t)
	got = n.stored(t, kit)
	require.Len(t, got, 2)
	assert.Equal(t, []reading.StationID{middle, near}, []reading.StationID{got[0].Reference, got[1].Reference})
}

// TestWhatTheAssessmentTellsAboutAHomeIsItsArea moves a home about: as long as
// its area stays the same, not one byte of what is stored may change. Without an
// area the same holds within its cell.
func TestWhatTheAssessmentTellsAboutAHomeIsItsArea(t *testing.T) {
	rnd := rand.New(rand.NewPCG(2, 2))
	const tries = 40
	for _, area := range []bool{true, false} {
		n := newNetwork(t)
		// Official stations all around, so that the circles and the lines half-way
		// between two of them cut the area in many pieces.
		for i := range 30 {
			id := n.add(t, fmt.Sprintf("ref%02d", i), reading.KindReference, 4.70+rnd.Float64()*0.4, 52.28+rnd.Float64()*0.3, false)
			n.measure(t, id, reading.NO2, october, plus(float64(i)))
		}
		var homes []reading.StationID
		places := map[int]bool{}
		var refs []reading.SecretPosition
		require.NoError(t, n.reg.Positions(n.ctx, func(_ reading.StationID, p reading.SecretPosition) error { refs = append(refs, p); return nil }))
		for i := range tries {
			lon, lat := 4.8801+rnd.Float64()*0.0798, 52.4001+rnd.Float64()*0.0498 // one cell
			id := n.add(t, fmt.Sprintf("home%02d", i), reading.KindSensor, lon, lat, false)
			n.measure(t, id, reading.NO2, october, plus(2))
			homes = append(homes, id)
			exact := reading.NearestSecret(reading.Place{Lon: lon, Lat: lat, Elev: math.NaN()}, refs, []float64{quality.ReferenceNear, quality.ReferenceRadius})
			places[exact[0].Index] = true
			if area {
				n.areas[id] = reading.Place{Lon: 4.915, Lat: 52.42, Elev: math.NaN()}
			}
		}
		require.Greater(t, len(places), 2, "the exact places would tell them apart")
		n.pass(t)
		first := n.stored(t, homes[0])
		require.Len(t, first, quality.ReferenceMost)
		for _, id := range homes[1:] {
			other := n.stored(t, id)
			for i := range other {
				other[i].Station = homes[0]
			}
			require.Empty(t, cmp.Diff(first, other, cmpopts.EquateNaNs()))
		}
	}
}

// TestAssessmentsDependOnWhatIsStoredAlone changes months in random order with
// passes in between: in the end there is what one pass over all of it gives, and
// what two processes at once give.
func TestAssessmentsDependOnWhatIsStoredAlone(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 4))
	n, fresh := newNetwork(t), newNetwork(t)
	ids := []reading.StationID{"kit-a", "kit-b", "ref-a", "ref-b"}
	for _, w := range []*network{n, fresh} {
		for _, id := range ids {
			kind := reading.KindSensor
			if id[:3] == "ref" {
				kind = reading.KindReference
			}
			w.add(t, string(id), kind, 4.8, 52.4, false)
		}
	}
	for step := range 40 {
		id, m, seed := ids[rnd.IntN(len(ids))], october-reading.Month(rnd.IntN(4)), rnd.Uint64()
		value := func() func(reading.Hour) float64 {
			own := rand.New(rand.NewPCG(seed, 1))
			return func(h reading.Hour) float64 {
				if own.IntN(5) == 0 {
					return math.NaN()
				}
				return wave(h) + 3*own.NormFloat64()
			}
		}
		n.measure(t, id, reading.NO2, m, value())
		fresh.measure(t, id, reading.NO2, m, value())
		if step%3 == 0 {
			n.pass(t)
		}
	}
	n.pass(t)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			_, err := fresh.assessor(fresh.reg).Once(fresh.ctx)
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	want := fresh.stored(t, ids...)
	require.Len(t, want, 4)
	require.Empty(t, cmp.Diff(want, n.stored(t, ids...), cmpopts.EquateNaNs()))
	for _, a := range want { // against sums that are made here
		row := func(id reading.StationID) []int32 {
			b, _, err := n.reg.Block(n.ctx, id, reading.NO2, a.Months[len(a.Months)-1].Month)
			require.NoError(t, err)
			return b.Values
		}
		mine, theirs := row(a.Station), row(a.Reference)
		hours, bias := 0, 0.0
		for i := range mine {
			if mine[i] != reading.Missing && theirs[i] != reading.Missing {
				hours, bias = hours+1, bias+float64(mine[i]-theirs[i])
			}
		}
		last := a.Months[len(a.Months)-1]
		require.Equal(t, hours, last.Hours)
		require.InDelta(t, bias/float64(hours)/reading.HourScale, last.Bias, 1e-4)
	}
}

func TestANewDeviceOrPlaceBeginsAnew(t *testing.T) {
	n := newNetwork(t)
	kit := n.add(t, "kit", reading.KindSensor, 4.8, 52.4, false)
	ref := n.add(t, "ref", reading.KindReference, 4.8, 52.41, false)
	for i := range reading.Month(6) {
		n.measure(t, ref, reading.NO2, october-5+i, wave)
		n.measure(t, kit, reading.NO2, october-5+i, plus([]float64{0, 0, 0, 1, 12, 14}[i]))
	}
	n.pass(t)
	a := n.stored(t, kit)[0]
	require.Equal(t, []string{"reference", "drift"}, causes(a.Remarks()), "means too far apart, and not so in the beginning")
	drift := a.Remarks()[1]
	assert.Equal(t, quality.Note, drift.Level)
	assert.Equal(t, []reading.Hour{(october - 1).First(), (october + 1).First()}, []reading.Hour{drift.From, drift.To})

	swap := (october - 1).First() + 100
	require.NoError(t, n.reg.AttachBoard(n.ctx, kit, reading.Board{From: swap.Start()}, "keeper", "vervangen"))
	require.Equal(t, 1, n.pass(t))
	a = n.stored(t, kit)[0]
	assert.Equal(t, swap, a.Since)
	assert.Equal(t, []string{"reference"}, causes(a.Remarks()), "the new device was never otherwise")
	require.Len(t, a.Months, 2)
	assert.Equal(t, (october-1).Hours()-100, a.Months[0].Hours)

	require.NoError(t, n.reg.AttachBoard(n.ctx, ref, reading.Board{From: swap.Start()}, "operator", "onderhoud"))
	pos, err := reading.NewSecretPosition(4.81, 52.4)
	require.NoError(t, err)
	require.NoError(t, n.reg.SetPosition(n.ctx, kit, pos, "keeper", "verhuisd"))
	n.pass(t)
	a = n.stored(t, kit)[0]
	assert.Equal(t, reading.HourOf(n.now), a.Since)
	assert.Empty(t, a.Months)
	assert.Equal(t, quality.NotCompared, a.Verdict())
	assert.Empty(t, a.Remarks(), "what cannot be told is no remark")
}

func causes(rs []quality.Remark) (keys []string) {
	for _, r := range rs {
		keys = append(keys, r.Cause)
	}
	return keys
}

// TestWithdrawnHoursAreInNoAssessment: from the moment of the withdrawal, whether
// or not the hours were computed anew, and back after it is restored.
func TestWithdrawnHoursAreInNoAssessment(t *testing.T) {
	n := newNetwork(t)
	kit := n.add(t, "kit", reading.KindSensor, 4.8, 52.4, false)
	ref := n.add(t, "ref", reading.KindReference, 4.8, 52.41, false)
	n.measure(t, kit, reading.NO2, october, wave)
	n.measure(t, ref, reading.NO2, october, wave)
	n.pass(t)
	before := n.stored(t, kit)
	end := (october + 1).First()
	kits := ingest.Period{From: (end - 50).Start().Add(30 * time.Minute), To: (end - 10).Start()}
	refs := ingest.Period{From: (end - 5).Start(), To: (end - 3).Start().Add(time.Millisecond)}
	require.NoError(t, n.reg.WithdrawPeriod(n.ctx, kit, kits, "keeper", "binnen"))
	assert.Empty(t, n.stored(t, kit), "gone at once")
	require.NoError(t, n.reg.WithdrawPeriod(n.ctx, ref, refs, "operator", "ijking"))
	n.pass(t)
	a := n.stored(t, kit)[0]
	assert.Equal(t, 28*24-40-3, a.Window.Hours, "every hour that they touch")
	assert.Equal(t, october.Hours()-40-3, a.Months[0].Hours)
	require.NoError(t, n.reg.RestorePeriod(n.ctx, kit, kits, "keeper", "toch buiten"))
	require.NoError(t, n.reg.RestorePeriod(n.ctx, ref, refs, "operator", "toch goed"))
	n.pass(t)
	require.Empty(t, cmp.Diff(before, n.stored(t, kit), cmpopts.EquateNaNs()))
}

// counting counts the blocks that are read.
type counting struct {
	*register.Register
	mu    sync.Mutex
	reads map[reading.StationID]int
}

// Block reads and counts.
func (c *counting) Block(ctx context.Context, s reading.StationID, p reading.Property, m reading.Month) (reading.Block, int64, error) {
	c.mu.Lock()
	c.reads[s]++
	c.mu.Unlock()
	return c.Register.Block(ctx, s, p, m)
}

// TestAReferenceIsReadOnceForAllSensors, and after that only what changed.
func TestAReferenceIsReadOnceForAllSensors(t *testing.T) {
	n := newNetwork(t)
	refs := []reading.StationID{n.add(t, "ref-a", reading.KindReference, 4.8, 52.41, false), n.add(t, "ref-b", reading.KindReference, 4.8, 52.42, false)}
	var kits []reading.StationID
	for i := range 130 { // three pages
		kits = append(kits, n.add(t, fmt.Sprintf("kit%03d", i), reading.KindSensor, 4.8, 52.4, false))
	}
	for m := october - 3; m <= october; m++ {
		for _, id := range slices.Concat(refs, kits) {
			n.measure(t, id, reading.NO2, m, wave)
		}
	}
	pass := func() map[reading.StationID]int {
		c := &counting{Register: n.reg, reads: map[reading.StationID]int{}}
		_, err := n.assessor(c).Once(n.ctx)
		require.NoError(t, err)
		return c.reads
	}
	reads := pass()
	assert.Equal(t, []int{4, 4, 4, 4}, []int{reads[refs[0]], reads[refs[1]], reads[kits[0]], reads[kits[129]]}, "once each month")
	assert.Empty(t, pass(), "nothing changed, nothing is read")
	n.measure(t, kits[7], reading.NO2, october, plus(1))
	reads = pass()
	assert.Equal(t, map[reading.StationID]int{refs[0]: 1, refs[1]: 1, kits[7]: 1}, reads, "its month, in which its latest weeks lie")
}

// TestAssessorsTakeTurns runs several as processes do.
func TestAssessorsTakeTurns(t *testing.T) {
	n := newNetwork(t)
	kit := n.add(t, "kit", reading.KindSensor, 4.8, 52.4, false)
	n.measure(t, kit, reading.NO2, october, wave)
	n.measure(t, n.add(t, "ref", reading.KindReference, 4.8, 52.41, false), reading.NO2, october, wave)
	passes := &turns{Register: n.reg}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { assert.NoError(t, n.assessor(passes).Run(ctx)) })
	}
	require.Eventually(t, func() bool { return len(n.stored(t, kit)) == 1 && passes.count("asked") > 20 }, time.Minute, time.Millisecond)
	cancel()
	wg.Wait()
	assert.Equal(t, 1, passes.count("surveys"), "one turn in an hour, by a clock that stands still")
}

type turns struct {
	*register.Register
	mu sync.Mutex
	n  map[string]int
}

func (c *turns) note(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[what]++
}

func (c *turns) count(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[what]
}

// TakeAssessmentTurn takes it and counts.
func (c *turns) TakeAssessmentTurn(ctx context.Context, every time.Duration) (bool, error) {
	c.note("asked")
	return c.Register.TakeAssessmentTurn(ctx, every)
}

// AssessedStations returns them and counts.
func (c *turns) AssessedStations(ctx context.Context) ([]ingest.AssessedStation, error) {
	c.note("surveys")
	return c.Register.AssessedStations(ctx)
}
