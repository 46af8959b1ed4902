package store_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
	"buurtmeter/ingest/register/registertest"
	"buurtmeter/ingest/tube"
	"buurtmeter/ingest/tube/store"
)

func TestStoreOnSQLite(t *testing.T) {
	contract(t, "sqlite:"+filepath.Join(t.TempDir(), "register.db"))
}

func TestStoreOnPostgreSQL(t *testing.T) { contract(t, registertest.Postgres(t)) }

// contract is what a store does on any database. All parts share one, emptied in
// between: making one takes longer than all of them.
func contract(t *testing.T, dsn string) {
	t.Helper()
	reg, err := register.Open(t.Context(), dsn, register.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, reg.Close()) })
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name string
		test func(*testing.T, *register.Register, *store.Store)
	}{
		{"imports a sheet once", importsOnce},
		{"keeps what a correction replaces", keepsReplaced},
		{"refuses", refuses},
		{"gives raw and calibrated means", givesMeans},
		{"takes field blanks off by the rule of the campaign", takesBlanksOff},
		{"keeps the laboratory of each sheet", keepsLabs},
		{"keeps which rows were left out", keepsLeftOut},
		{"publishes no way to a home", publishesNoHome},
		{"reads sheets of before", readsSheetsOfBefore},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, reg, store.New(reg, func() time.Time { return at })) })
		for _, table := range []string{"tube_pair", "tube_calibration", "tube_place", "tube_left_out", "tube_result", "tube_sheet", "tube_event", "tube_campaign"} {
			_, err := reg.DB().ExecContext(t.Context(), "DELETE FROM "+table)
			require.NoError(t, err)
		}
	}
}

func plan() store.Campaign {
	return store.Campaign{Name: "Schone lucht 2025", Zone: "Europe/Amsterdam", Policy: tube.AtLimit, Blanks: tube.BlanksReported}
}

// year is the sheet of a year of two places, four periods of 13 weeks; one
// result of the first is as given.
func year(first string) string {
	var b strings.Builder
	b.WriteString("Resultaten set 1\ncode;omschrijving;startdatum;starttijd;einddatum;eindtijd;concentratie NO2 [µg/m3];opmerking\n")
	for i, p := range [][2]string{{"01-01-2025", "02-04-2025"}, {"02-04-2025", "02-07-2025"}, {"02-07-2025", "01-10-2025"}, {"01-10-2025", "01-01-2026"}} {
		for j, place := range []string{"Kerkstraat 1", "Kerkstraat 1", "Dorpsplein"} {
			value := []string{"30,5", "31,5", "20"}[j]
			if i == 0 && j == 0 {
				value = first
			}
			b.WriteString(strings.Join([]string{
				string(rune('a'+i)) + "-" + string(rune('1'+j)), place, p[0], "12:00", p[1], "12:00", value, "",
			}, ";") + "\n")
		}
	}
	b.WriteString("VB1;Dorpsplein;01-01-2025;12:00;02-04-2025;12:00;<1;\n")
	return b.String()
}

func amsterdam(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Amsterdam")
	require.NoError(t, err)
	return zone
}

func read(t *testing.T, text string) *tube.Sheet {
	t.Helper()
	s, err := tube.ReadSheet("blad.csv", []byte(text), amsterdam(t))
	require.NoError(t, err)
	require.Empty(t, s.Problems)
	return s
}

func importsOnce(t *testing.T, reg *register.Register, s *store.Store) {
	ctx, text := t.Context(), year("30,5")
	done, err := s.Import(ctx, plan(), read(t, text), []byte(text), "operator", "")
	require.NoError(t, err)
	require.Equal(t, store.Imported{Made: true, Version: 1, Tubes: 13}, done)
	version, _, err := reg.DataVersion(ctx)
	require.NoError(t, err)
	for range 2 {
		done, err = s.Import(ctx, plan(), read(t, text), []byte(text), "operator", "")
		require.NoError(t, err)
		require.Equal(t, store.Imported{Version: 1, Same: true, Tubes: 13}, done)
	}
	after, _, err := reg.DataVersion(ctx)
	require.NoError(t, err)
	require.Equal(t, version, after, "the same sheet changes nothing")
	events, err := s.Events(ctx, plan().Name)
	require.NoError(t, err)
	require.Len(t, events, 2)
	require.Equal(t, store.EventCreated, events[0].What)
	require.Equal(t, store.EventImported, events[1].What)
	raw, err := s.Raw(ctx, plan().Name, "1", 1)
	require.NoError(t, err)
	require.Equal(t, text, string(raw))
	sets, err := s.Sets(ctx, plan().Name)
	require.NoError(t, err)
	require.Len(t, sets, 1)
	require.Equal(t, read(t, text).Tubes[0].Result, sets[0].Tubes[0].Result, "as reported, with its decimal comma")
	require.True(t, sets[0].Tubes[12].Blank)
	campaigns, err := s.Campaigns(ctx)
	require.NoError(t, err)
	want := plan()
	want.Created = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	require.Equal(t, []store.Campaign{want}, campaigns)
}

func keepsReplaced(t *testing.T, _ *register.Register, s *store.Store) {
	ctx, wrong, right := t.Context(), year("305"), year("30,5")
	_, err := s.Import(ctx, plan(), read(t, wrong), []byte(wrong), "operator", "")
	require.NoError(t, err)
	_, err = s.Import(ctx, plan(), read(t, right), []byte(right), "operator", "")
	require.ErrorIs(t, err, store.ErrNeedsWhy)
	done, err := s.Import(ctx, plan(), read(t, right), []byte(right), "lab", "komma vergeten")
	require.NoError(t, err)
	require.Equal(t, int64(2), done.Version)
	sets, err := s.Sets(ctx, plan().Name)
	require.NoError(t, err)
	require.Len(t, sets, 1)
	require.Equal(t, 30.5, sets[0].Tubes[0].Result.Value)
	require.Len(t, sets[0].Tubes, 13)
	old, err := s.Raw(ctx, plan().Name, "1", 1)
	require.NoError(t, err)
	require.Equal(t, wrong, string(old))
	events, err := s.Events(ctx, plan().Name)
	require.NoError(t, err)
	last := events[len(events)-1]
	require.Equal(t, [3]string{"lab", store.EventCorrected, "komma vergeten"}, [3]string{last.Actor, last.What, last.Why})
	// Back to the first: its bytes are not those that count.
	done, err = s.Import(ctx, plan(), read(t, wrong), []byte(wrong), "lab", "toch niet")
	require.NoError(t, err)
	require.Equal(t, int64(3), done.Version)
}

func refuses(t *testing.T, _ *register.Register, s *store.Store) {
	ctx, text := t.Context(), year("30,5")
	bad := read(t, text)
	bad.Problems = []tube.Problem{{Row: 3}}
	_, err := s.Import(ctx, plan(), bad, []byte(text), "operator", "")
	require.ErrorIs(t, err, store.ErrProblems)
	for _, change := range []func(*store.Campaign){
		func(c *store.Campaign) { c.Name = "" },
		func(c *store.Campaign) { c.Name = "=1+1" },
		func(c *store.Campaign) { c.Name = "a\x00b" },
		func(c *store.Campaign) { c.Name = strings.Repeat("x", 201) },
		func(c *store.Campaign) { c.Zone = "Mars/Olympus" },
		func(c *store.Campaign) { c.Zone = "" },
		func(c *store.Campaign) { c.Policy = "zero" },
		func(c *store.Campaign) { c.Blanks = "" },
	} {
		c := plan()
		change(&c)
		_, err := s.Import(ctx, c, read(t, text), []byte(text), "operator", "")
		require.ErrorIs(t, err, store.ErrCampaign, "%+v", c)
	}
	campaigns, err := s.Campaigns(ctx)
	require.NoError(t, err)
	require.Empty(t, campaigns, "nothing of a refused import stays")

	_, err = s.Import(ctx, plan(), read(t, text), []byte(text), "operator", "")
	require.NoError(t, err)
	other := plan()
	other.Policy = tube.HalfLimit
	_, err = s.Import(ctx, other, read(t, text), []byte(text), "operator", "")
	require.ErrorIs(t, err, store.ErrCampaign)
	second := strings.Replace(text, "set 1", "set 2", 1)
	_, err = s.Import(ctx, plan(), read(t, second), []byte(second), "operator", "")
	require.ErrorIs(t, err, store.ErrCodeTaken)
	require.ErrorContains(t, err, `"a-1", in row 3, is in set "1"`)
	renamed := read(t, text)
	renamed.Set = "twee"
	_, err = s.Import(ctx, plan(), renamed, []byte(text), "operator", "")
	require.ErrorIs(t, err, store.ErrCodeTaken)
	require.ErrorIs(t, s.Place(ctx, "geen", "Dorpsplein", "Plein", "", "operator", ""), store.ErrUnknown)
	require.ErrorIs(t, s.Place(ctx, plan().Name, "Nergens", "Plein", "", "operator", ""), store.ErrCampaign)
	require.ErrorIs(t, s.Place(ctx, plan().Name, "Dorpsplein", "Plein", "nobody", "operator", ""), ingest.ErrUnknownStation)
	_, err = s.Campaign(ctx, "geen")
	require.ErrorIs(t, err, store.ErrUnknown)
}

func givesMeans(t *testing.T, reg *register.Register, s *store.Store) {
	ctx, text := t.Context(), year("30,5")
	_, err := s.Import(ctx, plan(), read(t, text), []byte(text), "operator", "")
	require.NoError(t, err)
	st := registertest.Station("plein")
	st.Kind = reading.KindTube
	_, err = reg.AddStation(ctx, st, reading.SecretPosition{}, "operator")
	require.NoError(t, err)
	sensor := registertest.Station("kastje")
	_, err = reg.AddStation(ctx, sensor, reading.SecretPosition{}, "operator")
	require.NoError(t, err)
	require.ErrorIs(t, s.Place(ctx, plan().Name, "Dorpsplein", "Het Plein", "kastje", "operator", ""), store.ErrCampaign)
	stamps := map[string]bool{}
	fresh := func(why string) {
		t.Helper()
		stamp, err := s.Stamp(ctx)
		require.NoError(t, err)
		require.False(t, stamps[stamp], why)
		stamps[stamp] = true
		again, err := s.Stamp(ctx)
		require.NoError(t, err)
		require.Equal(t, stamp, again)
	}
	fresh("the first")
	require.NoError(t, s.Place(ctx, plan().Name, "Dorpsplein", "Het Plein", "plein", "operator", "naam van de straat"))
	fresh("a place is a station")

	means, err := s.Means(ctx, plan().Name, 0)
	require.NoError(t, err)
	require.Len(t, means, 2)
	require.Equal(t, "Kerkstraat 1", means[0].Location)
	require.InDelta(t, 31, means[0].Mean, 1e-12)
	require.False(t, means[0].Calibrated)
	require.Equal(t, reading.StationID("plein"), means[1].Station)
	require.Equal(t, [2]int{2025, 4}, [2]int{means[1].Year.Year, means[1].Periods})
	require.InDelta(t, 1, means[1].Coverage, 1e-12)

	var pairs []tube.Pair
	for i := range 5 {
		x := 10 + 5*float64(i)
		pairs = append(pairs, tube.Pair{Location: "meetstation", Period: string(rune('1' + i)), Reference: x, Tube: 1.25*x - 2 + 0.1*float64(i%2), Missing: 0.1 * float64(i)})
	}
	k, err := tube.Calibrate(pairs, 0.35)
	require.NoError(t, err)
	seq, err := s.PutCalibration(ctx, plan().Name, k, "operator", "")
	require.NoError(t, err)
	require.Equal(t, int64(1), seq)
	fresh("calibrated")
	got, seq, err := s.Calibration(ctx, plan().Name)
	require.NoError(t, err)
	require.Equal(t, int64(1), seq)
	require.Equal(t, &k, got, "with its rows, its method and all its figures")
	calibrated, err := s.Means(ctx, plan().Name, 0)
	require.NoError(t, err)
	require.InDelta(t, means[0].Raw, calibrated[0].Raw, 1e-12, "what was measured stays")
	require.InDelta(t, k.Factor*31+k.Offset, calibrated[0].Mean, 1e-12)
	require.Equal(t, int64(1), calibrated[0].Calibration)

	require.NoError(t, reg.DeleteStation(ctx, "plein"))
	fresh("the station is gone")
	means, err = s.Means(ctx, plan().Name, 0)
	require.NoError(t, err)
	require.Empty(t, means[1].Station)
}

func takesBlanksOff(t *testing.T, _ *register.Register, s *store.Store) {
	text := strings.Replace(year("30,5"), "12:00;<1;", "12:00;0,8;", 1)
	c := plan()
	c.Blanks = tube.BlanksSubtracted
	_, err := s.Import(t.Context(), c, read(t, text), []byte(text), "operator", "")
	require.NoError(t, err)
	means, err := s.Means(t.Context(), c.Name, 0)
	require.NoError(t, err)
	require.InDelta(t, 31-0.8, means[0].Mean, 1e-12)
	sets, err := s.Sets(t.Context(), c.Name)
	require.NoError(t, err)
	require.Equal(t, 30.5, sets[0].Tubes[0].Result.Value, "the result stays as reported")
}
