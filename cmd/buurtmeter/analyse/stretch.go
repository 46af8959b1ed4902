package analyse

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// stretch is a part of the rows of a station in which each stands for as long:
// from the row at a minute since 1970 to that of the next stretch.
type stretch struct {
	from  int32
	every time.Duration
}

// What a coarser stretch takes: a day without a row in between, most of its
// rows as far apart as its cadence asks. Rows that are lost now and then in a
// finer one do not make that.
const (
	leastGaps = 24
	leastSpan = 24 * 60 // minutes
	// fewGaps are no stretch of their own.
	fewGaps = 6
)

// rhythm is a cadence that occurs in a file: gaps of so many minutes, at least
// and at most, where the clock wanders.
type rhythm struct {
	low, high int32
	every     time.Duration
}

// near tells that a gap is one of the rhythm.
func (r rhythm) near(gap int32) bool { return gap >= r.low-1 && gap <= r.high+1 }

// rhythms are the cadences of an hour and less in the gaps, the finest first.
func (g gaps) rhythms() (all []rhythm) {
	for _, gap := range slices.Sorted(maps.Keys(g)) {
		if g[gap] < leastGaps || gap > 61 {
			continue
		}
		if n := len(all); n > 0 && int32(gap)-all[n-1].high <= 1 {
			all[n-1].high = int32(gap)
			continue
		}
		all = append(all, rhythm{low: int32(gap), high: int32(gap)})
	}
	for i, r := range all {
		own := gaps{}
		for gap := r.low; gap <= r.high; gap++ {
			own[int(gap)] = g[int(gap)]
		}
		all[i].every = own.cadence()
	}
	return all
}

// stretches divides the rows of a station where their cadence changes for a day
// or more, as in a file of hours that goes on in ten minutes. usual is the
// cadence of the whole. ends says that the time of a row is the end of what it
// stands for.
func (s *hourSet) stretches(usual time.Duration, ends bool) []stretch {
	all := s.gaps().rhythms()
	if len(all) < 2 {
		return []stretch{{every: usual}}
	}
	d := division{rhythms: all, usual: usual}
	for minute := range s.minutes() {
		d.minutes = append(d.minutes, int32(minute))
	}
	d.divide(0, len(d.minutes)-1, len(all)-1, 0)
	if len(d.regions) < 2 {
		return []stretch{{every: usual}}
	}
	return d.stretches(ends)
}

// division is the rows of a station in order of time, and what it finds in them.
type division struct {
	minutes []int32
	rhythms []rhythm
	usual   time.Duration
	regions []region
}

// region is the gaps from one up to another: gap i lies between rows i and i+1.
type region struct {
	from, to int
	every    time.Duration
}

func (d *division) gap(i int) int32 { return d.minutes[i+1] - d.minutes[i] }

// divide finds the regions of the rhythm, and between them those of finer ones.
// around is the cadence of what the gaps lie in, 0 when they are all gaps.
func (d *division) divide(from, to, rhythm int, around time.Duration) {
	if from >= to {
		return
	}
	if rhythm == 0 {
		d.rest(from, to, around)
		return
	}
	every := d.rhythms[rhythm].every
	done, found := from, false
	for at := from; at < to; {
		end := at
		for end < to && d.gap(end) >= d.rhythms[rhythm].low-1 {
			end++
		}
		if a, b, ok := d.trim(at, end, d.rhythms[rhythm]); ok {
			d.divide(done, a, rhythm-1, every)
			d.regions = append(d.regions, region{a, b, every})
			done, found = b, true
		}
		at = end + 1
	}
	if found {
		around = every
	}
	d.divide(done, to, rhythm-1, around)
}

// trim takes from both ends what is no gap of the rhythm, and tells whether the
// rest is a stretch of it.
func (d *division) trim(from, to int, r rhythm) (a, b int, ok bool) {
	for from < to && !r.near(d.gap(from)) {
		from++
	}
	for from < to && !r.near(d.gap(to-1)) {
		to--
	}
	regular := 0
	for i := from; i < to; i++ {
		if r.near(d.gap(i)) {
			regular++
		}
	}
	return from, to, regular >= leastGaps && 2*regular >= to-from && d.minutes[to]-d.minutes[from] >= leastSpan
}

// rest is a region that no coarser rhythm takes: its cadence is its own.
func (d *division) rest(from, to int, around time.Duration) {
	own := gaps{}
	for i := from; i < to; i++ {
		own[int(d.gap(i))]++
	}
	every := own.cadence()
	switch {
	case around == 0:
		every = d.usual
	case to-from < fewGaps:
		every = around
	case every > time.Hour:
		every = d.usual
	}
	d.regions = append(d.regions, region{from, to, every})
}

// stretches gives each row the cadence of the gap that it stands for: that
// behind it, or before it where times are ends. A row at an outage has that of
// its other side.
func (d *division) stretches(ends bool) (all []stretch) {
	slices.SortFunc(d.regions, func(a, b region) int { return cmp.Compare(a.from, b.from) })
	regular := func(r region, gap int) bool {
		minutes := int32(r.every / time.Minute)
		return gap >= r.from && gap < r.to && d.gap(gap) >= minutes-1 && d.gap(gap) <= minutes+2
	}
	at := 0
	for row, minute := range d.minutes {
		for at+1 < len(d.regions) && d.regions[at].to < row {
			at++
		}
		// Gap row-1 lies in this region, gap row in this one or in the next.
		before, behind := d.regions[at], d.regions[at]
		if row == behind.to && at+1 < len(d.regions) {
			behind = d.regions[at+1]
		}
		own, other := behind, before
		gapOwn, gapOther := row, row-1
		if ends {
			own, other, gapOwn, gapOther = before, behind, row-1, row
		}
		if !regular(own, gapOwn) && regular(other, gapOther) {
			own = other
		}
		if len(all) == 0 || all[len(all)-1].every != own.every {
			all = append(all, stretch{minute, own.every})
		}
	}
	return all
}

// finest is the shortest cadence of the stretches.
func finest(all []stretch) time.Duration {
	return slices.MinFunc(all, func(a, b stretch) int { return cmp.Compare(a.every, b.every) }).every
}

// told describes stretches for people.
func told(all []stretch) string {
	const most = 4
	var parts []string
	for i, s := range all {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more changes", len(all)-most))
			break
		}
		part := apart(s.every)
		if i > 0 {
			part += " from " + time.Unix(int64(s.from)*60, 0).UTC().Format("2006-01-02 15:04 UTC")
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}
