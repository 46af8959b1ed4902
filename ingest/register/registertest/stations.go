package registertest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

func stationsRoundTrip(t *testing.T, r *register.Register) {
	want := Station("java-1")
	want.Title = `Café "d'Or" $1 ; DROP TABLE station; -- 😀`
	want.Cadence, want.Since, want.Simulated = 90*time.Second+time.Millisecond, time.Time{}, true
	_, err := r.AddStation(t.Context(), want, place(t, 4.9, 52.4), "operator")
	require.NoError(t, err)
	want.HasPosition = true
	got, err := r.Station(t.Context(), "java-1")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(want, got))

	_, err = r.AddStation(t.Context(), Station("java-1"), reading.SecretPosition{}, "operator")
	require.ErrorIs(t, err, register.ErrStationExists)
	got, err = r.Station(t.Context(), "java-1")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(want, got), "the refused one changed nothing")

	_, err = r.Station(t.Context(), "java-2")
	require.ErrorIs(t, err, ingest.ErrUnknownStation)
	add(t, r, "java-2")
	_, err = r.Station(t.Context(), "java-2")
	require.NoError(t, err, "that it was unknown is not remembered")
}

func stationsRefused(t *testing.T, r *register.Register) {
	for name, change := range map[string]func(*reading.Station){
		"id":      func(s *reading.Station) { s.ID = "Robert'); --" },
		"kind":    func(s *reading.Station) { s.Kind = "" },
		"cadence": func(s *reading.Station) { s.Cadence = 0 },
		"utf-8":   func(s *reading.Station) { s.Title = "\xff\xfe" },
		"nul":     func(s *reading.Station) { s.Maker = "a\x00b" },
		"length":  func(s *reading.Station) { s.Model = strings.Repeat("x", 1001) },
	} {
		st := Station("fine")
		change(&st)
		_, err := r.AddStation(t.Context(), st, reading.SecretPosition{}, "operator")
		assert.Error(t, err, name)
	}
	all, err := r.Stations(t.Context())
	require.NoError(t, err)
	require.Empty(t, all)
}

func stationsOrdered(t *testing.T, r *register.Register) {
	for _, id := range []reading.StationID{"b", "a_b", "a-b", "ab", "a1", "1"} {
		add(t, r, id)
	}
	all, err := r.Stations(t.Context())
	require.NoError(t, err)
	var ids []reading.StationID
	for _, s := range all {
		ids = append(ids, s.ID)
	}
	require.Equal(t, []reading.StationID{"1", "a-b", "a1", "a_b", "ab", "b"}, ids)
}

func loginToken(t *testing.T, r *register.Register) {
	one, two := add(t, r, "one"), add(t, r, "two")
	require.NotEqual(t, one, two)
	require.Len(t, one, 43, "256 bits in base64url")
	require.NoError(t, r.Authenticate(t.Context(), "one", one))
	require.NoError(t, r.Authenticate(t.Context(), "one", one), "from memory")
	for _, wrong := range []string{"", two, one + "A", one[:42], strings.ToUpper(one), "' OR '1'='1"} {
		require.ErrorIs(t, r.Authenticate(t.Context(), "one", wrong), register.ErrWrongCredentials)
	}
	require.ErrorIs(t, r.Authenticate(t.Context(), "three", one), register.ErrWrongCredentials)

	var stored []byte
	require.NoError(t, r.ReadDB().QueryRowContext(t.Context(), `SELECT sha256 FROM station_token WHERE station = 'one'`).Scan(&stored))
	require.Len(t, stored, 32)
	require.NotContains(t, string(stored), one)
}

func loginRotated(t *testing.T, r *register.Register) {
	old := add(t, r, "one")
	require.NoError(t, r.Authenticate(t.Context(), "one", old))
	fresh, err := r.RotateToken(t.Context(), "one", "keeper")
	require.NoError(t, err)
	require.ErrorIs(t, r.Authenticate(t.Context(), "one", old), register.ErrWrongCredentials)
	require.NoError(t, r.Authenticate(t.Context(), "one", fresh))
	_, err = r.RotateToken(t.Context(), "none", "keeper")
	require.ErrorIs(t, err, ingest.ErrUnknownStation)
}

func loginPaused(t *testing.T, r *register.Register) {
	token := add(t, r, "one")
	require.NoError(t, r.Authenticate(t.Context(), "one", token))
	require.NoError(t, r.SetPaused(t.Context(), "one", true, "operator", "sensor hangt binnen"))
	require.ErrorIs(t, r.Authenticate(t.Context(), "one", token), register.ErrWrongCredentials)
	st, err := r.Station(t.Context(), "one")
	require.NoError(t, err)
	require.True(t, st.Paused)
	require.NoError(t, r.SetPaused(t.Context(), "one", false, "operator", ""))
	require.NoError(t, r.Authenticate(t.Context(), "one", token))
	require.ErrorIs(t, r.SetPaused(t.Context(), "none", true, "operator", ""), ingest.ErrUnknownStation)
}

// hostileIDs are ids that anyone can send, none of which is a station.
func hostileIDs() []reading.StationID {
	return []reading.StationID{
		"", "'", `"`, "one' --", "one\x00", "\x00", "\xff\xfe\xfd", "ONE", "../one", "$1", "{{key}}", "one one", "é", "\u202eone",
		reading.StationID(strings.Repeat("a", 64)), reading.StationID(strings.Repeat("\xff", 100_000)),
	}
}

func loginHostile(t *testing.T, r *register.Register) {
	token := add(t, r, "one")
	pos := place(t, 4.9, 52.4)
	for _, id := range hostileIDs() {
		require.ErrorIs(t, r.Authenticate(t.Context(), id, token), register.ErrWrongCredentials)
		_, err := r.Station(t.Context(), id)
		require.ErrorIs(t, err, ingest.ErrUnknownStation)
		require.Less(t, len(err.Error()), 1000)
		require.ErrorIs(t, r.SetPosition(t.Context(), id, pos, "a", "b"), ingest.ErrUnknownStation)
		require.ErrorIs(t, r.SetPaused(t.Context(), id, true, "a", "b"), ingest.ErrUnknownStation)
		_, err = r.RotateToken(t.Context(), id, "a")
		require.ErrorIs(t, err, ingest.ErrUnknownStation)
		events, err := r.Events(t.Context(), id)
		require.NoError(t, err)
		require.Empty(t, events)
	}
	require.NoError(t, r.Authenticate(t.Context(), "one", token))
	require.ErrorIs(t, r.Authenticate(t.Context(), "one", strings.Repeat("\x00\xff", 1000)), register.ErrWrongCredentials)
}

func positions(t *testing.T, r *register.Register) {
	read := func() map[reading.StationID]reading.SecretPosition {
		all := map[reading.StationID]reading.SecretPosition{}
		require.NoError(t, r.Positions(t.Context(), func(id reading.StationID, p reading.SecretPosition) error {
			all[id] = p
			// The assignment of areas writes while it walks.
			return r.InTx(t.Context(), func(tx *sqlTx) error { return r.BumpVersion(t.Context(), tx) })
		}))
		return all
	}
	a, b := place(t, 4.912345678901234, 52.3712345678901), place(t, -0.1, -33.25)
	_, err := r.AddStation(t.Context(), Station("with"), a, "operator")
	require.NoError(t, err)
	add(t, r, "without")
	require.Equal(t, map[reading.StationID]reading.SecretPosition{"with": a}, read(), "to the last digit")

	require.NoError(t, r.SetPosition(t.Context(), "without", b, "keeper", "verhuisd"))
	require.Equal(t, map[reading.StationID]reading.SecretPosition{"with": a, "without": b}, read())
	st, err := r.Station(t.Context(), "without")
	require.NoError(t, err)
	require.True(t, st.HasPosition)

	require.NoError(t, r.SetPosition(t.Context(), "with", reading.SecretPosition{}, "keeper", "plek gewist"))
	require.Equal(t, map[reading.StationID]reading.SecretPosition{"without": b}, read())
	st, err = r.Station(t.Context(), "with")
	require.NoError(t, err)
	require.False(t, st.HasPosition)

	stop := errors.New("stop")
	require.ErrorIs(t, r.Positions(t.Context(), func(reading.StationID, reading.SecretPosition) error { return stop }), stop)
}

func events(t *testing.T, r *register.Register) {
	token, err := r.AddStation(t.Context(), Station("one"), place(t, 4.912345, 52.371234), "operator")
	require.NoError(t, err)
	rotated, err := r.RotateToken(t.Context(), "one", "keeper")
	require.NoError(t, err)
	require.NoError(t, r.SetPosition(t.Context(), "one", place(t, 5.123456, 51.654321), "keeper", "verhuisd"))
	require.NoError(t, r.SetPaused(t.Context(), "one", true, "operator", "stuk\x00 \xff"))
	require.NoError(t, r.SetPaused(t.Context(), "one", true, "operator", "nog eens"))
	require.NoError(t, r.SetPaused(t.Context(), "one", false, "operator", ""))
	require.NoError(t, r.SetPosition(t.Context(), "one", reading.SecretPosition{}, "keeper", "gewist"))
	add(t, r, "other")

	list, err := r.Events(t.Context(), "one")
	require.NoError(t, err)
	var got [][3]string
	for _, e := range list {
		require.Equal(t, reading.StationID("one"), e.Station)
		require.WithinDuration(t, time.Now(), e.At, time.Minute)
		require.Equal(t, time.UTC, e.At.Location())
		got = append(got, [3]string{e.Actor, e.What, e.Why})
		for _, secret := range []string{token, rotated, "4.91", "52.37", "5.12", "51.65"} {
			require.NotContains(t, e.Actor+e.What+e.Why, secret)
		}
	}
	require.Equal(t, [][3]string{
		{"operator", register.EventAdded, ""},
		{"keeper", register.EventTokenRotated, ""},
		{"keeper", register.EventPositionSet, "verhuisd"},
		{"operator", register.EventPaused, "stuk\uFFFD \uFFFD"},
		{"operator", register.EventResumed, ""},
		{"keeper", register.EventPositionRemoved, "gewist"},
	}, got)
}
