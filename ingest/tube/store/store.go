// Package store keeps campaigns of passive samplers in the register: lab sheets
// as they came, the names of places, calibrations, and who changed what and why.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
	"buurtmeter/ingest/tube"
)

// Store keeps campaigns in the register. It is safe for use by several
// goroutines and processes. Every call that changes something is one
// transaction, records an event and raises the version of the data.
type Store struct {
	reg *register.Register
	now func() time.Time
}

// New returns the campaigns of an open register. now is the clock; nil
// means time.Now.
func New(reg *register.Register, now func() time.Time) *Store {
	if now == nil {
		now = time.Now
	}
	return &Store{reg: reg, now: now}
}

// Campaign is a series of measurements by one plan, with the rules that hold for
// all of it.
type Campaign struct {
	// Name is its public name.
	Name string
	// Zone is the IANA zone of times that do not name their own, and of the year.
	Zone string
	// Policy and Blanks are the rules for results below the limit of detection and
	// for field blanks.
	Policy tube.Policy
	Blanks tube.BlankRule
	// Created is when it was made, UTC.
	Created time.Time
}

// What happened to a campaign: the values of Event.What.
const (
	EventCreated    = "campaign-created"
	EventImported   = "sheet-imported"
	EventCorrected  = "sheet-corrected"
	EventCalibrated = "calibrated"
	EventPlaced     = "location-named"
	EventLab        = "laboratory-named"
)

// EventKinds returns all values of Event.What. The slice is the caller's own.
func EventKinds() []string {
	return []string{EventCreated, EventImported, EventCorrected, EventCalibrated, EventPlaced, EventLab}
}

// Event is one change of a campaign. Events are public: they hold no position,
// and no personal data as long as Actor and Why hold none.
type Event struct {
	At                       time.Time
	Actor, What, Why, Detail string
}

// The reasons why a change is refused.
var (
	ErrCampaign  = errors.New("not a campaign")
	ErrUnknown   = errors.New("there is no such campaign")
	ErrNeedsWhy  = errors.New("a correction is public and says why")
	ErrCodeTaken = errors.New("the tube stands in another set")
	ErrProblems  = errors.New("the sheet has rows that cannot be read")
)

// errSame ends a transaction that would change nothing.
var errSame = errors.New("the same sheet")

// Check reports what is wrong with the rules of a campaign. The error wraps
// ErrCampaign.
func (c Campaign) Check() error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrCampaign, fmt.Sprintf(format, args...))
	}
	if err := checkName(c.Name); err != nil {
		return fmt.Errorf("%w: its name %w", ErrCampaign, err)
	}
	if _, err := c.location(); err != nil {
		return wrong("%v", err)
	}
	if _, err := tube.ParsePolicy(string(c.Policy)); err != nil || c.Policy == "" {
		return wrong("%v", err)
	}
	if c.Blanks != tube.BlanksReported && c.Blanks != tube.BlanksSubtracted {
		return wrong("%q is no rule for field blanks: use report or subtract", c.Blanks)
	}
	return nil
}

func (c Campaign) location() (*time.Location, error) {
	if c.Zone == "" || c.Zone == "Local" {
		return nil, errors.New("it names no zone, such as Europe/Amsterdam")
	}
	return time.LoadLocation(c.Zone)
}

// maxName bounds names, in bytes.
const maxName = 200

func checkName(s string) error {
	switch {
	case strings.TrimSpace(s) != s || s == "":
		return errors.New("is empty, or begins or ends with a space")
	case len(s) > maxName:
		return fmt.Errorf("is longer than %d bytes", maxName)
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }):
		return errors.New("holds a character that cannot be printed")
	case strings.ContainsRune("=+-@", rune(s[0])):
		return errors.New("begins like a formula of a spreadsheet")
	}
	return reading.CheckPublic(s)
}

// Campaigns returns all campaigns in the order of their names.
func (s *Store) Campaigns(ctx context.Context) ([]Campaign, error) {
	rows, err := s.reg.ReadDB().QueryContext(ctx, `SELECT name, zone, policy, blanks, created_ms FROM tube_campaign ORDER BY name`)
	var all []Campaign
	err = each(rows, err, func(scan func(...any) error) error {
		var c Campaign
		var at int64
		err := scan(&c.Name, &c.Zone, &c.Policy, &c.Blanks, &at)
		c.Created = time.UnixMilli(at).UTC()
		all = append(all, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read campaigns: %w", err)
	}
	return all, nil
}

// Campaign returns the campaign with the name. The error wraps ErrUnknown.
func (s *Store) Campaign(ctx context.Context, name string) (Campaign, error) {
	all, err := s.Campaigns(ctx)
	if err != nil {
		return Campaign{}, err
	}
	for _, c := range all {
		if c.Name == name {
			return c, nil
		}
	}
	return Campaign{}, fmt.Errorf("%w: %s", ErrUnknown, quoted(name))
}

// Events returns what happened to a campaign, oldest first.
func (s *Store) Events(ctx context.Context, campaign string) ([]Event, error) {
	rows, err := s.reg.ReadDB().QueryContext(ctx, `SELECT at_ms, actor, what, why, detail FROM tube_event WHERE campaign = $1 ORDER BY seq`, campaign)
	var all []Event
	err = each(rows, err, func(scan func(...any) error) error {
		var e Event
		var at int64
		err := scan(&at, &e.Actor, &e.What, &e.Why, &e.Detail)
		e.At = time.UnixMilli(at).UTC()
		all = append(all, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the events of a campaign: %w", err)
	}
	return all, nil
}

// each calls fn for each row, unless the query failed, and closes the rows.
func each(rows *sql.Rows, err error, fn func(scan func(...any) error) error) error {
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// quoted is a name in an error: short, in quotes, without control characters.
func quoted(s string) string { return fmt.Sprintf("%.40q", s) }

// change runs fn with the campaign locked against other changes, and records
// what it returns as an event.
func (s *Store) change(ctx context.Context, campaign string, fn func(*sql.Tx) (Event, error)) error {
	return s.reg.InTx(ctx, func(tx *sql.Tx) error { return s.changeIn(ctx, tx, campaign, fn) })
}

func (s *Store) changeIn(ctx context.Context, tx *sql.Tx, campaign string, fn func(*sql.Tx) (Event, error)) error {
	var seq int64
	err := tx.QueryRowContext(ctx, `UPDATE tube_campaign SET events = events + 1 WHERE name = $1 RETURNING events`, campaign).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%w: %s", ErrUnknown, quoted(campaign))
	}
	if err != nil {
		return err
	}
	e, err := fn(tx)
	if err != nil {
		return err
	}
	return s.record(ctx, tx, campaign, seq, e)
}

// record stores an event and raises the version of the data, so it comes last.
func (s *Store) record(ctx context.Context, tx *sql.Tx, campaign string, seq int64, e Event) error {
	for _, text := range []string{e.Actor, e.Why} {
		if err := reading.CheckPublic(text); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO tube_event (campaign, seq, at_ms, actor, what, why, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		campaign, seq, s.now().UnixMilli(), clean(e.Actor), e.What, clean(e.Why), clean(e.Detail))
	if err != nil {
		return err
	}
	return s.reg.BumpVersion(ctx, tx)
}

// clean makes free text fit for both databases.
func clean(s string) string {
	const most = 2000
	if len(s) > most {
		s = s[:most]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// create makes the campaign when there is none of the name; an existing one must
// have the same rules.
func (s *Store) create(ctx context.Context, tx *sql.Tx, c Campaign, actor string) (made bool, err error) {
	res, err := tx.ExecContext(ctx, `INSERT INTO tube_campaign (name, zone, policy, blanks, created_ms, events) VALUES ($1, $2, $3, $4, $5, 1) ON CONFLICT (name) DO NOTHING`,
		c.Name, c.Zone, string(c.Policy), string(c.Blanks), s.now().UnixMilli())
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return false, err
	}
	if n > 0 {
		return true, s.record(ctx, tx, c.Name, 1, Event{
			Actor: actor, What: EventCreated,
			Detail: fmt.Sprintf("zone %s, results below the limit: %s, field blanks: %s", c.Zone, c.Policy, c.Blanks),
		})
	}
	var has Campaign
	err = tx.QueryRowContext(ctx, `SELECT zone, policy, blanks FROM tube_campaign WHERE name = $1`, c.Name).Scan(&has.Zone, &has.Policy, &has.Blanks)
	if err == nil && (has.Zone != c.Zone || has.Policy != c.Policy || has.Blanks != c.Blanks) {
		err = fmt.Errorf("%w: %s has other rules: zone %s, results below the limit: %s, field blanks: %s", ErrCampaign, quoted(c.Name), has.Zone, has.Policy, has.Blanks)
	}
	return false, err
}
