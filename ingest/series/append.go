package series

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	ihttp "github.com/influxdata/influxdb-client-go/v2/api/http"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

// batchLines is how many readings go out in one request: more gains nothing
// (measured), fewer costs round trips and, with the engine, file syncs.
const batchLines = 5000

// lineBytes is the expected size of a line, for the first size of the buffer.
const lineBytes = 160

// Append writes the readings and returns when InfluxDB has them on disk. The
// same reading may be written any number of times. Flags are written only when
// set: use Rewrite for readings that may be stored already with flags that no
// longer hold.
//
// A reading that can never be stored is refused: a value that is not finite, a
// property that is unknown or occurs twice, no value at all, a station id or
// time that InfluxDB cannot hold, and what the server itself rejects. The
// others are stored, and the *ingest.RefusedError names the refused ones. Any
// other error means that none, some or all are stored; write the same readings
// again.
//
// An interval is kept in whole seconds, rounded up; times in whole
// milliseconds, rounded down.
func (s *Store) Append(ctx context.Context, readings []reading.Reading) error {
	return s.put(ctx, readings, false)
}

// Rewrite is Append for readings that may be stored already: flags and
// interval are written even when zero, so that they replace the stored ones.
// Properties that the given reading lacks keep their stored value and flags.
func (s *Store) Rewrite(ctx context.Context, readings []reading.Reading) error {
	return s.put(ctx, readings, true)
}

func (s *Store) put(ctx context.Context, readings []reading.Reading, explicit bool) error {
	var refused refusals
	w := writer{store: s, explicit: explicit, refused: &refused}
	for len(readings) > 0 {
		n := min(len(readings), batchLines)
		if err := w.batch(ctx, readings[:n]); err != nil {
			return fmt.Errorf("series: write to %s: %w", s.base.Redacted(), err)
		}
		readings = readings[n:]
	}
	return refused.err()
}

// writer writes one call's readings, with one buffer for all its batches.
type writer struct {
	store    *Store
	explicit bool
	refused  *refusals
	buf      []byte
	good     []reading.Reading
}

// batch writes up to batchLines readings. Its error is a passing fault; what
// is refused is noted in w.refused.
func (w *writer) batch(ctx context.Context, readings []reading.Reading) error {
	if w.buf == nil {
		w.buf = make([]byte, 0, len(readings)*lineBytes)
	}
	w.buf = w.buf[:0]
	good, all := readings, true
	for i := range readings {
		r := &readings[i]
		buf, err := appendLine(w.buf, w.store.columns, r, w.explicit)
		w.buf = buf
		switch {
		case err != nil:
			w.refused.add(*r, err)
			if all {
				all = false
				good = append(w.good[:0], readings[:i]...)
			}
		case !all:
			good = append(good, *r)
		}
	}
	if !all {
		w.good = good
	}
	return w.send(ctx, good)
}

// send writes the lines in w.buf, which are those of readings. When the server
// rejects something it has stored the other lines or none of them, depending on
// its version and on the fault, so the halves are sent again until the rejected
// readings stand alone.
func (w *writer) send(ctx context.Context, readings []reading.Reading) error {
	if len(readings) == 0 {
		return nil
	}
	err := w.store.write.WriteRecord(ctx, string(w.buf))
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	reason, rejected := rejection(err)
	if !rejected {
		return err
	}
	if len(readings) == 1 {
		w.refused.add(readings[0], reason)
		return nil
	}
	half := len(readings) / 2
	for _, part := range [][]reading.Reading{readings[:half], readings[half:]} {
		w.buf = w.buf[:0]
		for i := range part {
			// These lines were built once already, so they cannot fail.
			if w.buf, err = appendLine(w.buf, w.store.columns, &part[i], w.explicit); err != nil {
				return err
			}
		}
		if err := w.send(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// rejection tells whether the server refuses the content of the request for
// good, and gives its own words, cut to a readable length. 1.8 answers 400,
// 2.x 400 or 422, either 413 when the request is too large.
func rejection(err error) (reason error, rejected bool) {
	var answer *ihttp.Error
	if !errors.As(err, &answer) {
		return nil, false
	}
	switch answer.StatusCode {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
		text := answer.Error()
		if len(text) > 300 {
			text = text[:300] + "…"
		}
		return errors.New(text), true
	}
	return nil, false
}

// refusals gathers refused readings and the first reason.
type refusals struct {
	readings []reading.Reading
	reason   error
}

func (f *refusals) add(r reading.Reading, reason error) {
	if f.reason == nil {
		f.reason = reason
	}
	f.readings = append(f.readings, r)
}

func (f *refusals) err() error {
	if f.reason == nil {
		return nil
	}
	return &ingest.RefusedError{Readings: f.readings, Err: fmt.Errorf("%d refused, the first because: %w", len(f.readings), f.reason)}
}
