package ingest

import (
	"time"

	"buurtmeter/ingest/reading"
)

// This file is the arithmetic of hour means, a pure function of raw readings:
//
//   - A reading belongs to the hour of its At, with its whole value. Of the
//     revisions of one property at one At only the highest takes part; an hour in
//     which a lower one was replaced is flagged Revised, and the flags of the
//     replaced value are gone with it.
//   - The value of an hour is the mean of the scaled values without an excluding
//     flag, as an integer, halves away from zero. There is no float in it.
//   - The capture of an hour is the length of the union of [At, At+interval) of
//     the readings that count, in whole minutes, rounded down. A reading of the
//     hour before that reaches over the boundary covers its part of this hour
//     too: otherwise a station that reports at :29 and :59 would never reach the
//     45 minutes. A reading that stands for an hour or more covers the hour of
//     its At, wholly, and no other. An hour without a value has no capture.
//   - The flags of an hour are those of all its readings together.

// effective is the time that a reading stands for.
func effective(r reading.Reading, cadence time.Duration) time.Duration {
	if r.Interval > 0 {
		return r.Interval
	}
	return max(0, cadence)
}

// hoursOf returns the hours whose mean or capture depends on r. For a correction
// the next hour is always among them: the reading that it replaces may have
// reached over the boundary where it does not.
func hoursOf(r reading.Reading, cadence time.Duration) []reading.StationHour {
	h := reading.HourOf(r.At)
	hours := []reading.StationHour{{Station: r.Station, Hour: h}}
	d := effective(r, cadence)
	if r.Revision > 0 || (d < time.Hour && r.At.Add(d).After((h + 1).Start())) {
		hours = append(hours, reading.StationHour{Station: r.Station, Hour: h + 1})
	}
	return hours
}

// hourMean is one hour of one property.
type hourMean struct {
	value   int32
	capture uint8
	flags   reading.Flag
}

// hourSum gathers what one hour of one property needs.
type hourSum struct {
	sum     int64
	count   int64
	covered time.Duration
	flags   reading.Flag
}

func (s hourSum) mean() hourMean {
	m := hourMean{value: reading.Missing, flags: s.flags}
	if s.count > 0 {
		m.value = int32(divideRounded(s.sum, s.count))
		m.capture = uint8(min(s.covered/time.Minute, reading.FullHour))
	}
	return m
}

// divideRounded divides by a positive count, halves away from zero.
func divideRounded(sum, count int64) int64 {
	if sum < 0 {
		return -((-2*sum + count) / (2 * count))
	}
	return (2*sum + count) / (2 * count)
}

// span is a row of consecutive hours of one station with the sums of each
// property that has readings there.
type span struct {
	first   reading.Hour
	cadence time.Duration
	sums    map[reading.Property]*propertySpan
	// any tells for each hour whether there is any reading at all.
	any []bool
}

type propertySpan struct {
	hours []hourSum
	// coveredTo is the end of what the readings so far cover.
	coveredTo time.Time
}

// sumUp computes the hours [first, first+n) of one station. The readings must
// be in order of (At, Revision) and begin an hour before the first hour, for
// what reaches into it.
func sumUp(readings []reading.Reading, first reading.Hour, n int, cadence time.Duration) *span {
	s := &span{first: first, cadence: cadence, sums: map[reading.Property]*propertySpan{}, any: make([]bool, n)}
	for len(readings) > 0 {
		same := 1
		for same < len(readings) && readings[same].At.Equal(readings[0].At) {
			same++
		}
		s.add(readings[:same])
		readings = readings[same:]
	}
	return s
}

// add takes the revisions of one moment, lowest first.
func (s *span) add(revisions []reading.Reading) {
	if i := int(reading.HourOf(revisions[0].At) - s.first); i >= 0 && i < len(s.any) {
		s.any[i] = true
	}
	for k, r := range revisions {
		for _, v := range r.Values {
			if replaced(revisions[k+1:], v.Property) {
				continue
			}
			if replaced(revisions[:k], v.Property) {
				v.Flags |= reading.Revised
			}
			s.count(v, r.At, effective(r, s.cadence))
		}
	}
}

// replaced tells whether any of the revisions has the property too.
func replaced(revisions []reading.Reading, p reading.Property) bool {
	for _, r := range revisions {
		if _, ok := r.Value(p); ok {
			return true
		}
	}
	return false
}

func (s *span) count(v reading.Value, at time.Time, interval time.Duration) {
	p := s.sums[v.Property]
	if p == nil {
		p = &propertySpan{hours: make([]hourSum, len(s.any))}
		s.sums[v.Property] = p
	}
	h := reading.HourOf(at)
	own := p.hour(h - s.first)
	scaled, ok := reading.Scaled(v.Value)
	if !ok {
		v.Flags |= reading.Range
	}
	if own != nil {
		own.flags |= v.Flags
	}
	if v.Flags.Excluded() {
		return
	}
	if own != nil {
		own.sum += int64(scaled)
		own.count++
	}
	to := at.Add(interval)
	if interval >= time.Hour {
		to = (h + 1).Start()
		if own != nil {
			own.covered = time.Hour
		}
	}
	p.cover(s.first, at, to)
}

// cover adds the part of [from, to) that is not covered yet to the one or two
// hours in which it lies. Readings come in order of time, so what is covered
// yet is all before coveredTo.
func (p *propertySpan) cover(first reading.Hour, from, to time.Time) {
	if from.Before(p.coveredTo) {
		from = p.coveredTo
	}
	for from.Before(to) {
		h := reading.HourOf(from)
		end := (h + 1).Start()
		if to.Before(end) {
			end = to
		}
		if hour := p.hour(h - first); hour != nil {
			hour.covered = min(time.Hour, hour.covered+end.Sub(from))
		}
		p.coveredTo, from = end, end
	}
}

// hour returns the sums of the i-th hour of the span, nil outside it.
func (p *propertySpan) hour(i reading.Hour) *hourSum {
	if i < 0 || int(i) >= len(p.hours) {
		return nil
	}
	return &p.hours[i]
}

// mean returns one hour of one property; missing when it has no readings.
func (s *span) mean(p reading.Property, h reading.Hour) hourMean {
	if ps := s.sums[p]; ps != nil {
		return ps.hours[h-s.first].mean()
	}
	return hourMean{value: reading.Missing}
}
