package analyse

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// pageHours is how many hours share a page. Only pages that hold a value take
// memory: five bytes an hour, twenty-one more where an hour has several values.
const pageHours = 512

// hourSet gathers the values of one station, in whatever order they come.
type hourSet struct {
	name  string
	pages map[reading.Hour]*page
	// places is how many decimals of the file are kept: all of them, as long as
	// the largest value fits in an int32.
	places  int
	largest int64 // the largest |value| in 1/10^places

	years           map[int]bool
	last            time.Time
	steps           map[time.Duration]int
	stepped, close  int           // steps in all, and those below a minute
	told            map[int64]int // local times that come twice, and which of both they stood for
	finer           bool
	rounded         int
	repeated        int
	unsure          int
	contradicted    int
	contradictLines []int
	empty           int
	byOrder         int
}

type page struct {
	values [pageHours]int32
	minute [pageHours]uint8
	fine   *finePage
}

// finePage takes over from a page when an hour has a second value.
type finePage struct {
	sum  [pageHours]int64
	mask [pageHours]uint64 // the minutes that have a value
	n    [pageHours]uint16
}

func newHourSet(name string) *hourSet {
	return &hourSet{name: name, pages: map[reading.Hour]*page{}, years: map[int]bool{}, steps: map[time.Duration]int{}, told: map[int64]int{}}
}

// maxSteps bounds how many different distances between rows are remembered.
const maxSteps = 256

// seen tells of a row, whether it has a value or not.
func (s *hourSet) seen(at time.Time, year int) {
	s.years[year] = true
	if !s.last.IsZero() {
		step := at.Sub(s.last).Abs()
		if _, known := s.steps[step]; step > 0 && (known || len(s.steps) < maxSteps) {
			s.steps[step]++
		}
		if s.stepped++; step > 0 && step < time.Minute {
			s.close++
		}
	}
	s.last = at
}

// add takes a value for the minute of at. again tells that the row before had
// the same time. A minute that has a value already is a duplicate, unless the
// rows come several times a minute.
func (s *hourSet) add(at time.Time, d Decimal, line int, again bool) error {
	v, err := s.fit(d)
	if err != nil {
		return err
	}
	h := reading.HourOf(at)
	key := h >> 9 // pageHours, also below 0
	p := s.pages[key]
	if p == nil {
		p = &page{}
		for i := range p.values {
			p.values[i] = reading.Missing
		}
		s.pages[key] = p
	}
	i, minute := int(h-key<<9), uint8(at.Minute())
	twice := again || 2*s.close <= s.stepped
	if f := p.fine; f != nil {
		if f.mask[i]&(1<<minute) != 0 && twice {
			s.duplicate(f.n[i] == 1, f.sum[i] == v, line)
			return nil
		}
		f.add(i, minute, v)
		return nil
	}
	switch old := p.values[i]; {
	case old == reading.Missing:
		p.values[i], p.minute[i] = int32(v), minute
	case p.minute[i] == minute && twice:
		s.duplicate(true, int64(old) == v, line)
	default:
		s.finer = true
		p.refine()
		p.fine.add(i, minute, v)
	}
	return nil
}

// duplicate counts a time that came before. The first value stands.
func (s *hourSet) duplicate(comparable, equal bool, line int) {
	switch {
	case !comparable:
		s.unsure++
	case equal:
		s.repeated++
	default:
		s.contradicted++
		if len(s.contradictLines) < 5 {
			s.contradictLines = append(s.contradictLines, line)
		}
	}
}

func (p *page) refine() {
	p.fine = &finePage{}
	for i, v := range p.values {
		if v != reading.Missing {
			p.fine.add(i, p.minute[i], int64(v))
		}
	}
}

func (f *finePage) add(i int, minute uint8, v int64) {
	if f.n[i] == math.MaxUint16 {
		return // 18 a second: what comes then changes nothing
	}
	f.sum[i] += v
	f.mask[i] |= 1 << minute
	f.n[i]++
}

// fit returns the value in 1/10^places, after making room for its decimals
// where there is.
func (s *hourSet) fit(d Decimal) (int64, error) {
	for d.Places > s.places && s.largest <= math.MaxInt32/10 {
		if v, _ := d.in(s.places + 1); magnitude(v) > math.MaxInt32 {
			break
		}
		s.rescale(s.places + 1)
	}
	v, exact := d.in(s.places)
	for magnitude(v) > math.MaxInt32 && s.places > 0 {
		s.rescale(s.places - 1)
		v, exact = d.in(s.places)
	}
	if magnitude(v) > math.MaxInt32 {
		return 0, fmt.Errorf("the value is above %d", math.MaxInt32)
	}
	if !exact || d.Cut {
		s.rounded++
	}
	s.largest = max(s.largest, magnitude(v))
	return v, nil
}

func magnitude(v int64) int64 { return max(v, -v) }

// in returns the number in 1/10^places, halves away from zero, and whether that
// is exact. What is too large is beyond every int32.
func (d Decimal) in(places int) (v int64, exact bool) {
	if places >= d.Places {
		f := pow10(places - d.Places)
		if magnitude(d.Unscaled) > math.MaxInt32 && f > 1 || magnitude(d.Unscaled) > math.MaxInt64/f {
			return math.MaxInt64 / 2, false
		}
		return d.Unscaled * f, true
	}
	return divide(d.Unscaled, pow10(d.Places-places))
}

// divide rounds a/b, halves away from zero, and tells whether it is exact.
func divide(a, b int64) (q int64, exact bool) {
	q, rest := a/b, a%b
	if magnitude(rest) >= b-magnitude(rest) {
		if a < 0 {
			return q - 1, false
		}
		return q + 1, false
	}
	return q, rest == 0
}

// rescale changes the number of decimals of everything that was gathered.
func (s *hourSet) rescale(places int) {
	change := func(v int64) int64 { return v * 10 }
	if places < s.places {
		change = func(v int64) int64 {
			q, exact := divide(v, 10)
			if !exact {
				s.rounded++
			}
			return q
		}
	}
	for _, p := range s.pages {
		for i, v := range p.values {
			if v != reading.Missing {
				p.values[i] = int32(change(int64(v)))
			}
		}
		if p.fine != nil {
			for i, v := range p.fine.sum {
				p.fine.sum[i] = change(v)
			}
		}
	}
	s.largest = change(s.largest)
	s.places = places
}

// cadence is the distance that most rows have from the one before; 0 when there
// are no two rows.
func cadence(steps map[time.Duration]int) time.Duration {
	best, most := time.Duration(0), 0
	for step, n := range steps {
		if n > most || n == most && step < best {
			best, most = step, n
		}
	}
	return best
}

// extraPlaces is how many more decimals a mean of several values gets, as far
// as they fit.
const extraPlaces = 4

// vector is what a hourSet makes of its hours.
type vector struct {
	places int
	steps  int64 // 10^more, by which values of one number are multiplied
	every  time.Duration
}

// vector says how hours are formed when a row stands for so long.
func (s *hourSet) vector(every time.Duration) vector {
	v := vector{places: s.places, steps: 1, every: every}
	if !s.finer {
		return v
	}
	for range extraPlaces {
		if s.largest*v.steps > math.MaxInt32/10 {
			break
		}
		v.places, v.steps = v.places+1, v.steps*10
	}
	return v
}

// hours returns the hours from first on, for a scale of 1/10^places, and how
// many of them have values for less than 45 minutes.
func (s *hourSet) hours(v vector, first reading.Hour, n int) (values []int32, short int) {
	values = make([]int32, n)
	each := max(int(v.every/time.Minute), 1)
	for i := range values {
		values[i] = reading.Missing
		h := first + reading.Hour(i)
		p := s.pages[h>>9]
		if p == nil {
			continue
		}
		at := int(h - h>>9<<9)
		covered, sum, count := 0, int64(0), int64(0)
		switch {
		case p.fine != nil:
			covered, sum, count = bits.OnesCount64(p.fine.mask[at])*each, p.fine.sum[at], int64(p.fine.n[at])
		case p.values[at] != reading.Missing:
			covered, sum, count = each, int64(p.values[at]), 1
		}
		switch {
		case count == 0:
		case covered < reading.ValidCapture:
			short++
		default:
			mean, _ := divide(sum*v.steps, count)
			values[i] = int32(mean)
		}
	}
	return values, short
}

// notes says what the reader of an answer has to know about the rows.
func (s *hourSet) notes() (notes []string) {
	add := func(n int, text string, args ...any) {
		if n > 0 {
			notes = append(notes, fmt.Sprintf("%d ", n)+fmt.Sprintf(text, args...))
		}
	}
	add(s.repeated, "rows repeat the time and the value of an earlier one; they count once")
	add(s.contradicted, "rows have the time of an earlier one and another value; the first counts (first lines: %s)", lines(s.contradictLines))
	add(s.unsure, "rows have the time of an earlier one within an hour of several values; the first counts")
	add(s.rounded, "values have more decimals than can be kept beside the largest value; they were rounded to %d", s.places)
	add(s.byOrder, "local times come twice, when the clock goes back; they were told apart by their order")
	once := 0
	for _, n := range s.told {
		if n != earlier|later {
			once++
		}
	}
	add(once, "local times of the hour that comes twice stand in the file once; the order of the rows decided which one it is")
	return notes
}

func lines(ns []int) string {
	texts := make([]string, len(ns))
	for i, n := range ns {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ", ")
}

// scaleOf returns the scale of a vector whose unit is unit.
func scaleOf(unit norm.Scale, places int) (norm.Scale, error) {
	return norm.NewScale(unit.Num, unit.Den*pow10(places))
}
