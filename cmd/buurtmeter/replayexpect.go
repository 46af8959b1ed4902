package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"buurtmeter/ingest/reading"
)

// This file works out from the rows of a file alone what the platform must make
// of them. It follows the documented rules and shares no code with the
// pipeline, so that the one can be compared with the other:
//
//   - a row without a date, or with a date more than a day ahead, or without any
//     value, goes to the reject table; the same payload again is one more arrival;
//   - rows of one kit with the same date are one moment. The same value again is
//     a note, another value is a conflict: then none counts, and each value that
//     differs from the first goes to the reject table;
//   - a flag on any value of an hour is a flag of that hour; values with an
//     excluding flag stay out of its mean;
//   - 24 or more successive hours of one concentration with the same mean are a
//     constant run; up to six hours without a value do not end it.

// measure names one thing that is counted of the file and of the platform.
type measure struct {
	what string
	// property is empty for what is counted of whole rows.
	property reading.Property
}

// What is counted, besides the keys of flags, which count hours, and the causes
// of rejects, which count arrivals.
const (
	whatUsed  = "used"  // hours that take part in means
	whatClean = "clean" // hours without any flag
	// whatDistinct before a cause counts different rejects.
	whatDistinct = "distinct "
	whatNowhere  = "nowhere" // kits without a place
	whatAtZero   = "at zero" // those of them that the file puts at latitude 0
)

// amount is a number of things and, for hours, the sum of their means in
// 1/HourScale unit.
type amount struct {
	n, sum int64
	// more and less are how far the platform may be above and below n because
	// rows were sent again after an interruption.
	more, less int64
}

// explains reports whether the platform may have got where the file has a.
func (a amount) explains(got amount) bool {
	switch {
	case got.n > a.n:
		return got.n-a.n <= a.more
	case got.n < a.n:
		return a.n-got.n <= a.less
	}
	return got.sum == a.sum
}

// counts is what was counted of one kit, or of all kits together.
type counts map[measure]amount

func (t counts) add(m measure, a amount) {
	b := t[m]
	t[m] = amount{b.n + a.n, b.sum + a.sum, b.more + a.more, b.less + a.less}
}

// The bounds of times, in the words of the design: a device's clock may run five
// minutes ahead; a day ahead is no clock error any more.
const (
	clockTolerance = 5 * time.Minute
	clockLimit     = 24 * time.Hour
)

// expected is the work on one kit.
type expected struct {
	kit   *replayKit
	now   time.Time
	again []int64 // per row, how often it was or may have been sent again
	tally counts
	// seen are the rejects so far, by cause and content.
	seen map[string]bool
}

// expect counts what the platform must hold of the kit at the time now, when
// the rows of the spans were, or may have been, sent more than once.
func expect(k *replayKit, spans []rowSpan, now time.Time) counts {
	e := expected{kit: k, now: now, again: make([]int64, len(k.rows)), tally: counts{}, seen: map[string]bool{}}
	for _, s := range spans {
		for i := max(0, s[0]); i < min(s[1], len(k.rows)); i++ {
			e.again[i]++
		}
	}
	moments := map[int64][]int{} // by Unix time, in the order of the file
	for i, r := range k.rows {
		switch {
		case r.at.IsZero():
			e.reject("time-missing", string(r.payload), i)
		case empty(r.values):
			e.reject("no-values", string(r.payload), i)
		case r.at.After(now.Add(clockLimit)):
			e.reject("time-implausible", fmt.Sprint(r.at.Unix(), r.values), i)
		default:
			moments[r.at.Unix()] = append(moments[r.at.Unix()], i)
		}
	}
	for slot, info := range reading.Properties() {
		e.property(slot, info, moments)
	}
	if k.position.IsZero() {
		e.tally.add(measure{what: whatNowhere}, amount{n: 1})
		if k.atZero > 0 {
			e.tally.add(measure{what: whatAtZero}, amount{n: 1})
		}
	}
	return e.tally
}

func empty(values [properties]float64) bool {
	return !slices.ContainsFunc(values[:], func(v float64) bool { return !math.IsNaN(v) })
}

// reject counts a row, or one value of it, for the reject table.
func (e *expected) reject(cause, content string, row int) {
	e.tally.add(measure{what: cause}, amount{n: 1, more: e.again[row]})
	if key := cause + "\x00" + content; !e.seen[key] {
		e.seen[key] = true
		e.tally.add(measure{what: whatDistinct + cause}, amount{n: 1})
	}
}

// expectedHour is one hour of one property as the file has it.
type expectedHour struct {
	hour     reading.Hour
	flags    reading.Flag
	sum, n   int64
	mean     int32
	repeated bool // may be flagged duplicate because of a row that was sent again
}

// property counts the hours of one property.
func (e *expected) property(slot int, info reading.PropertyInfo, moments map[int64][]int) {
	byHour := map[reading.Hour]*expectedHour{}
	for _, rows := range moments {
		flags, value, repeated, ok := e.moment(slot, info, rows)
		if !ok {
			continue
		}
		hour := reading.HourOf(e.kit.rows[rows[0]].at)
		h := byHour[hour]
		if h == nil {
			h = &expectedHour{hour: hour}
			byHour[hour] = h
		}
		h.flags |= flags
		h.repeated = h.repeated || repeated
		if !flags.Excluded() {
			h.sum += int64(math.Round(value * reading.HourScale))
			h.n++
		}
	}
	hours := make([]*expectedHour, 0, len(byHour))
	for _, h := range byHour {
		h.mean = reading.Missing
		if h.n > 0 {
			h.mean = int32(math.Round(float64(h.sum) / float64(h.n)))
		}
		hours = append(hours, h)
	}
	slices.SortFunc(hours, func(a, b *expectedHour) int { return int(a.hour - b.hour) })
	if p := info.Property; p == reading.NO2 || p == reading.PM25 || p == reading.PM10 {
		markStuck(hours)
	}
	for _, h := range hours {
		e.hour(info.Property, h)
	}
}

// moment folds the rows of one date, in the order of the file. ok is false when
// none of them has the property.
func (e *expected) moment(slot int, info reading.PropertyInfo, rows []int) (flags reading.Flag, value float64, repeated, ok bool) {
	for _, i := range rows {
		v := e.kit.rows[i].values[slot]
		if math.IsNaN(v) {
			continue
		}
		flags |= e.judge(slot, info, e.kit.rows[i])
		repeated = repeated || e.again[i] > 0
		switch {
		case !ok:
			value, ok = v, true
		case v == value:
			flags |= reading.Duplicate
		default:
			flags |= reading.Conflict
			e.reject("conflict", fmt.Sprint(e.kit.rows[i].at.Unix(), info.Property, v), i)
		}
	}
	if flags&reading.Conflict != 0 {
		flags &^= reading.Duplicate
		repeated = false
	}
	return flags, value, repeated, ok
}

// judge gives the flags that a value gets from its own row.
func (e *expected) judge(slot int, info reading.PropertyInfo, r replayRow) (flags reading.Flag) {
	v := r.values[slot]
	switch {
	case isMissingCode(info, v):
		flags |= reading.MissingCode
	case v < info.Min || v > info.Max:
		flags |= reading.Range
	}
	if e.kit.position.IsZero() {
		flags |= reading.NoPosition
	}
	if r.at.After(e.now.Add(clockTolerance)) {
		return flags | reading.ClockFuture
	}
	if info.Property == reading.PM25 || info.Property == reading.PM10 {
		fine, coarse := r.values[slotOf(reading.PM25)], r.values[slotOf(reading.PM10)]
		usable := fine >= info.Min && fine <= info.Max && coarse >= info.Min && coarse <= info.Max &&
			!isMissingCode(info, fine) && !isMissingCode(info, coarse)
		if usable && fine > coarse {
			flags |= reading.PMOrder
		}
	}
	return flags
}

// isMissingCode tells whether firmware sends v for "no value": -1 only for what
// cannot be negative.
func isMissingCode(info reading.PropertyInfo, v float64) bool {
	return v == -999 || v == -9999 || (v == -1 && strings.HasSuffix(info.Unit, "g/m³"))
}

// markStuck flags the constant runs among hours in order of time.
func markStuck(hours []*expectedHour) {
	var run []*expectedHour
	end := func() {
		if len(run) >= 24 {
			for _, h := range run {
				h.flags |= reading.Constant
			}
		}
		run = nil
	}
	for _, h := range hours {
		if h.mean == reading.Missing {
			continue
		}
		if len(run) > 0 {
			if last := run[len(run)-1]; last.mean != h.mean || h.hour-last.hour > 7 {
				end()
			}
		}
		run = append(run, h)
	}
	end()
}

func (e *expected) hour(p reading.Property, h *expectedHour) {
	var doubt int64
	if h.repeated && h.flags&reading.Duplicate == 0 {
		doubt = 1
		e.tally.add(measure{reading.Duplicate.String(), p}, amount{more: 1})
	}
	for _, key := range h.flags.Keys() {
		e.tally.add(measure{key, p}, amount{n: 1})
	}
	if h.mean == reading.Missing || h.flags&reading.Constant != 0 {
		return
	}
	e.tally.add(measure{whatUsed, p}, amount{n: 1, sum: int64(h.mean)})
	if h.flags == 0 {
		e.tally.add(measure{whatClean, p}, amount{n: 1, sum: int64(h.mean), less: doubt})
	}
}
