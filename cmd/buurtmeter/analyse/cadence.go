package analyse

import (
	"fmt"
	"iter"
	"maps"
	"math/bits"
	"slices"
	"time"

	"buurtmeter/ingest/reading"
)

// gaps are how often rows that follow each other in time are so many minutes
// apart, whatever order they have in the file.
type gaps map[int]int

// gaps counts those of a station.
func (s *hourSet) gaps() gaps {
	g := gaps{}
	last, any := 0, false
	for minute := range s.minutes() {
		if any {
			g[minute-last]++
		}
		last, any = minute, true
	}
	return g
}

// minutes are those that have a row, since 1970 and in order. Only the hours
// that have rows are looked at.
func (s *hourSet) minutes() iter.Seq[int] {
	return func(yield func(int) bool) {
		for _, key := range slices.Sorted(maps.Keys(s.pages)) {
			p := s.pages[key]
			for i := range pageHours {
				for rows := p.rows(i); rows != 0; rows &= rows - 1 {
					if !yield((int(key)*pageHours+i)*60 + bits.TrailingZeros64(rows)) {
						return
					}
				}
			}
		}
	}
}

// rows are the minutes of an hour that have a row.
func (p *page) rows(i int) uint64 {
	switch {
	case p.fine != nil:
		return p.fine.rows[i]
	case p.minute[i] != noMinute:
		return 1 << p.minute[i]
	}
	return 0
}

// commonest returns the gap that occurs most, the shortest of equals, how often
// it does, and how many gaps there are.
func (g gaps) commonest() (gap, n, all int) {
	for minutes, times := range g {
		all += times
		if times > n || times == n && minutes < gap {
			gap, n = minutes, times
		}
	}
	return gap, n, all
}

// cadence is the time that a row stands for; 0 when there are no two rows. Where
// the clock of an instrument wanders, e.g. over 2 and 3 minutes, it is the mean,
// to half a minute.
func (g gaps) cadence() time.Duration {
	gap, n, _ := g.commonest()
	near, sum := 0, 0
	for minutes := max(gap-1, 1); minutes <= gap+1; minutes++ {
		near, sum = near+g[minutes], sum+minutes*g[minutes]
	}
	if gap >= 45 || 3*n >= 2*near {
		return time.Duration(gap) * time.Minute
	}
	return (time.Duration(sum) * time.Minute / time.Duration(near)).Round(30 * time.Second)
}

// every returns how long the rows of a station stand for. all are the gaps of
// all stations.
func (g *gathering) every(s *hourSet, all gaps) (time.Duration, error) {
	if g.rules.interval > 0 {
		return g.rules.interval, nil
	}
	own := s.gaps()
	step := own.cadence()
	// A station with a few scattered values says nothing of how they were made;
	// the file does. Nor does a file of two or three of them.
	const few = 3
	if gap, n, count := own.commonest(); gap == 0 || gap > 60 && (n < few || 2*n <= count) {
		if file := all.cadence(); file > 0 {
			step = file
		}
		if _, n, count := all.commonest(); n < 2 && count < few {
			step = time.Hour
		}
	}
	if step > time.Hour {
		return 0, problem(fmt.Errorf("%s: most rows of %q are %s apart, so they are no hour means", g.table.Name(), s.name, apart(step)),
			"give a file of hours or finer; if the rows are hours with many left out, add --interval 1h")
	}
	return step, nil
}

// dayMeans tells of rows that may be means of a day in a file of hours: a day
// apart, twenty times or more. Nothing when there are none.
func (s *hourSet) dayMeans() string {
	const least, day = 20, 24 * 60
	n := s.gaps()[day]
	if n < least {
		return ""
	}
	return fmt.Sprintf("%d rows come a day after the one before them, with nothing in between; each counts as one hour, so leave them out of the file if they are means of a day", n)
}

// apart writes a duration as people do.
func apart(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d == day:
		return "a day"
	case d%day == 0:
		return fmt.Sprintf("%d days", d/day)
	case d == time.Hour:
		return "an hour"
	case d > time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%d hours", d/time.Hour)
	case d == time.Minute:
		return "a minute"
	case d%time.Minute == 0:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return d.String()
}

// allGaps are those of all stations together.
func (g *gathering) allGaps() gaps {
	all := gaps{}
	for _, s := range g.order {
		for minutes, n := range s.gaps() {
			all[minutes] += n
		}
	}
	return all
}

// untangle leaves out the hours whose rows cannot be told apart: several an
// hour, of a local time that comes twice, in a file that is not in order. Single
// hours stay; they belong to the same day either way.
func (g *gathering) untangle(s *hourSet) {
	if !s.finer || !s.unordered() {
		return
	}
	for wall := range s.told {
		first, second, _ := moments(time.Unix(wall, 0).UTC(), g.rules.clock.zone)
		for _, at := range []time.Time{first, second} {
			if p, i := s.page(reading.HourOf(g.begun(at))); p.clear(i) {
				s.mixed++
			}
		}
	}
}

// clear leaves out the value of an hour and tells whether there was one.
func (p *page) clear(i int) (had bool) {
	p.keep(i, -p.restOf(i))
	if f := p.fine; f != nil {
		had = f.n[i] > 0
		f.sum[i], f.mask[i], f.n[i] = 0, 0, 0
		return had
	}
	had = p.values[i] != reading.Missing
	p.values[i] = reading.Missing
	return had
}
