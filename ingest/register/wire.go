package register

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"buurtmeter/ingest/decode"
	"buurtmeter/ingest/reading"
)

// The bounds of what can be declared about the messages of one station.
const (
	maxChannels   = 64
	maxChannelKey = 200
)

// CheckWire tells whether the declaration can be kept: a known format (or
// none), a zone that is an IANA name or a fixed offset such as "+01:00" (or
// none), and at most 64 channels with a key of 1 to 200 bytes that occurs once,
// a known property and one of its units. The error says what to change.
func CheckWire(w reading.Wire) error {
	if w.Format != "" {
		if _, err := reading.ParseFormat(string(w.Format)); err != nil {
			return err
		}
	}
	if err := checkZone(w.Zone); err != nil {
		return err
	}
	if len(w.Channels) > maxChannels {
		return fmt.Errorf("%d channels: declare at most %d, only those that a kit names by id", len(w.Channels), maxChannels)
	}
	seen := map[string]bool{}
	for i, c := range w.Channels {
		switch {
		case c.Key == "" || len(c.Key) > maxChannelKey || !utf8.ValidString(c.Key) || strings.ContainsRune(c.Key, 0):
			return fmt.Errorf("channel %d: the key must be UTF-8 text of 1 to %d bytes", i+1, maxChannelKey)
		case seen[c.Key]:
			return fmt.Errorf("channel %q is declared twice: give each key one property", c.Key)
		}
		seen[c.Key] = true
		if c.Property == "" && c.Unit == "" {
			continue // that sensor is left out
		}
		if _, err := reading.ParseProperty(string(c.Property)); err != nil {
			return fmt.Errorf("channel %q: %w", c.Key, err)
		}
		if _, _, ok := decode.Conversion(c.Property, c.Unit); !ok {
			info, _ := reading.InfoOf(c.Property) // it was parsed
			return fmt.Errorf("channel %q: %s has no unit %.40q: leave it out for %s, or use another spelling", c.Key, c.Property, c.Unit, info.Unit)
		}
	}
	return nil
}

func checkZone(zone string) error {
	if zone == "" {
		return nil
	}
	if zone[0] == '+' || zone[0] == '-' {
		at, err := time.Parse("-07:00", zone)
		if _, offset := at.Zone(); err != nil || offset < -14*3600 || offset > 14*3600 {
			return fmt.Errorf("zone %.40q: write a fixed offset as +01:00, at most 14 hours", zone)
		}
		return nil
	}
	// "Local" would be the zone of whichever machine decodes.
	if _, err := time.LoadLocation(zone); err != nil || zone == "Local" || len(zone) > maxID {
		return fmt.Errorf("zone %.40q is not known: use an IANA name such as Europe/Amsterdam, or a fixed offset such as +01:00", zone)
	}
	return nil
}

// storedChannel is one channel in the column of channels.
type storedChannel struct {
	Key      string           `json:"key"`
	Property reading.Property `json:"property"`
	Unit     string           `json:"unit,omitempty"`
}

func encodeChannels(channels []reading.Channel) (string, error) {
	if len(channels) == 0 {
		return "", nil
	}
	stored := make([]storedChannel, len(channels))
	for i, c := range channels {
		stored[i] = storedChannel(c)
	}
	text, err := json.Marshal(stored)
	return string(text), err
}

func decodeChannels(text string) ([]reading.Channel, error) {
	if text == "" {
		return nil, nil
	}
	var stored []storedChannel
	if err := json.Unmarshal([]byte(text), &stored); err != nil {
		return nil, fmt.Errorf("stored channels cannot be read, declare them again: %w", err)
	}
	channels := make([]reading.Channel, len(stored))
	for i, c := range stored {
		channels[i] = reading.Channel(c)
	}
	return channels, nil
}

// SetWire stores what is declared about the messages of the station, in place
// of what was declared before; see CheckWire for what is taken. Nothing is
// recorded when it was so already. The event names the format, the zone and the
// number of channels, never their keys: a kit may use its chip id in them.
func (r *Register) SetWire(ctx context.Context, id reading.StationID, w reading.Wire, actor, why string) error {
	if err := CheckWire(w); err != nil {
		return fmt.Errorf("declare the messages of station %q: %w", storable(string(id), 80), err)
	}
	channels, err := encodeChannels(w.Channels)
	if err != nil {
		return err
	}
	return r.change(ctx, "declare the messages of station", id, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE station SET format = $2, zone = $3, channels = $4
			WHERE id = $1 AND (format <> $2 OR zone <> $3 OR channels <> $4)`, string(id), string(w.Format), w.Zone, channels)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return r.record(ctx, tx, Event{Station: id, Actor: actor, What: EventWireDeclared, Why: why, Detail: wireDetail(w)})
	})
}

func wireDetail(w reading.Wire) string {
	format, zone := w.Format, w.Zone
	if format == "" {
		format = reading.FormatOwn
	}
	if zone == "" {
		zone = "none"
	}
	return fmt.Sprintf("format %s, zone %s, %d channels", format, zone, len(w.Channels))
}

// errText is returned for text that a database cannot keep as it is.
var errText = errors.New("must be UTF-8 text of at most 1000 bytes, without NUL")

func checkText(s string) error {
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) || len(s) > 1000 {
		return errText
	}
	return nil
}
