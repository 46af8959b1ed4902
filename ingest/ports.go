package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"buurtmeter/ingest/reading"
)

// ErrUnknownStation is returned when a station is not (or no longer) in the
// register.
var ErrUnknownStation = errors.New("unknown station")

// ErrStationDeleted is returned for the id of a station that was deleted. It is
// an ErrUnknownStation too; the id is never given out again.
var ErrStationDeleted = fmt.Errorf("the station was deleted: %w", ErrUnknownStation)

// Message is one payload as it came from a station, before decoding.
type Message struct {
	Station  reading.StationID
	Payload  []byte
	Received time.Time
	// Source says which door it came through: "mqtt", "http", "replay".
	Source string
	// Format is the wire format when the door knows it; empty means the one that
	// the station declared.
	Format reading.Format
	// ContentType, Topic and Pin are passed to the decoder: see decode.Input.
	ContentType, Topic, Pin string
	// Decoded, when not nil, are the readings of the message, which is then not
	// decoded: a rejected message that a later decoder understood.
	Decoded []reading.Reading
}

// Reject is a message, or one value of a message, that could not become a
// reading. It is kept in a bounded table, so that nothing is lost in silence.
type Reject struct {
	Station  reading.StationID
	Source   string
	Received time.Time
	// Cause is a stable key such as "json", "time-missing", "value-unreadable",
	// "property-unknown", "station-unknown", "too-large", "store-refused".
	Cause string
	// Detail says in words what was wrong and what to do.
	Detail string
	// Payload is the raw message, cut to the stated bound.
	Payload []byte
	// Format, ContentType, Topic and Pin are what the decoder was given beside it.
	Format                  reading.Format
	ContentType, Topic, Pin string
}

// Waiting is a reject that waits to be decoded again, with what names it in the
// table.
type Waiting struct {
	Reject
	// First is when it came first; its readings without a time are of that moment.
	First  time.Time
	Digest []byte
}

// RejectTable is what decoding again reads and writes in the register.
type RejectTable interface {
	// WaitingRejects returns up to limit rejects that wait.
	WaitingRejects(ctx context.Context, limit int) ([]Waiting, error)
	// SettleReject takes it off the table when it was decoded, and else leaves it
	// there without waiting any more.
	SettleReject(ctx context.Context, w Waiting, decoded bool) error
}

// Stations looks stations up. The register implements it.
type Stations interface {
	// Station returns the station, or ErrUnknownStation.
	Station(ctx context.Context, id reading.StationID) (reading.Station, error)
}

// Ledger is what the pipeline writes to the register. Both calls return only
// after the commit.
type Ledger interface {
	// MarkDirty records that the hours must be recomputed. It is called before
	// the raw readings are written. Marking twice is harmless.
	MarkDirty(ctx context.Context, hours []reading.StationHour) error
	// PutRejects keeps rejected messages. The same payload of the same station
	// for the same cause is kept once and its arrivals are counted.
	PutRejects(ctx context.Context, rejects []Reject) error
}

// RawStore keeps raw readings. ingest/series implements it.
type RawStore interface {
	// Append upserts the readings by (station, time, revision) and property and
	// returns after they are durable. An error means that none, some or all were
	// written; writing them again is harmless. A *RefusedError names readings that the store will never
	// take (others of the batch may be stored).
	Append(ctx context.Context, readings []reading.Reading) error
	// Rewrite is Append for readings that may be stored already: flags and
	// interval are written even when zero, so that they replace the stored ones.
	Rewrite(ctx context.Context, readings []reading.Reading) error
	// Readings returns the station's readings with from <= At < to in order of
	// (At, Revision), every revision its own element.
	Readings(ctx context.Context, id reading.StationID, from, to time.Time) ([]reading.Reading, error)
	// Newest returns the time of the station's latest reading; ok is false when
	// it has none.
	Newest(ctx context.Context, id reading.StationID) (at time.Time, ok bool, err error)
}

// RefusedError is returned by RawStore.Append when the store will never accept
// a reading (not a passing fault).
type RefusedError struct {
	Readings []reading.Reading
	Err      error
}

// Error names the number of refused readings and the store's reason.
func (e *RefusedError) Error() string { return "store refused readings: " + e.Err.Error() }

// Unwrap gives the store's own error.
func (e *RefusedError) Unwrap() error { return e.Err }

// DirtyHour is a claim on one marked hour. Token identifies the mark that was
// seen, so that a newer mark on the same hour survives its clearing.
type DirtyHour struct {
	reading.StationHour
	Token int64
}

// Blocks is what the recomputation of hours reads and writes in the register.
type Blocks interface {
	// DirtyHours returns up to limit marked hours of the stations after the given
	// id (all for the empty one), ordered by station and hour. What Stations then
	// answers is not older than those marks.
	DirtyHours(ctx context.Context, after reading.StationID, limit int) ([]DirtyHour, error)
	// ClearDirty removes the marks whose token is still the one that was seen.
	ClearDirty(ctx context.Context, hours []DirtyHour) error
	// Block returns the block and its version; an absent block is empty
	// (all hours missing) with version 0. A stored block that cannot be read gives
	// its version with an error that wraps ErrCorruptBlock.
	Block(ctx context.Context, s reading.StationID, p reading.Property, m reading.Month) (reading.Block, int64, error)
	// PutBlocks stores the blocks in one transaction if each stored version is
	// still the one that was read (0 = absent); else nothing is stored and
	// ErrStaleBlock is returned, or ErrStationDeleted.
	PutBlocks(ctx context.Context, blocks []VersionedBlock) error
}

// Period is the time from From up to and not including To.
type Period struct{ From, To time.Time }

// Contains tells whether t lies in the period.
func (p Period) Contains(t time.Time) bool { return !t.Before(p.From) && t.Before(p.To) }

// Withdrawals tells of which periods the keeper of a station took the readings
// back. Whoever changes the answer marks the hours of the period, and the hour
// after it, in the same transaction. The register implements it.
type Withdrawals interface {
	Withdrawals(ctx context.Context, id reading.StationID) ([]Period, error)
}

// VersionedBlock is a block with the version it was read at.
type VersionedBlock struct {
	reading.Block
	Version int64
	// Hours, for PutBlocks, are the hours to compare with neighbours anew: they
	// are marked in the same transaction. See Network.
	Hours []reading.Hour
}

// ErrCorruptBlock means that a stored block cannot be read. It can be computed
// again from the raw readings of its month.
var ErrCorruptBlock = errors.New("corrupt hour block")

// ErrStaleBlock means that another process stored the block in between: read
// again and retry.
var ErrStaleBlock = errors.New("block was changed by another writer")

// Lift says that the remark Flag excludes nothing of a property during a period
// of whole hours, because an objection to it was accepted.
type Lift struct {
	Property reading.Property
	Flag     reading.Flag
	Period
}

// Lifts tells of the accepted objections of a station. Whoever changes the
// answer marks the hours of the period, and the hour after it, in the same
// transaction. The register implements it.
type Lifts interface {
	Lifts(ctx context.Context, id reading.StationID) ([]Lift, error)
}

// MarkedHour is a claim on an hour that must be compared among neighbours.
// Token identifies the mark that was seen, as in DirtyHour.
type MarkedHour struct {
	Hour  reading.Hour
	Token int64
}

// Network is what the comparison of stations with their neighbours reads and
// writes in the register.
type Network interface {
	// Stations returns all stations in order of their ids.
	Stations(ctx context.Context) ([]reading.Station, error)
	// Positions calls fn for every station with a stored position.
	Positions(ctx context.Context, fn func(reading.StationID, reading.SecretPosition) error) error
	// NeighbourHours returns up to limit marked hours before the given one, in
	// order.
	NeighbourHours(ctx context.Context, before reading.Hour, limit int) ([]MarkedHour, error)
	// ClearNeighbours removes the marks whose token is still the one that was seen.
	ClearNeighbours(ctx context.Context, hours []MarkedHour) error
	// MonthBlocks calls fn for the stored blocks of a property and month of all
	// stations. A block that cannot be read is left out.
	MonthBlocks(ctx context.Context, p reading.Property, m reading.Month, fn func(VersionedBlock) error) error
	// Block and PutBlocks are those of Blocks.
	Block(ctx context.Context, s reading.StationID, p reading.Property, m reading.Month) (reading.Block, int64, error)
	PutBlocks(ctx context.Context, blocks []VersionedBlock) error
}
