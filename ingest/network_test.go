package ingest_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/calibration"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// The stations of a town: two official ones some 8 km apart, sensors of two types
// around both.
const (
	west, east reading.StationID = "west", "east"
	pmNetwork                    = reading.Property("pm25-network")
)

// declare says of which type the sensor is since ever.
func (n *network) declare(t testing.TB, id reading.StationID, sensor reading.SensorType, from time.Time) {
	t.Helper()
	require.NoError(t, n.reg.DeclareParticle(n.ctx, id, sensor, from, "operator", ""))
}

func (n *network) corrector() *ingest.NetworkCorrector {
	return ingest.NewNetworkCorrector(ingest.NetworkOptions{Store: n.reg, Places: func(context.Context) (map[reading.StationID]reading.Place, error) {
		return maps.Clone(n.areas), nil
	}})
}

func (n *network) correct(t testing.TB) (changed int) {
	t.Helper()
	changed, err := n.corrector().Once(n.ctx)
	require.NoError(t, err)
	return changed
}

// corrected returns the hours that network factors corrected in a month.
func (n *network) corrected(t testing.TB, id reading.StationID, m reading.Month) []float64 {
	t.Helper()
	return n.hoursOf(t, id, pmNetwork, m)
}

// hoursOf returns the hours of a month, NaN for a missing one.
func (n *network) hoursOf(t testing.TB, id reading.StationID, p reading.Property, m reading.Month) []float64 {
	t.Helper()
	b, _, err := n.reg.Block(n.ctx, id, p, m)
	require.NoError(t, err)
	out := make([]float64, len(b.Values))
	for i := range out {
		out[i] = math.NaN()
		if b.Valid(i) {
			out[i] = reading.Unscaled(b.Values[i])
		}
	}
	return out
}

var longAgo = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

func times(f float64) func(reading.Hour) float64 {
	return func(h reading.Hour) float64 { return f * wave(h) }
}

// corrections has six sensors of type SDS011 that show twice too much in the west and
// four times in the east, three to each official station, and one between them.
func corrections(t testing.TB) *network {
	n := newNetwork(t)
	n.add(t, string(west), reading.KindReference, 4.80, 52.40, false)
	n.add(t, string(east), reading.KindReference, 4.92, 52.40, false)
	for _, id := range []reading.StationID{west, east} {
		n.measure(t, id, reading.PM25, october, times(1))
	}
	for i := range 3 {
		n.kit(t, fmt.Sprintf("w%d", i), 4.80, 2)
		n.kit(t, fmt.Sprintf("e%d", i), 4.92, 4)
	}
	n.kit(t, "middle", 4.86, 3)
	return n
}

// kit adds a sensor of type SDS011 that shows a multiple of the air, with the
// place of the neighbourhood that it stands in.
func (n *network) kit(t testing.TB, id string, lon, factor float64) reading.StationID {
	t.Helper()
	st := n.add(t, id, reading.KindSensor, lon+0.001, 52.401, false)
	n.areas[st] = reading.Place{Lon: lon, Lat: 52.40, Elev: math.NaN()}
	n.measure(t, st, reading.PM25, october, times(factor))
	n.declare(t, st, "SDS011", longAgo)
	return st
}

func TestSensorsAreCorrectedByTheFactorsAroundThem(t *testing.T) {
	n := corrections(t)
	other := n.kit(t, "other", 4.80, 2)
	n.declare(t, other, "SPS30", longAgo.Add(time.Hour))
	unknown := n.add(t, "unknown", reading.KindSensor, 4.80, 52.40, false)
	n.measure(t, unknown, reading.PM25, october, times(2))
	far := n.kit(t, "far", 6.80, 2)
	raw, _, err := n.reg.Block(n.ctx, "w0", reading.PM25, october)
	require.NoError(t, err)
	assert.Equal(t, 7, n.correct(t))
	for _, id := range []reading.StationID{other, unknown, far} {
		_, version, err := n.reg.Block(n.ctx, id, pmNetwork, october)
		require.NoError(t, err)
		assert.Zero(t, version, "%s: too few of its type, no type, no official station within reach", id)
	}
	// Half of the reach of the west, whose station is within 500 m; the east is
	// 8.1 km away, which is 8.5 in steps.
	near, away := 1/500.0/500, 1/8500.0/8500
	f := (near/2 + away/4) / (near + away)
	for i, v := range n.corrected(t, "w0", october) {
		h := october.First() + reading.Hour(i)
		want, _ := reading.Scaled(times(2)(h))
		require.InDelta(t, f*reading.Unscaled(want), v, 2e-3) // the hours are kept in 1/10,000
	}
	middle := n.corrected(t, "middle", october)
	require.InDelta(t, 3*wave(october.First())*(0.5+0.25)/2, middle[0], 2e-3, "as far from the one as from the other")
	same, _, err := n.reg.Block(n.ctx, "w0", reading.PM25, october)
	require.NoError(t, err)
	assert.Equal(t, raw, same, "the raw hours are as they were")
	assert.Zero(t, n.correct(t), "nothing changed")
}

func TestAnHourWithoutAFactorIsMissing(t *testing.T) {
	n := corrections(t)
	gap := func(value func(reading.Hour) float64, gone ...int) func(reading.Hour) float64 {
		return func(h reading.Hour) float64 {
			for _, g := range gone {
				if int(h-october.First()) == g {
					return math.NaN()
				}
			}
			return value(h)
		}
	}
	n.measure(t, west, reading.PM25, october, gap(times(1), 1, 3))
	n.measure(t, east, reading.PM25, october, gap(times(1), 1))
	n.measure(t, "w1", reading.PM25, october, gap(times(2), 2))
	n.measure(t, "w2", reading.PM25, october, gap(times(2), 4))
	n.measure(t, "e1", reading.PM25, october, gap(times(4), 2))
	n.correct(t)
	w0, w2 := n.corrected(t, "w0", october), n.corrected(t, "w2", october)
	assert.False(t, math.IsNaN(w0[0]))
	assert.True(t, math.IsNaN(w0[1]), "no official hour")
	assert.True(t, math.IsNaN(w0[2]), "two sensors around each official station")
	assert.InDelta(t, 2*wave(october.First()+3)/4, w0[3], 2e-3, "the factor of the other station")
	assert.True(t, math.IsNaN(w2[4]), "no raw hour")
}

// TestEveryInputOfAFactorIsFollowed changes one thing after the other. What no
// change concerns is not made anew.
func TestEveryInputOfAFactorIsFollowed(t *testing.T) {
	n := corrections(t)
	n.measure(t, "w0", reading.PM25, october-1, times(2))
	n.correct(t)
	at := func(id reading.StationID, hour int) float64 { return n.corrected(t, id, october)[hour] }
	before := at("w0", 30)

	n.measure(t, "w1", reading.PM25, october, times(2.1))
	assert.Equal(t, 7, n.correct(t), "all within reach of the station whose factor changed")
	assert.InDelta(t, before*6/6.1, at("w0", 30), 0.003*before, "the mean of its sensors is 6.1/3 instead of 2")

	hour := func(i int) time.Time { return (october.First() + reading.Hour(i)).Start() }
	period := ingest.Period{From: hour(30), To: hour(31)}
	require.NoError(t, n.reg.WithdrawPeriod(n.ctx, "w1", period, "keeper", "binnen"))
	_, version, err := n.reg.Block(n.ctx, "w1", pmNetwork, october)
	require.NoError(t, err)
	assert.Zero(t, version, "gone with the withdrawal")
	mine, err := n.reg.TakeNetworkTurn(n.ctx, time.Hour)
	require.NoError(t, err)
	assert.True(t, mine, "the next pass comes at once")
	assert.Equal(t, 7, n.correct(t))
	assert.True(t, math.IsNaN(at("w1", 30)))
	assert.False(t, math.IsNaN(at("w1", 31)))
	assert.InDelta(t, 2*wave(october.First()+30)/4, at("w0", 30), 2e-3, "two sensors are left in the west: the factor of the east")
	require.NoError(t, n.reg.RestorePeriod(n.ctx, "w1", period, "keeper", "toch niet"))
	n.correct(t)
	assert.InDelta(t, before*6/6.1, at("w0", 30), 0.003*before)

	require.NoError(t, n.reg.SetSiting(n.ctx, west, reading.SitingRoadside, "operator", ""))
	n.correct(t)
	assert.InDelta(t, 2*wave(october.First()+30)/4, at("w0", 30), 2e-3, "a station in a street gives no factor")
	require.NoError(t, n.reg.SetSiting(n.ctx, west, reading.SitingBackground, "operator", ""))

	n.declare(t, "w2", "SPS30", hour(100))
	n.correct(t)
	assert.InDelta(t, before*6/6.1, at("w0", 30), 0.003*before)
	assert.InDelta(t, 2*wave(october.First()+100)/4, at("w0", 100), 2e-3)
	assert.True(t, math.IsNaN(at("w2", 100)), "the only one of its type")
	require.NoError(t, n.reg.AttachBoard(n.ctx, "w0", reading.Board{Model: "nieuw", From: hour(60)}, "keeper", ""))
	n.correct(t)
	assert.False(t, math.IsNaN(at("w0", 59)))
	assert.True(t, math.IsNaN(at("w0", 60)), "nobody said of which type the sensor on the next board is")

	require.NoError(t, n.reg.DeleteStation(n.ctx, "e0"))
	n.correct(t)
	assert.True(t, math.IsNaN(at("e1", 100)), "two are left in the east and one in the west")
	require.NoError(t, n.reg.DeleteStation(n.ctx, west))
	require.NoError(t, n.reg.DeleteStation(n.ctx, east))
	n.correct(t)
	index, err := n.reg.BlockIndex(n.ctx)
	require.NoError(t, err)
	for _, b := range index {
		assert.NotEqual(t, pmNetwork, b.Property, "%s: nothing to correct by", b.Station)
	}
}

// TestANetworkFactorIsNeverOfAnotherPlace: hours of before a move count nowhere,
// and where in its neighbourhood a home stands changes nothing.
func TestANetworkFactorIsNeverOfAnotherPlace(t *testing.T) {
	n := corrections(t)
	n.correct(t)
	kept := map[reading.StationID][]float64{}
	all := []reading.StationID{"w0", "w1", "w2", "e0", "e1", "e2", "middle"}
	for _, id := range all {
		kept[id] = n.corrected(t, id, october)
	}
	twin := corrections(t)
	for i, id := range all {
		pos, err := reading.NewSecretPosition(4.75+0.03*float64(i), 52.35+0.02*float64(i%3))
		require.NoError(t, err)
		twin.now = october.First().Start() // before any hour
		require.NoError(t, twin.reg.SetPosition(twin.ctx, id, pos, "operator", "rechtgezet"))
	}
	twin.correct(t)
	for _, id := range all {
		assert.Equal(t, kept[id], twin.corrected(t, id, october), "%s: homes moved about inside their neighbourhoods", id)
	}
	pos, err := reading.NewSecretPosition(4.80, 52.40)
	require.NoError(t, err)
	twin.now = (october.First() + 10).Start()
	require.NoError(t, twin.reg.SetPosition(twin.ctx, "w0", pos, "keeper", "verhuisd"))
	twin.correct(t)
	w0, w1 := twin.corrected(t, "w0", october), twin.corrected(t, "w1", october)
	assert.True(t, math.IsNaN(w0[9]))
	assert.Equal(t, kept["w0"][10:], w0[10:])
	assert.InDelta(t, 2*wave(october.First()+9)/4, w1[9], 2e-3, "it stood elsewhere then and takes no part")
}

func TestSimulatedSensorsAreCorrectedByEachOther(t *testing.T) {
	n := newNetwork(t)
	n.add(t, string(west), reading.KindReference, 4.80, 52.40, false)
	n.add(t, "sim-official", reading.KindReference, 4.80, 52.40, true)
	n.measure(t, west, reading.PM25, october, times(1))
	n.measure(t, "sim-official", reading.PM25, october, times(10))
	for i := range 3 {
		n.kit(t, fmt.Sprintf("k%d", i), 4.80, 2)
		id := n.add(t, fmt.Sprintf("sim%d", i), reading.KindSensor, 4.80, 52.40, true)
		n.measure(t, id, reading.PM25, october, times(5))
		n.declare(t, id, "SDS011", longAgo)
	}
	n.correct(t)
	assert.InDelta(t, wave(october.First()), n.corrected(t, "k0", october)[0], 2e-3)
	assert.InDelta(t, 10*wave(october.First()), n.corrected(t, "sim0", october)[0], 2e-3)
}

// TestTheErrorOfTheNetworkLeavesEachStationOut: the west is predicted by the
// factor of the east, and the other way round.
func TestTheErrorOfTheNetworkLeavesEachStationOut(t *testing.T) {
	n := corrections(t)
	n.correct(t)
	all, err := n.reg.NetworkErrors(n.ctx)
	require.NoError(t, err)
	require.Len(t, all, 1)
	e := all[0]
	assert.Equal(t, []any{reading.PM25, reading.SensorType("SDS011"), false, october, 2, 2 * october.Hours()}, []any{e.Property, e.Sensor, e.Simulated, e.Month, e.Stations, e.Hours})
	mean, squares := 0.0, 0.0
	for h := october.First(); h < (october + 1).First(); h++ {
		mean, squares = mean+wave(h)/float64(october.Hours()), squares+wave(h)*wave(h)/float64(october.Hours())
	}
	assert.InDelta(t, mean, e.Reference, 1e-3)
	// West 2/4 of the air and east 4/2 of it; raw 2 and 4 times.
	assert.InDelta(t, mean*(-0.5+1)/2, e.Bias, 2e-3)
	assert.InDelta(t, math.Sqrt(squares*(0.25+1)/2), e.RMSE, 2e-3)
	assert.InDelta(t, mean*(1+3)/2, e.RawBias, 2e-3)
	assert.InDelta(t, math.Sqrt(squares*(1+9)/2), e.RawRMSE, 2e-3)
	version, _, err := n.reg.DataVersion(n.ctx)
	require.NoError(t, err)
	n.correct(t)
	same, _, err := n.reg.DataVersion(n.ctx)
	require.NoError(t, err)
	assert.Equal(t, version, same, "nothing changed")
	require.NoError(t, n.reg.DeleteStation(n.ctx, east))
	n.correct(t)
	all, err = n.reg.NetworkErrors(n.ctx)
	require.NoError(t, err)
	assert.Empty(t, all, "one station cannot be left out")
}

// TestNetworkFactorsFromManyAtOnce: what comes out is the same whoever made it.
func TestNetworkFactorsFromManyAtOnce(t *testing.T) {
	n := corrections(t)
	done := make(chan error, 3)
	for range cap(done) {
		go func() {
			_, err := n.corrector().Once(n.ctx)
			done <- err
		}()
	}
	for range cap(done) {
		require.NoError(t, <-done)
	}
	assert.Zero(t, n.correct(t))
	require.InDelta(t, 3*wave(october.First())*(0.5+0.25)/2, n.corrected(t, "middle", october)[0], 2e-3)
}

// refusing is a register in which a station is withdrawn from between the look at
// it and the storing of what was made of it.
type refusing struct {
	*register.Register
	before func()
}

func (r refusing) PutNetwork(ctx context.Context, seen map[reading.StationID]int64, c ingest.NetworkChange) error {
	r.before()
	return r.Register.PutNetwork(ctx, seen, c)
}

func TestWhatWasMadeBeforeAWithdrawalIsNotStored(t *testing.T) {
	n := corrections(t)
	once := true
	store := refusing{n.reg, func() {
		if once {
			once = false
			require.NoError(t, n.reg.WithdrawPeriod(n.ctx, "w0", ingest.Period{From: october.First().Start(), To: (october + 1).First().Start()}, "keeper", "binnen"))
		}
	}}
	_, err := ingest.NewNetworkCorrector(ingest.NetworkOptions{Store: store}).Once(n.ctx)
	require.NoError(t, err)
	_, version, err := n.reg.Block(n.ctx, "w0", pmNetwork, october)
	require.NoError(t, err)
	assert.Zero(t, version)
	n.correct(t)
	for _, v := range n.corrected(t, "w0", october) {
		require.True(t, math.IsNaN(v))
	}
}

func TestNamesOfNetworkSeries(t *testing.T) {
	for _, p := range calibration.NetworkProperties() {
		raw, ok := calibration.NetworkOf(string(calibration.NetworkSeries(p)))
		assert.True(t, ok)
		assert.Equal(t, p, raw)
		raw, ok = calibration.RawOf(string(calibration.NetworkSeries(p)))
		assert.True(t, ok)
		assert.Equal(t, p, raw)
		_, err := reading.ParseProperty(string(calibration.NetworkSeries(p)))
		assert.Error(t, err, "no station can report it")
	}
	_, ok := calibration.NetworkOf("no2-network")
	assert.False(t, ok)
	_, ok = calibration.NetworkOf("pm25-calibrated")
	assert.False(t, ok)
}
