package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"buurtmeter/ingest/decode"
	"buurtmeter/ingest/reading"
)

// Redecoder gives rejected messages to the decoder once more, after the decoder
// was mended or the station described better. What it understands now is
// committed by the pipeline as if it had been understood at once, and leaves the
// table of rejects; the rest stays there.
type Redecoder struct {
	// Rejects tells what waits.
	Rejects RejectTable
	// Stations and RawStore are those of the pipeline.
	Stations Stations
	RawStore RawStore
	// Ingest commits a message, as Pipeline.Ingest does.
	Ingest func(context.Context, Message) error
	// Log gets faults of the stores; nil is for none.
	Log *slog.Logger
	// Every is the pause between two looks at the table (2 s).
	Every time.Duration
}

// RedecodeCause tells whether a reject of this cause may become readable. The
// other causes are no matter of decoding.
func RedecodeCause(cause string) bool {
	switch cause {
	case CauseConflict, CauseStoreRefused, CauseStationPaused, CauseStationDeleted, CauseTimeImplausible:
		return false
	}
	return true
}

// redecodeAtOnce bounds the rejects in memory.
const redecodeAtOnce = 100

// Run looks for waiting rejects until ctx ends. Faults are logged and tried
// again. It returns nil.
func (r *Redecoder) Run(ctx context.Context) error {
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	if r.Every <= 0 {
		r.Every = 2 * time.Second
	}
	tick := time.NewTicker(r.Every)
	defer tick.Stop()
	for {
		decoded, left, err := r.Once(ctx)
		if err != nil && ctx.Err() == nil {
			r.Log.LogAttrs(ctx, slog.LevelWarn, "redecode: will be tried again", slog.Any("error", err))
		}
		if decoded+left > 0 {
			r.Log.LogAttrs(ctx, slog.LevelInfo, "redecode: rejected messages were decoded again", slog.Int("understood", decoded), slog.Int("left", left))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Once works through everything that waits.
func (r *Redecoder) Once(ctx context.Context) (decoded, left int, err error) {
	for {
		waiting, err := r.Rejects.WaitingRejects(ctx, redecodeAtOnce)
		if err != nil || len(waiting) == 0 {
			return decoded, left, err
		}
		for _, w := range waiting {
			ok, err := r.one(ctx, w)
			if err == nil {
				err = r.Rejects.SettleReject(ctx, w, ok)
			}
			if err != nil {
				return decoded, left, fmt.Errorf("station %s: %w", w.Station, err)
			}
			if ok {
				decoded++
			} else {
				left++
			}
		}
	}
}

// one tells whether the reject was understood. A part of it is enough only when
// nothing of it is refused any more.
func (r *Redecoder) one(ctx context.Context, w Waiting) (bool, error) {
	if !RedecodeCause(w.Cause) {
		return false, nil
	}
	st, err := r.Stations.Station(ctx, w.Station)
	if errors.Is(err, ErrUnknownStation) || err == nil && st.Paused {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	m := Message{
		Station: w.Station, Payload: w.Payload, Received: w.First, Source: w.Source,
		Format: w.Format, ContentType: w.ContentType, Topic: w.Topic, Pin: w.Pin,
	}
	format := w.Format
	if format == "" || w.Cause == decode.CauseFormatUnknown || w.Cause == CauseStationUnknown {
		format = st.Wire.Format
	}
	d := decode.Decode(format, inputOf(m, st))
	if len(d.Problems) > 0 || len(d.Readings) == 0 {
		return false, nil
	}
	if m.Decoded, err = r.missing(ctx, d.Readings); err != nil {
		return false, err
	}
	if len(m.Decoded) == 0 {
		return true, nil // all of it is stored already
	}
	return true, r.Ingest(ctx, m)
}

// missing leaves out the values that are stored already: the neighbours of the
// value that was refused. Sent in once more they would count as repeated.
func (r *Redecoder) missing(ctx context.Context, readings []reading.Reading) ([]reading.Reading, error) {
	var out []reading.Reading
	for _, in := range readings {
		stored, err := r.RawStore.Readings(ctx, in.Station, in.At, in.At.Add(time.Millisecond))
		if err != nil {
			return nil, err
		}
		in.Values = slices.DeleteFunc(slices.Clone(in.Values), func(v reading.Value) bool {
			return slices.ContainsFunc(stored, func(s reading.Reading) bool {
				known, ok := s.Value(v.Property)
				return ok && s.Revision == in.Revision && known.Value == v.Value
			})
		})
		if len(in.Values) > 0 {
			out = append(out, in)
		}
	}
	return out, nil
}
