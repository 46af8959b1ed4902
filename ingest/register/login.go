package register

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"buurtmeter/ingest/reading"
)

// ErrWrongCredentials is returned by Authenticate for a wrong token, an unknown
// station and a paused station alike.
var ErrWrongCredentials = errors.New("wrong station id or token, or the station is paused")

// secrets are what is kept of a token: by none of them it can be found, because
// it is 256 random bits.
type secrets struct {
	digest []byte
	// mosquitto is the line of Mosquitto's password file, without the user.
	mosquitto string
}

func newToken() (token string, kept secrets, err error) {
	var secret [32]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return "", secrets{}, fmt.Errorf("draw a token: %w", err)
	}
	token = base64.RawURLEncoding.EncodeToString(secret[:])
	sum := sha256.Sum256([]byte(token))
	kept.digest = sum[:]
	kept.mosquitto, err = MosquittoHash(token)
	return token, kept, err
}

func (r *Register) storeToken(ctx context.Context, tx *sql.Tx, id reading.StationID, s secrets) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO station_token (station, sha256, mosquitto, issued_ms) VALUES ($1, $2, $3, $4)
		ON CONFLICT (station) DO UPDATE SET sha256 = excluded.sha256, mosquitto = excluded.mosquitto, issued_ms = excluded.issued_ms`,
		string(id), s.digest, s.mosquitto, r.nowMs())
	return err
}

// RotateToken gives the station a new token and returns it, the only time that
// it can be shown. The old one is refused at once by this Register, and within
// a second by other processes.
func (r *Register) RotateToken(ctx context.Context, id reading.StationID, actor string) (token string, err error) {
	token, kept, err := newToken()
	if err != nil {
		return "", err
	}
	err = r.change(ctx, "rotate the token of station", id, func(tx *sql.Tx) error {
		if err := r.storeToken(ctx, tx, id, kept); err != nil {
			return err
		}
		return r.record(ctx, tx, Event{Station: id, Actor: actor, What: EventTokenRotated})
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// RevokeToken takes the station's token away: nobody can log in as it until
// RotateToken or Transfer draws a new one. The token is refused at once by this
// Register, and within a second by other processes. Nothing is recorded when
// there was none.
func (r *Register) RevokeToken(ctx context.Context, id reading.StationID, actor, why string) error {
	return r.change(ctx, "revoke the token of station", id, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM station_token WHERE station = $1`, string(id))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return r.record(ctx, tx, Event{Station: id, Actor: actor, What: EventTokenRevoked, Why: why})
	})
}

// Transfer hands the station to another keeper: it gives it a new token, which
// is returned, the only time that it can be shown, and refuses the old one as
// RotateToken does. maker replaces Station.Maker, in public words; empty leaves
// it as it is. The history stays with the station.
func (r *Register) Transfer(ctx context.Context, id reading.StationID, maker, actor, why string) (token string, err error) {
	if err := checkText(maker); err != nil {
		return "", fmt.Errorf("transfer station %q: the maker %w", storable(string(id), 80), err)
	}
	token, digest, err := newToken()
	if err != nil {
		return "", err
	}
	err = r.change(ctx, "transfer station", id, func(tx *sql.Tx) error {
		if err := r.storeToken(ctx, tx, id, digest); err != nil {
			return err
		}
		if maker != "" {
			if _, err := tx.ExecContext(ctx, `UPDATE station SET maker = $2 WHERE id = $1`, string(id), maker); err != nil {
				return err
			}
		}
		return r.record(ctx, tx, Event{Station: id, Actor: actor, What: EventTransferred, Why: why})
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// Authenticate returns nil when token is the station's current token and the
// station is not paused, ErrWrongCredentials when not, and another error when
// the register cannot tell. The comparison takes the same time for every token.
// A right login is answered from memory while no station was changed, so what
// another process withdraws is refused within a second. A refusal is never from
// memory alone: a token that another process gave out a moment ago is taken.
func (r *Register) Authenticate(ctx context.Context, id reading.StationID, token string) error {
	if _, err := reading.ParseStationID(string(id)); err != nil {
		return ErrWrongCredentials // no register can know it
	}
	sum := sha256.Sum256([]byte(token))
	arrival := r.logins.arrival()
	for {
		current := r.logins.askedSince(arrival)
		l, err := r.login(ctx, id)
		if err != nil {
			return fmt.Errorf("check the login of a station: %w", err)
		}
		// A station that is unknown, or has no token, has an all-zero digest, which
		// no token has.
		if subtle.ConstantTimeCompare(sum[:], l.digest[:]) == 1 && l.known && !l.station.Paused {
			return nil
		}
		if current {
			return ErrWrongCredentials
		}
		if err := r.logins.ask(ctx, r.reads, func() bool { return r.logins.askedSince(arrival) }); err != nil {
			return fmt.Errorf("check the login of a station: %w", err)
		}
	}
}

// login is what the register knows about an id; known is false for none,
// deleted tells that there was one.
type login struct {
	known, deleted bool
	station        reading.Station
	digest         [sha256.Size]byte
}

const (
	// loginFresh is how long answers are given without asking whether a station
	// was changed; below the second that is promised.
	loginFresh = 500 * time.Millisecond
	// maxLogins bounds the stations in memory (some 300 bytes each), maxUnknown
	// the ids without a station, which anyone can make up.
	maxLogins  = 100_000
	maxUnknown = 10_000
)

// loginCache holds logins that were read at one version of the stations. A
// fleet that is always connected costs one tiny query per loginFresh, not one
// per message.
type loginCache struct {
	now func() time.Time
	// asking is held by the one caller that asks for the version; the others
	// wait for it as long as their context allows.
	asking chan struct{}

	mu      sync.Mutex
	version int64
	// begun counts the questions for the version, answered is the number of the
	// last one that was answered.
	begun, answered int
	checked         time.Time // zero: ask before the next answer
	expired         int       // counts the calls of expire
	known           map[reading.StationID]login
	// unknown ids have the value true when their station was deleted.
	unknown map[reading.StationID]bool
}

func newLoginCache(now func() time.Time) *loginCache {
	return &loginCache{
		now: now, asking: make(chan struct{}, 1),
		known: map[reading.StationID]login{}, unknown: map[reading.StationID]bool{},
	}
}

// expire makes the next look-up ask whether a station was changed.
func (c *loginCache) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checked = time.Time{}
	c.expired++
}

// get returns the login from memory. Without one, ok is false and version is
// what put needs.
func (c *loginCache) get(ctx context.Context, db *sql.DB, id reading.StationID) (l login, ok bool, version int64, err error) {
	if err := c.ask(ctx, db, c.fresh); err != nil {
		return login{}, false, 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if l, ok := c.known[id]; ok {
		return l, true, c.version, nil
	}
	gone, ok := c.unknown[id]
	return login{deleted: gone}, ok, c.version, nil
}

func (c *loginCache) fresh() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	age := c.now().Sub(c.checked)
	return !c.checked.IsZero() && age >= 0 && age < loginFresh
}

// arrival is the moment of now for askedSince.
func (c *loginCache) arrival() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.begun
}

// askedSince tells whether the version was asked for after the arrival. Looked up
// after that, a login is at least as new as the arrival.
func (c *loginCache) askedSince(arrival int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answered > arrival
}

// ask forgets everything when a station was changed since it was last asked,
// unless enough is true. There is one question at a time, whose answer serves
// all who wait, so a flood of wrong logins costs few.
func (c *loginCache) ask(ctx context.Context, db *sql.DB, enough func() bool) error {
	if enough() {
		return nil
	}
	select {
	case c.asking <- struct{}{}:
		defer func() { <-c.asking }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if enough() {
		return nil
	}
	c.mu.Lock()
	c.begun++
	number, expired := c.begun, c.expired
	c.mu.Unlock()
	began := c.now()
	var version int64
	if err := db.QueryRowContext(ctx, `SELECT stations FROM register_state`).Scan(&version); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered = number
	if version != c.version {
		c.version = version
		clear(c.known)
		clear(c.unknown)
	}
	if c.expired == expired { // else the answer may be older than our own change
		c.checked = began
	}
	return nil
}

// put keeps a login that was read after version was; when the stations have
// changed since, it may be stale and is not kept.
func (c *loginCache) put(id reading.StationID, l login, version int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.version != version:
	case l.known:
		if len(c.known) >= maxLogins {
			clear(c.known)
		}
		c.known[id] = l
	default:
		if len(c.unknown) >= maxUnknown {
			clear(c.unknown)
		}
		c.unknown[id] = l.deleted
	}
}

func (r *Register) login(ctx context.Context, id reading.StationID) (login, error) {
	if _, err := reading.ParseStationID(string(id)); err != nil {
		return login{}, nil // an impossible id is an unknown station
	}
	l, ok, version, err := r.logins.get(ctx, r.reads, id)
	if err != nil || ok {
		return l, err
	}
	var digest []byte
	var from sql.NullInt64
	var hardware, model sql.NullString
	l.station, err = scanStation(r.reads.QueryRowContext(ctx, `SELECT `+stationColumns+`, t.sha256, b.from_ms, b.hardware, b.model
		FROM station s LEFT JOIN station_token t ON t.station = s.id LEFT JOIN station_board b ON b.station = s.id AND b.until_ms IS NULL
		WHERE s.id = $1`, string(id)).Scan, &digest, &from, &hardware, &model)
	if from.Valid {
		l.station.Board = reading.Board{Hardware: reading.HardwareID(hardware.String), Model: model.String, From: timeOf(from.Int64)}
	}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		l = login{}
		if l.deleted, err = deleted(ctx, r.reads, id); err != nil {
			return login{}, err
		}
	case err != nil:
		return login{}, err
	case digest == nil:
		l.known = true
	case len(digest) != sha256.Size:
		return login{}, fmt.Errorf("the stored token of station %s is damaged: rotate it", id)
	default:
		l.known, l.digest = true, [sha256.Size]byte(digest)
	}
	r.logins.put(id, l, version)
	return l, nil
}
