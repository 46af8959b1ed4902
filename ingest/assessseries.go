package ingest

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"log/slog"
	"math"
	"slices"
	"time"

	"buurtmeter/ingest/quality"
	"buurtmeter/ingest/reading"
)

// series is one property of one kit in a pass.
type series struct {
	p        *assessing
	kit      AssessedStation
	property reading.Property
	versions map[reading.Month]int64
	rows     map[reading.Month][]int32
	end      reading.Hour // the hour after the newest that counts; see newest
	ended    bool
}

// against assesses the series against one reference station, with the months of
// old that are still right.
func (s *series) against(ctx context.Context, r reading.Reach, old Assessment) (Assessment, error) {
	o := s.p.officials[r.Index]
	theirs := o.versions[s.property]
	a := Assessment{
		Station: s.kit.ID, Property: s.property, Reference: o.ID, Within: int(r.Within), Since: s.kit.Since, Version: quality.Version,
		Inputs: fingerprint(quality.Version, int64(s.kit.Since), int64(r.Within), s.versions, theirs),
	}
	if old.Inputs == a.Inputs && old.Version == a.Version {
		return old, nil
	}
	known := map[reading.Month]AssessedMonth{}
	if old.Version == a.Version && old.Since == a.Since {
		for _, m := range old.Months {
			known[m.Month] = m
		}
	}
	for _, m := range monthsIn(s.versions) {
		if theirs[m] == 0 || a.Since >= (m+1).First() {
			continue
		}
		next := AssessedMonth{Block: s.versions[m], Reference: theirs[m]}
		if was, ok := known[m]; ok && was.Block == next.Block && was.Reference == next.Reference {
			a.Months = append(a.Months, was)
			continue
		}
		mine, err := s.row(ctx, m)
		if err != nil {
			return a, err
		}
		reference, err := s.p.row(ctx, r.Index, s.property, m)
		if err != nil {
			return a, err
		}
		next.MonthAgreement = quality.MonthAgreement{Month: m, Agreement: rounded(quality.Agree(mine, reference))}
		if next.Hours > 0 {
			a.Months = append(a.Months, next)
		}
	}
	return a, s.window(ctx, r.Index, &a)
}

// window compares the latest weeks.
func (s *series) window(ctx context.Context, reference int, a *Assessment) error {
	end, err := s.newest(ctx)
	if err != nil {
		return err
	}
	a.To = end
	a.From = min(end, max(a.Since, end-24*quality.ReferenceDays))
	mine, err := stretch(a.From, a.To, func(m reading.Month) ([]int32, error) { return s.row(ctx, m) })
	if err != nil {
		return err
	}
	theirs, err := stretch(a.From-quality.LagReach, a.To+quality.LagReach, func(m reading.Month) ([]int32, error) {
		return s.p.row(ctx, reference, s.property, m)
	})
	if err != nil {
		return err
	}
	a.Window = rounded(quality.Agree(mine, theirs[quality.LagReach:][:len(mine)]))
	a.Lags = quality.ScanLags(mine, theirs)
	a.Lags.Correlation, a.Lags.Unmoved = round(a.Lags.Correlation), round(a.Lags.Unmoved)
	return nil
}

// newest returns the hour after the newest that counts; Since or 0 without any.
func (s *series) newest(ctx context.Context) (reading.Hour, error) {
	if s.ended {
		return s.end, nil
	}
	s.end = s.kit.Since
	months := monthsIn(s.versions)
	slices.Reverse(months)
search:
	for _, m := range months {
		row, err := s.row(ctx, m)
		if err != nil {
			return 0, err
		}
		for i := len(row) - 1; i >= 0; i-- {
			if row[i] != reading.Missing {
				s.end = m.First() + reading.Hour(i) + 1
				break search
			}
		}
	}
	s.ended = true
	return s.end, nil
}

// row returns the hours of the kit in a month that count since its last change.
func (s *series) row(ctx context.Context, m reading.Month) ([]int32, error) {
	if row, ok := s.rows[m]; ok {
		return row, nil
	}
	row, err := s.p.hours(ctx, s.kit, s.property, m, s.versions[m] != 0)
	if err != nil {
		return nil, err
	}
	for i := range row[:min(len(row), max(0, int(s.kit.Since-m.First())))] {
		row[i] = reading.Missing
	}
	s.rows[m] = row
	return row, nil
}

// row returns the hours of a reference station in a month that count.
func (p *assessing) row(ctx context.Context, reference int, property reading.Property, m reading.Month) ([]int32, error) {
	k := refMonth{reference, property, m}
	if row, ok := p.rows[k]; ok {
		return row, nil
	}
	o := p.officials[reference]
	row, err := p.hours(ctx, o.AssessedStation, property, m, o.versions[property][m] != 0)
	if err == nil {
		p.rows[k] = row
	}
	return row, err
}

// hours returns the valid hours of a month that no withdrawn period touches.
// Whether the judge has computed them without the withdrawn readings already
// makes no difference then.
func (p *assessing) hours(ctx context.Context, st AssessedStation, property reading.Property, m reading.Month, stored bool) ([]int32, error) {
	b := reading.NewBlock(st.ID, property, m)
	if stored {
		var err error
		b, _, err = p.o.Store.Block(ctx, st.ID, property, m)
		if errors.Is(err, ErrCorruptBlock) {
			p.o.Log.LogAttrs(ctx, slog.LevelWarn, "assess: a damaged block takes no part in a comparison", slog.Any("error", err))
			b = reading.NewBlock(st.ID, property, m)
		} else if err != nil {
			return nil, err
		}
	}
	return validHours(b, st.Withdrawn), nil
}

// validHours returns the valid hours of a block that no withdrawn period touches;
// the others are missing.
func validHours(b reading.Block, withdrawn []Period) []int32 {
	row := slices.Clone(b.Values)
	for i := range row {
		if !b.Valid(i) {
			row[i] = reading.Missing
		}
	}
	for _, w := range withdrawn {
		first, last := reading.HourOf(w.From)-b.Month.First(), reading.HourOf(w.To.Add(-time.Millisecond))-b.Month.First()
		for i := max(0, first); i <= min(last, reading.Hour(len(row)-1)); i++ {
			row[i] = reading.Missing
		}
	}
	return row
}

// stretch lays the months of [from, to) behind each other.
func stretch(from, to reading.Hour, month func(reading.Month) ([]int32, error)) ([]int32, error) {
	out := make([]int32, 0, to-from)
	for h := from; h < to; {
		m := reading.MonthOf(h)
		row, err := month(m)
		if err != nil {
			return nil, err
		}
		until := min(to, (m + 1).First())
		out = append(out, row[h-m.First():until-m.First()]...)
		h = until
	}
	return out, nil
}

func monthsIn(versions map[reading.Month]int64) []reading.Month {
	months := make([]reading.Month, 0, len(versions))
	for m := range versions {
		months = append(months, m)
	}
	slices.Sort(months)
	return months
}

// fingerprint is never 0.
func fingerprint(rules int, since, within int64, versions ...map[reading.Month]int64) int64 {
	h := fnv.New64a()
	b := binary.LittleEndian.AppendUint64(nil, uint64(rules))
	b = binary.LittleEndian.AppendUint64(b, uint64(since))
	b = binary.LittleEndian.AppendUint64(b, uint64(within))
	for _, v := range versions {
		b = binary.LittleEndian.AppendUint64(b, uint64(len(v)))
		for _, m := range monthsIn(v) {
			b = binary.LittleEndian.AppendUint64(b, uint64(m))
			b = binary.LittleEndian.AppendUint64(b, uint64(v[m]))
		}
	}
	_, _ = h.Write(b) // it never fails
	return max(1, int64(h.Sum64()&math.MaxInt64))
}
