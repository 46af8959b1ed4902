package analyse

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// pageHours is how many hours share a page. Only pages that have a row take
// memory: five bytes an hour, twenty-six more where an hour has rows of several
// minutes, and eight a minute where rows come several times a minute.
const pageHours = 512

// hourSet gathers the values of one station, in whatever order they come.
type hourSet struct {
	name  string
	pages map[reading.Hour]*page
	// places is how many decimals of the file are kept: all of them, as long as
	// the largest value fits in an int32.
	places  int
	largest int64 // the largest |value| in 1/10^places

	years             map[int]bool
	last              time.Time
	latest            reading.Hour  // the last in time with a row
	forward, backward int           // rows after the one before them in the file, and before it
	told              map[int64]int // local times that come twice, and which of both they stood for
	finer             bool
	values            int
	rounded           int
	repeated          int
	unsure            int
	contradicted      int
	contradictLines   []int
	empty             int
	byOrder           int
	mixed             int // hours left out because their rows cannot be told apart
}

// noMinute is the minute of an hour without a row.
const noMinute = 255

type page struct {
	values [pageHours]int32
	minute [pageHours]uint8 // of the row, with or without a value
	fine   *finePage
	rest   *[pageHours]int64 // what was rounded off, by hour; nil as long as nothing was
}

// finePage takes over from a page when an hour has rows of a second minute, or
// a second value.
type finePage struct {
	sum  [pageHours]int64
	mask [pageHours]uint64 // the minutes that have a value
	rows [pageHours]uint64 // the minutes that have a row, with or without a value
	n    [pageHours]uint16
	// seconds are the seconds that have a value, by minute of the page; nil as
	// long as they are all the first.
	seconds []uint64
}

func newHourSet(name string) *hourSet {
	return &hourSet{name: name, latest: math.MinInt32, pages: map[reading.Hour]*page{}, years: map[int]bool{}, told: map[int64]int{}}
}

// page returns the page of an hour, made when it is not there, and the place of
// the hour on it.
func (s *hourSet) page(h reading.Hour) (p *page, i int) {
	key := h >> 9 // pageHours, also below 0
	if p = s.pages[key]; p == nil {
		p = &page{}
		for i := range p.values {
			p.values[i], p.minute[i] = reading.Missing, noMinute
		}
		s.pages[key] = p
	}
	return p, int(h - key<<9)
}

// seen tells of a row, whether it has a value or not.
func (s *hourSet) seen(at time.Time, year int) {
	s.years[year] = true
	if !s.last.IsZero() {
		switch at.Compare(s.last) {
		case 1:
			s.forward++
		case -1:
			s.backward++
		}
	}
	s.last = at
	s.latest = max(s.latest, reading.HourOf(at))
	p, i := s.page(reading.HourOf(at))
	minute := uint8(at.Minute())
	switch {
	case p.fine != nil:
	case p.minute[i] == noMinute:
		p.minute[i] = minute
	case p.minute[i] != minute:
		p.refine()
	}
	if p.fine != nil {
		p.fine.rows[i] |= 1 << minute
	}
}

// unordered tells that rows go back and forth in time: more than one in fifty
// against the way of the others.
func (s *hourSet) unordered() bool {
	return 50*min(s.forward, s.backward) > s.forward+s.backward
}

// add takes a value for the moment of a row that was seen. A second that has a
// value already is a duplicate.
func (s *hourSet) add(at time.Time, d Decimal, line int) error {
	v, err := s.fit(d)
	if err != nil {
		return err
	}
	s.values++
	p, i := s.page(reading.HourOf(at))
	minute, second := at.Minute(), at.Second()
	if p.fine == nil {
		old := p.values[i]
		switch {
		case old == reading.Missing && second == 0:
			p.values[i] = int32(v)
			p.keep(i, d.rest(s.places))
			return nil
		case old != reading.Missing && second == 0: // the one before stands at the minute too
			s.duplicate(true, int64(old) == v, line)
			return nil
		}
		p.refine()
	}
	f := p.fine
	if f.taken(i, minute, second) {
		s.duplicate(f.n[i] == 1, f.sum[i] == v, line)
		return nil
	}
	s.finer = s.finer || f.n[i] > 0
	f.add(i, minute, v)
	p.keep(i, d.rest(s.places))
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
		if p.minute[i] == noMinute {
			continue
		}
		p.fine.rows[i] = 1 << p.minute[i]
		if v != reading.Missing {
			p.fine.add(i, int(p.minute[i]), int64(v))
		}
	}
}

// taken tells whether a second has a value, and marks it.
func (f *finePage) taken(i, minute, second int) bool {
	if f.seconds == nil {
		if second == 0 {
			return f.mask[i]&(1<<minute) != 0
		}
		f.seconds = make([]uint64, pageHours*60)
		for j, m := range f.mask {
			for ; m != 0; m &= m - 1 {
				f.seconds[60*j+bits.TrailingZeros64(m)] = 1
			}
		}
	}
	had := f.seconds[60*i+minute]
	f.seconds[60*i+minute] = had | 1<<second
	return had&(1<<second) != 0
}

// add adds a value. The 3600 seconds of an hour fit in its count.
func (f *finePage) add(i, minute int, v int64) {
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
	more := places > s.places
	for _, p := range s.pages {
		s.rounded += p.rescale(more)
	}
	if more {
		s.largest *= 10
	} else {
		s.largest, _ = divide(s.largest, 10)
	}
	s.places = places
}

// vector is what a hourSet makes of its hours.
type vector struct {
	// scale is that of the hours: of a step of the values, divided by steps.
	scale     norm.Scale
	steps     int64
	stretches []stretch
}

// vector says how hours are formed of values in unit when rows stand for so
// long. Decimals that cannot be compared exactly in the unit are rounded off.
//
// A mean of several values is exact where one step can be divided by every
// number of them that occurs, as with five or six of six; otherwise it gets as
// many more decimals as fit.
func (s *hourSet) vector(all []stretch, unit norm.Scale) (vector, error) {
	scaled := func(steps int64) (norm.Scale, error) {
		den := unit.Den * pow10(s.places)
		if steps > math.MaxInt64/den {
			return norm.Scale{}, errors.New("the steps are too small")
		}
		return norm.NewScale(unit.Num, den*steps)
	}
	scale, err := scaled(1)
	for err != nil && s.places > 0 {
		s.rescale(s.places - 1)
		scale, err = scaled(1)
	}
	v := vector{scale: scale, steps: 1, stretches: all}
	if err != nil || !s.finer {
		return v, err
	}
	most := math.MaxInt32 / max(s.largest, 1)
	if steps := s.divisor(v.coarsest(), most); steps > 0 {
		if scale, err := scaled(steps); err == nil {
			v.scale, v.steps = scale, steps
			return v, nil
		}
	}
	for v.steps <= most/10 {
		scale, err := scaled(v.steps * 10)
		if err != nil {
			break
		}
		v.scale, v.steps = scale, v.steps*10
	}
	return v, nil
}

// divisor is the least number that can be divided by how many values each hour
// has, of those that may count when a row stands for so long; 0 when it is above
// most.
func (s *hourSet) divisor(each time.Duration, most int64) int64 {
	var counts [60*60 + 1]bool
	for _, p := range s.pages {
		for i := range pageHours {
			if mask, _, n := p.hour(i); covered(mask, each) {
				counts[n] = true
			}
		}
	}
	least := int64(1)
	for n, occurs := range counts {
		if !occurs || least%int64(n) == 0 {
			continue
		}
		a, b := least, int64(n)
		for b != 0 {
			a, b = b, a%b
		}
		if least *= int64(n) / a; least > most {
			return 0
		}
	}
	return least
}

// covered tells whether the minutes that have a value make an hour when each
// stands for so long.
func covered(minutes uint64, each time.Duration) bool {
	return time.Duration(bits.OnesCount64(minutes))*max(each, time.Minute) >= reading.ValidCapture*time.Minute
}

// coarsest is the longest cadence.
func (v vector) coarsest() time.Duration {
	return slices.MaxFunc(v.stretches, func(a, b stretch) int { return cmp.Compare(a.every, b.every) }).every
}

// leftOut counts hours with values that do not make an hour mean: of less than
// 45 minutes, and those within which the cadence changes.
type leftOut struct{ short, torn int }

// hours returns the hours from first on, in the scale of v, those that were left
// out, and what was rounded off each hour, in its steps; nil when nothing was.
func (s *hourSet) hours(v vector, first reading.Hour, n int) (values []int32, rests []float64, left leftOut) {
	values = make([]int32, n)
	at := 0 // the stretch in which the hour begins
	for i := range values {
		values[i] = reading.Missing
		h := first + reading.Hour(i)
		p := s.pages[h>>9]
		if p == nil {
			continue
		}
		mask, sum, count := p.hour(int(h - h>>9<<9))
		if count == 0 {
			continue
		}
		at = v.stretchAt(at, int64(h)*60+int64(bits.TrailingZeros64(mask)))
		switch {
		case v.stretchAt(at, int64(h)*60+int64(bits.Len64(mask))-1) != at:
			left.torn++
		case !covered(mask, v.stretches[at].every):
			left.short++
		default:
			mean, exact := divide(sum*v.steps, count)
			values[i] = int32(mean)
			if rest := p.restOf(int(h - h>>9<<9)); rest != 0 || !exact {
				if rests == nil {
					rests = make([]float64, n)
				}
				rests[i] = (float64(sum*v.steps-mean*count) + float64(rest)/restPart*float64(v.steps)) / float64(count)
			}
		}
	}
	return values, rests, left
}

// stretchAt is the stretch that a minute lies in, this one or a later one.
func (v vector) stretchAt(at int, minute int64) int {
	for at+1 < len(v.stretches) && int64(v.stretches[at+1].from) <= minute {
		at++
	}
	return at
}

// hour returns the minutes of an hour that have a value, with the sum and the
// number of its values.
func (p *page) hour(i int) (mask uint64, sum, count int64) {
	switch {
	case p.fine != nil:
		return p.fine.mask[i], p.fine.sum[i], int64(p.fine.n[i])
	case p.values[i] != reading.Missing:
		return 1 << p.minute[i], int64(p.values[i]), 1
	}
	return 0, 0, 0
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
	add(min(s.rounded, s.values), "values have more decimals than can be kept beside the largest value; counts and verdicts go by %d of them", s.places)
	if s.unordered() {
		add(s.mixed, "hours are left out: local times come twice there, when the clock goes back, and the rows are not in order, so they cannot be told apart; give times with their zone")
		if s.mixed == 0 {
			add(len(s.told), "local times come twice, when the clock goes back, and the rows are not in order: which value is of which hour cannot be told. Means and counts of hours and days are the same either way, 8-hour means may not be")
		}
		return notes
	}
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
