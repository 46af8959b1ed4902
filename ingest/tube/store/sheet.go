package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"buurtmeter/ingest/tube"
)

// Imported tells what an import did.
type Imported struct {
	// Made tells that the campaign is new.
	Made bool
	// Version is the version of the set that counts now, from 1.
	Version int64
	// Same tells that this very file was imported before. Nothing changed then,
	// unless Named tells that its laboratory did.
	Same, Named bool
	// Lab is the laboratory that stands with the sheet now.
	Lab tube.Lab
	// Tubes counts the tubes of the sheet, field blanks among them; LeftOut the rows
	// that could not be read and were left out.
	Tubes, LeftOut int
}

// Import stores a lab sheet with its bytes, raw, in the campaign, which is made
// when there is none of its name; an existing one must have the same rules. The
// same bytes twice change nothing, but that they may name the laboratory (see
// Sheet.LabSaid). Other bytes of a set that is there already are a correction: a
// new version, which counts from then on; the old one stays, and why says what
// was wrong. So are the same bytes of which other rows are left out. What a
// correction does not say of the laboratory stays as it was. A sheet with
// problems is refused; see Sheet.LeaveOut. Errors wrap ErrCampaign, ErrNeedsWhy,
// ErrCodeTaken, ErrProblems or reading.ErrNotPublic.
func (s *Store) Import(ctx context.Context, c Campaign, sheet *tube.Sheet, raw []byte, actor, why string) (Imported, error) {
	if err := checkImport(c, sheet); err != nil {
		return Imported{}, err
	}
	done := Imported{Tubes: len(sheet.Tubes), LeftOut: tube.UnreadRows(sheet.LeftOut)}
	err := s.reg.InTx(ctx, func(tx *sql.Tx) (err error) {
		if done.Made, err = s.create(ctx, tx, c, actor); err != nil {
			return err
		}
		return s.changeIn(ctx, tx, c.Name, func(tx *sql.Tx) (Event, error) {
			last, same, err := s.last(ctx, tx, c.Name, sheet)
			if err != nil {
				return Event{}, err
			}
			done.Same, done.Version, done.Lab = same, last.version, sheet.Lab.Or(last.lab)
			if same {
				return s.nameLab(ctx, tx, c.Name, sheet, last, &done, Event{Actor: actor, What: EventLab, Why: why})
			}
			done.Version++
			e := Event{Actor: actor, What: EventImported, Why: why, Detail: importDetail(sheet, done)}
			if done.Version > 1 {
				e.What = EventCorrected
				if why == "" {
					return Event{}, ErrNeedsWhy
				}
			}
			return e, s.put(ctx, tx, c.Name, sheet, done, raw)
		})
	})
	if errors.Is(err, errSame) {
		err = nil
	}
	if err != nil {
		return Imported{}, fmt.Errorf("import a lab sheet: %w", err)
	}
	return done, nil
}

func checkImport(c Campaign, sheet *tube.Sheet) error {
	if err := c.Check(); err != nil {
		return err
	}
	if n := len(sheet.Problems) + sheet.MoreProblems; n > 0 {
		return fmt.Errorf("%w: %d problems", ErrProblems, n)
	}
	if err := checkName(sheet.Set); err != nil {
		return fmt.Errorf("%w: the name of the set %w", ErrCampaign, err)
	}
	if err := sheet.Lab.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrCampaign, err)
	}
	if len(sheet.Tubes) == 0 {
		return fmt.Errorf("%w: it holds no tubes", ErrProblems)
	}
	return nil
}

// mostRows is how many rows that were left out an event names.
const mostRows = 50

// importDetail tells of an import. What stood in rows that could not be read is
// not told: events are public, and a sheet may hold anything.
func importDetail(sheet *tube.Sheet, done Imported) string {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "set %s version %d, %d tubes, laboratory %s", sheet.Set, done.Version, done.Tubes, done.Lab)
	if done.LeftOut > 0 {
		_, _ = fmt.Fprintf(&b, "; %d rows could not be read and are left out: %s", done.LeftOut, rowList(sheet.LeftOut))
	}
	_, _ = fmt.Fprintf(&b, "; sha256 %s", hex.EncodeToString(sheet.SHA256[:]))
	return b.String()
}

// rowList writes the numbers of rows, each once, no more than mostRows.
func rowList(problems []tube.Problem) string {
	var rows []string
	for i, p := range problems {
		if i > 0 && problems[i-1].Row == p.Row && problems[i-1].Sheet == p.Sheet {
			continue
		}
		rows = append(rows, strconv.Itoa(p.Row))
	}
	if more := len(rows) - mostRows; more > 0 {
		return strings.Join(rows[:mostRows], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(rows, ", ")
}

// nameLab changes what stands of the laboratory of a sheet that was imported
// before, when somebody says so. It ends with errSame when nothing changes.
func (s *Store) nameLab(ctx context.Context, tx *sql.Tx, campaign string, sheet *tube.Sheet, last current, done *Imported, e Event) (Event, error) {
	if !sheet.LabSaid || done.Lab == last.lab {
		done.Lab = last.lab
		return Event{}, errSame
	}
	e.Detail = fmt.Sprintf("set %s version %d: laboratory %s (before: %s)", sheet.Set, last.version, done.Lab, last.lab)
	if last.lab.Or(done.Lab) != done.Lab && e.Why == "" {
		return Event{}, fmt.Errorf("%w: the laboratory was %s", ErrNeedsWhy, quoted(last.lab.String()))
	}
	done.Named = true
	_, err := tx.ExecContext(ctx, `UPDATE tube_sheet SET laboratory = $4, lab_method = $5, detection_limit = $6 WHERE campaign = $1 AND tube_set = $2 AND version = $3`,
		campaign, sheet.Set, last.version, done.Lab.Name, done.Lab.Method, done.Lab.Limit)
	return e, err
}

// current is the version of a set that counts; version 0 is none.
type current struct {
	set     string
	version int64
	sum     []byte
	lab     tube.Lab
	leftOut int
}

// last is the version that counts of the set of the sheet; same tells that the
// sheet is that version.
func (s *Store) last(ctx context.Context, tx *sql.Tx, campaign string, sheet *tube.Sheet) (last current, same bool, err error) {
	var all []current
	rows, err := tx.QueryContext(ctx, `SELECT s.tube_set, s.version, s.sha256, s.laboratory, s.lab_method, s.detection_limit,
		(SELECT count(*) FROM tube_left_out o WHERE o.campaign = s.campaign AND o.tube_set = s.tube_set AND o.version = s.version)
		FROM tube_sheet s WHERE s.campaign = $1 ORDER BY s.tube_set, s.version`, campaign)
	err = each(rows, err, func(scan func(...any) error) error {
		var c current
		err := scan(&c.set, &c.version, &c.sum, &c.lab.Name, &c.lab.Method, &c.lab.Limit, &c.leftOut)
		if n := len(all); n > 0 && all[n-1].set == c.set {
			all = all[:n-1] // the highest version counts
		}
		all = append(all, c)
		return err
	})
	if err != nil {
		return last, false, err
	}
	for _, c := range all {
		bytesSame := bytes.Equal(c.sum, sheet.SHA256[:])
		switch {
		case c.set == sheet.Set:
			last, same = c, bytesSame && c.leftOut == len(sheet.LeftOut)
		case bytesSame:
			return last, false, fmt.Errorf("%w: this file was imported as set %s", ErrCodeTaken, quoted(c.set))
		}
	}
	if same {
		return last, true, nil
	}
	return last, false, s.free(ctx, tx, campaign, sheet)
}

// free reports a tube of the sheet that stands in another set.
func (s *Store) free(ctx context.Context, tx *sql.Tx, campaign string, sheet *tube.Sheet) error {
	taken := map[string]string{}
	rows, err := tx.QueryContext(ctx, currentResults, campaign)
	err = each(rows, err, func(scan func(...any) error) error {
		set, e, err := scanResult(scan)
		if set != sheet.Set {
			taken[e.Code] = set
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, e := range sheet.Tubes {
		if set, ok := taken[e.Code]; ok {
			return fmt.Errorf("%w: %s, in row %d, is in set %s", ErrCodeTaken, quoted(e.Code), e.Row, quoted(set))
		}
	}
	return nil
}

func (s *Store) put(ctx context.Context, tx *sql.Tx, campaign string, sheet *tube.Sheet, done Imported, raw []byte) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO tube_sheet (campaign, tube_set, version, sha256, title, at_ms, raw, laboratory, lab_method, detection_limit)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		campaign, sheet.Set, done.Version, sheet.SHA256[:], clean(sheet.Name), s.now().UnixMilli(), raw, done.Lab.Name, done.Lab.Method, done.Lab.Limit)
	if err != nil {
		return err
	}
	for i, p := range sheet.LeftOut {
		_, err := tx.ExecContext(ctx, `INSERT INTO tube_left_out (campaign, tube_set, version, seq, sheet, sheet_row, sheet_column, what) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			campaign, sheet.Set, done.Version, i, clean(p.Sheet), p.Row, p.Column, clean(p.What))
		if err != nil {
			return fmt.Errorf("row %d, left out: %w", p.Row, err)
		}
	}
	stmt, err := tx.PrepareContext(ctx, `INSERT INTO tube_result (campaign, tube_set, version, code, sheet_row, location, period, start_ms, end_ms, reported, blank, remark)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`)
	if err != nil {
		return err
	}
	defer func() { _ = stmt.Close() }()
	for _, e := range sheet.Tubes {
		_, err := stmt.ExecContext(ctx, campaign, sheet.Set, done.Version, e.Code, e.Row, e.Location, e.Period,
			e.Start.UnixMilli(), e.End.UnixMilli(), clean(e.Result.Text), e.Blank, clean(e.Remark))
		if err != nil {
			return fmt.Errorf("row %d: %w", e.Row, err)
		}
	}
	return nil
}

// currentResults reads the tubes of the versions that count, with the names of
// their places.
const currentResults = `SELECT r.tube_set, r.code, r.sheet_row, COALESCE(p.place, r.location), r.period, r.start_ms, r.end_ms, r.reported, r.blank, r.remark
	FROM tube_result r LEFT JOIN tube_place p ON p.campaign = r.campaign AND p.location = r.location
	WHERE r.campaign = $1 AND r.version = (SELECT max(v.version) FROM tube_sheet v WHERE v.campaign = r.campaign AND v.tube_set = r.tube_set)
	ORDER BY r.tube_set, r.sheet_row, r.code`

func scanResult(scan func(...any) error) (set string, e tube.Exposure, err error) {
	var start, end int64
	var reported string
	if err = scan(&set, &e.Code, &e.Row, &e.Location, &e.Period, &start, &end, &reported, &e.Blank, &e.Remark); err != nil {
		return set, e, err
	}
	e.Start, e.End = time.UnixMilli(start).UTC(), time.UnixMilli(end).UTC()
	e.Result, err = tube.ParseResult(reported)
	return set, e, err
}
