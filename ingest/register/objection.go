package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

// What happened around an objection: values of Event.What.
const (
	EventObjected         = "objected"
	EventObjectionGranted = "objection-accepted"
	EventObjectionRefused = "objection-rejected"
)

// The errors of objections, which Object and Answer wrap.
var (
	// ErrObjection says that an objection or an answer is not complete or not
	// possible; the text says what to do.
	ErrObjection = errors.New("objection")
	// ErrUnknownObjection is returned for an id that no objection has.
	ErrUnknownObjection = errors.New("there is no objection with this id")
)

// MaxObjection is the longest period of one objection.
const MaxObjection = 400 * 24 * time.Hour

const maxObjectionText = 2000

// ObjectionState tells how far an objection is.
type ObjectionState string

// The states. They are stored and published.
const (
	ObjectionOpen     ObjectionState = "open"
	ObjectionAccepted ObjectionState = "accepted"
	ObjectionRejected ObjectionState = "rejected"
)

// Objection is a keeper's objection to a remark on a station, with its answer.
// It is public as a whole: it must hold no personal data.
type Objection struct {
	// ID is the station and a number: "zs-001/3".
	ID       string
	Station  reading.StationID
	Property reading.Property
	// Flag is one flag.
	Flag reading.Flag
	// Period is of whole hours, UTC.
	ingest.Period
	// At is when it was made, Actor by whom in public words, Text why.
	At    time.Time
	Actor string
	Text  string
	State ObjectionState
	// AnsweredAt, AnsweredBy and Answer are zero while State is ObjectionOpen.
	AnsweredAt time.Time
	AnsweredBy string
	Answer     string
}

// Object records an objection to the flag of a property of a station from and
// to given hours, and returns its id. from is rounded down and to up to whole
// hours. It changes nothing about the data yet. The error wraps
// ingest.ErrUnknownStation for an unknown station, and ErrObjection when the
// objection is not complete or is against a flag that is a fact and no
// judgement of a check.
func (r *Register) Object(ctx context.Context, id reading.StationID, p reading.Property, f reading.Flag, from, to time.Time, text, actor string) (objection string, err error) {
	first, end := reading.HourOf(from), reading.HourOf(to)
	if end.Start().Before(to) {
		end++
	}
	if err := checkObjection(p, f, from, to, text, actor); err != nil {
		return "", err
	}
	err = r.change(ctx, "object to a remark on station", id, func(tx *sql.Tx) error {
		var seq int64
		if err := tx.QueryRowContext(ctx, `SELECT CAST(count(*) AS BIGINT) + 1 FROM objection WHERE station = $1`, string(id)).Scan(&seq); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO objection
			(station, seq, property, flag, first_hour, end_hour, at_ms, actor, why, state, answered_ms, answerer, answer)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, '', '')`,
			string(id), seq, string(p), f.String(), int64(first), int64(end), r.nowMs(), actor, text, string(ObjectionOpen))
		if err != nil {
			return err
		}
		objection = objectionID(id, seq)
		return r.record(ctx, tx, Event{Station: id, Actor: actor, What: EventObjected, Why: text, Detail: objectionDetail(objection, p, f, first, end)})
	})
	if err != nil {
		return "", err
	}
	return objection, nil
}

func objectionID(id reading.StationID, seq int64) string {
	return string(id) + "/" + strconv.FormatInt(seq, 10)
}

// objectionDetail is what the public event says it is about.
func objectionDetail(objection string, p reading.Property, f reading.Flag, first, end reading.Hour) string {
	return fmt.Sprintf("%s %s of %s %s/%s", objection, f, p, moment(first.Start()), moment(end.Start()))
}

func checkObjection(p reading.Property, f reading.Flag, from, to time.Time, text, actor string) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrObjection, fmt.Sprintf(format, args...))
	}
	if _, err := reading.ParseProperty(string(p)); err != nil {
		return wrong("%v", err)
	}
	if one, err := reading.ParseFlag(f.String()); err != nil || one != f {
		return wrong("name one flag")
	}
	// What a check judged can be wrong. The others are facts of what came in.
	if f&(reading.Liftable|reading.OnHours|reading.OnPeriods|reading.PMOrder) == 0 {
		return wrong("the flag %s is no judgement of a check: send a correction with a higher rev, or withdraw the readings", f)
	}
	switch {
	case !from.Before(to):
		return wrong("give a period with its begin before its end")
	case to.Sub(from) > MaxObjection:
		return wrong("give a period of at most %d days", int(MaxObjection.Hours()/24))
	}
	return checkWords(text, actor)
}

func checkWords(text, actor string) error {
	for name, s := range map[string]string{"text": text, "actor": actor} {
		if strings.TrimSpace(s) == "" || len(s) > maxObjectionText || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			return fmt.Errorf("%w: give the %s, UTF-8 of at most %d bytes", ErrObjection, name, maxObjectionText)
		}
	}
	return nil
}

// Answer records the answer to an objection. An accepted one lifts the
// excluding effect of its flag in its period, and the hours concerned are
// marked for recomputation in the same transaction. An answer may be given
// anew: the last one counts, and all are public events. The error wraps
// ErrUnknownObjection or ErrObjection.
func (r *Register) Answer(ctx context.Context, objection string, accepted bool, text, actor string) error {
	id, seq, err := parseObjection(objection)
	if err != nil {
		return err
	}
	if err := checkWords(text, actor); err != nil {
		return err
	}
	state, what := ObjectionRejected, EventObjectionRefused
	if accepted {
		state, what = ObjectionAccepted, EventObjectionGranted
	}
	err = r.change(ctx, "answer an objection of station", id, func(tx *sql.Tx) error {
		var before ObjectionState
		var property, flag string
		var first, end reading.Hour
		err := tx.QueryRowContext(ctx, `SELECT state, property, flag, first_hour, end_hour FROM objection WHERE station = $1 AND seq = $2`,
			string(id), seq).Scan(&before, &property, &flag, &first, &end)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrUnknownObjection
		}
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE objection SET state = $3, answered_ms = $4, answerer = $5, answer = $6 WHERE station = $1 AND seq = $2`,
			string(id), seq, string(state), r.nowMs(), actor, text)
		if err != nil {
			return err
		}
		f, err := reading.ParseFlag(flag)
		if err != nil {
			return err
		}
		if f&reading.Liftable != 0 && (before == ObjectionAccepted) != accepted {
			if err := r.markSpan(ctx, tx, id, first, end); err != nil {
				return err
			}
		}
		return r.record(ctx, tx, Event{Station: id, Actor: actor, What: what, Why: text, Detail: objectionDetail(objection, reading.Property(property), f, first, end)})
	})
	if errors.Is(err, ingest.ErrUnknownStation) {
		return fmt.Errorf("%w: %w", ErrUnknownObjection, err)
	}
	return err
}

func parseObjection(objection string) (id reading.StationID, seq int64, err error) {
	station, number, _ := strings.Cut(objection, "/")
	id, err = reading.ParseStationID(station)
	if err == nil {
		seq, err = strconv.ParseInt(number, 10, 64)
	}
	if err != nil {
		return "", 0, fmt.Errorf("%w: it is a station and a number, such as zs-001/3", ErrUnknownObjection)
	}
	return id, seq, nil
}

// markSpan marks the hours [first, end) of a station and the one after, into
// which the last readings may reach, within a transaction.
func (r *Register) markSpan(ctx context.Context, tx *sql.Tx, id reading.StationID, first, end reading.Hour) error {
	token, err := markToken()
	if err != nil {
		return err
	}
	var args []any
	for h := first; h <= end; h++ {
		args = append(args, string(id), int64(h), token)
	}
	_, err = upsertMarks().exec(ctx, tx, r.dialect, args, 512)
	return err
}

// Lifts returns the accepted objections of a station to remarks that exclude.
func (r *Register) Lifts(ctx context.Context, id reading.StationID) ([]ingest.Lift, error) {
	all, err := r.Objections(ctx, id)
	if err != nil {
		return nil, err
	}
	var lifts []ingest.Lift
	for _, o := range all {
		if o.Station == id && o.State == ObjectionAccepted && o.Flag&reading.Liftable != 0 {
			lifts = append(lifts, ingest.Lift{Property: o.Property, Flag: o.Flag, Period: o.Period})
		}
	}
	return lifts, nil
}

// Objections returns the objections of a station, oldest first; the empty id
// stands for all stations.
func (r *Register) Objections(ctx context.Context, id reading.StationID) ([]Objection, error) {
	query, args := `SELECT station, seq, property, flag, first_hour, end_hour, at_ms, actor, why, state, answered_ms, answerer, answer FROM objection`, []any(nil)
	if id != "" {
		query += ` WHERE station = $1`
		args = append(args, storable(string(id), maxID))
	}
	rows, err := r.reads.QueryContext(ctx, query+` ORDER BY station, seq`, args...)
	if err != nil {
		return nil, fmt.Errorf("read objections: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []Objection
	for rows.Next() {
		o, err := scanObjection(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("read objections: %w", err)
		}
		all = append(all, o)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read objections: %w", err)
	}
	return all, nil
}

func scanObjection(scan func(...any) error) (Objection, error) {
	var o Objection
	var seq, at, answered int64
	var flag string
	var first, end reading.Hour
	err := scan(&o.Station, &seq, &o.Property, &flag, &first, &end, &at, &o.Actor, &o.Text, &o.State, &answered, &o.AnsweredBy, &o.Answer)
	if err != nil {
		return o, err
	}
	o.ID, o.At = objectionID(o.Station, seq), timeOf(at)
	o.Period = ingest.Period{From: first.Start(), To: end.Start()}
	if answered != 0 {
		o.AnsweredAt = timeOf(answered)
	}
	o.Flag, err = reading.ParseFlag(flag)
	return o, err
}
