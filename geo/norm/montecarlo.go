package norm

import (
	"math"
	"slices"
	"sync"

	"buurtmeter/ingest/reading"
)

// The number of periods above a norm is uncertain because each of them is. It
// is simulated (GUM Supplement 1: propagation of distributions): in each of
// `draws` simulated years, every period's value gets an error made of two
// parts, one that all periods share (the calibration of the instrument is too
// high or too low all year) and one of its own, and the periods that are then
// above the norm are counted.
//
// The errors are drawn once, from a fixed seed, and kept as whole numbers, so
// that every machine gives the same answer; every period of the year has its
// own, whatever the norm. Each set of them is a shuffled list of equally likely
// values (Latin hypercube), which makes the answer steadier than free draws.
const (
	// draws is the number of simulated years. A probability is a multiple of
	// 1/1024.
	draws = 1024
	// rows is the number of different sets of own errors. Period i uses row
	// i mod rows, begun at another place each time round, so that no two periods
	// of a year share their errors.
	rows = 64
	// turn is the distance between these places: odd, so that they are all
	// different.
	turn = 7
	// stepsPerSD is the resolution of the errors, per standard deviation.
	stepsPerSD = 4096
	// nearSD is how far from the norm, in standard deviations, a period still is
	// in doubt: further off, an error that takes it across comes once in 30,000
	// years.
	nearSD = 4
	// commonShare is the share of a period's variance that all periods have in
	// common. It is our own choice: the directives do not split their
	// uncertainty, and of what is known of sensors the drift and the slope, which
	// all hours share, weigh about as much as the scatter.
	commonShare = 0.5
	// seed makes the draws what they are. Any other would do as well.
	seed = 0x6275757274 // "buurt"
)

// drawTable holds the errors in steps.
type drawTable struct {
	common [draws]int32
	own    [rows][2 * draws]int16 // each row twice, so that it can be begun anywhere
}

// drawn returns the table, which is computed when it is first needed and never
// changes.
var drawn = sync.OnceValue(newDrawTable) //nolint:gochecknoglobals // a constant that is too large to be written down

func newDrawTable() *drawTable {
	var t drawTable
	var quantiles [draws]float64
	for k := range quantiles {
		quantiles[k] = math.Sqrt2 * math.Erfinv((2*float64(k)+1)/draws-1)
	}
	for k, q := range quantiles {
		t.common[k] = int32(math.Round(q * math.Sqrt(commonShare) * stepsPerSD))
	}
	rng := splitMix(seed)
	for r := range t.own {
		row := &t.own[r]
		for k, q := range quantiles {
			row[k] = int16(math.Round(q * math.Sqrt(1-commonShare) * stepsPerSD))
		}
		for k := draws - 1; k > 0; k-- {
			j := rng.below(uint64(k) + 1)
			row[k], row[j] = row[j], row[k]
		}
		copy(row[draws:], row[:draws])
	}
	return &t
}

// splitMix is the generator SplitMix64 (Steele, Lea and Flood 2014), in full
// here because what a library draws from a seed may change with its version.
type splitMix uint64

func (s *splitMix) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 up to n; the bias of the remainder is below
// n/2⁶⁴.
func (s *splitMix) below(n uint64) uint64 { return s.next() % n }

// counter counts the periods above a limit: as they were measured, and in every
// simulated year. It is meant to live on the stack.
type counter struct {
	comparison
	// measured is the number of periods above the limit as measured, sure of
	// those that are so in every simulated year.
	measured, sure int
	// doubtful tells that there are periods that are above in some years only;
	// above counts them.
	doubtful bool
	above    [draws]uint16
}

// add takes in period i, counted from the beginning of what is judged.
func (c *counter) add(i int, s Sum) {
	x, ok := s.Mean()
	if !ok {
		return
	}
	if c.exceeds(s) {
		c.measured++
	}
	t := c.distance(x)
	switch {
	case t < -nearSD:
		c.sure++
		return
	case !(t < nearSD):
		return
	}
	c.doubtful = true
	steps := int32(math.Floor(t * stepsPerSD))
	table := drawn()
	start := i / rows * turn % draws
	own := (*[draws]int16)(table.own[i%rows][start : start+draws])
	for k, e := range table.common {
		// The sign of the difference, without a branch that nobody could predict.
		c.above[k] += uint16(uint32(steps-e-int32(own[k])) >> 31)
	}
}

// addHours takes in every valid hour of a year that begins as period `from`.
func (c *counter) addHours(values []int32, scale Scale, from int) {
	// Few hours come near the norm, so that one comparison does for nearly all.
	// Missing is below every value that is not unreachable.
	far := max(math.Floor(c.unreachable(nearSD)/scale.Float())-1, float64(reading.Missing))
	for i, x := range values {
		if float64(x) > far {
			c.add(from+i, Sum{Total: int64(x), N: 1, Scale: scale})
		}
	}
}

// interval returns the 2.5 and 97.5 percentiles (nearest rank) of the counts of
// the simulated years.
func (c *counter) interval() (low, high int) {
	if !c.doubtful {
		return c.sure, c.sure
	}
	sorted := c.above
	slices.Sort(sorted[:])
	const tail = draws * 25 / 1000
	return c.sure + int(sorted[tail]), c.sure + int(sorted[draws-1-tail])
}

// probability returns the share of the simulated years with more than allowed
// periods above the limit.
func (c *counter) probability(allowed int) float64 {
	n := 0
	for _, a := range c.above {
		if c.sure+int(a) > allowed {
			n++
		}
	}
	return float64(n) / draws
}
