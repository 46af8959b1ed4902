package ingest

import (
	"context"
	"slices"
	"time"

	"buurtmeter/ingest/reading"
)

// withdraw flags the readings that their keeper took back. It must be called
// after the blocks were read: then a block that is still at that version cannot
// follow from a later withdrawal than ours.
func withdraw(readings []reading.Reading, periods []Period) {
	for i := range readings {
		if !slices.ContainsFunc(periods, func(p Period) bool { return p.Contains(readings[i].At) }) {
			continue
		}
		for k := range readings[i].Values {
			readings[i].Values[k].Flags |= reading.Withdrawn
		}
	}
}

// PublicReadings reads raw readings as they are published. In the raw store a
// reading stays as it came in; what its keeper took back gets its flag here, so
// that undoing it needs no second write.
type PublicReadings struct {
	// Raw is where the readings are kept.
	Raw interface {
		Readings(ctx context.Context, id reading.StationID, from, to time.Time) ([]reading.Reading, error)
	}
	// Withdrawals tells which of them do not count.
	Withdrawals Withdrawals
}

// Readings is RawStore.Readings with the flag Withdrawn where it applies.
func (p PublicReadings) Readings(ctx context.Context, id reading.StationID, from, to time.Time) ([]reading.Reading, error) {
	rs, err := p.Raw.Readings(ctx, id, from, to)
	if err != nil {
		return nil, err
	}
	periods, err := p.Withdrawals.Withdrawals(ctx, id)
	if err != nil {
		return nil, err
	}
	withdraw(rs, periods)
	return rs, nil
}
