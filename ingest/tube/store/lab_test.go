package store_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
	"buurtmeter/ingest/tube"
	"buurtmeter/ingest/tube/store"
)

func labOf(t *testing.T, s *store.Store) tube.Lab {
	t.Helper()
	sets, err := s.Sets(t.Context(), plan().Name)
	require.NoError(t, err)
	return sets[0].Lab
}

func lastEvent(t *testing.T, s *store.Store) store.Event {
	t.Helper()
	events, err := s.Events(t.Context(), plan().Name)
	require.NoError(t, err)
	return events[len(events)-1]
}

func keepsLabs(t *testing.T, _ *register.Register, s *store.Store) {
	ctx, text := t.Context(), "Laboratorium: Buro X\nDetectielimiet 1 µg/m³\n"+year("30,5")
	done, err := s.Import(ctx, plan(), read(t, text), []byte(text), "operator", "")
	require.NoError(t, err)
	x := tube.Lab{Name: "Buro X", Limit: "1 µg/m³"}
	require.Equal(t, x, done.Lab)
	require.Equal(t, x, labOf(t, s))
	require.Contains(t, lastEvent(t, s).Detail, "laboratory Buro X, limit of detection 1 µg/m³")

	said := func(lab tube.Lab, why string) (store.Imported, error) {
		again := read(t, text)
		again.Lab, again.LabSaid = lab.Or(again.Lab), true
		return s.Import(ctx, plan(), again, []byte(text), "operator", why)
	}
	stamp, err := s.Stamp(ctx)
	require.NoError(t, err)
	done, err = said(tube.Lab{Method: "Saltzman"}, "")
	require.NoError(t, err, "what was not known is no correction")
	require.True(t, done.Same && done.Named)
	x.Method = "Saltzman"
	require.Equal(t, x, labOf(t, s))
	require.Equal(t, store.EventLab, lastEvent(t, s).What)
	after, err := s.Stamp(ctx)
	require.NoError(t, err)
	require.NotEqual(t, stamp, after, "the pages are made anew")
	done, err = said(tube.Lab{Method: "Saltzman"}, "")
	require.NoError(t, err)
	require.Equal(t, store.Imported{Version: 1, Same: true, Lab: x, Tubes: 13}, done)
	done, err = s.Import(ctx, plan(), read(t, text), []byte(text), "operator", "")
	require.NoError(t, err)
	require.Equal(t, x, done.Lab, "the file alone takes nothing away")

	_, err = said(tube.Lab{Name: "Buro Y"}, "")
	require.ErrorIs(t, err, store.ErrNeedsWhy)
	require.Equal(t, x, labOf(t, s))
	_, err = said(tube.Lab{Name: "Buro Y"}, "het blad is van een ander")
	require.NoError(t, err)
	x.Name = "Buro Y"
	require.Equal(t, x, labOf(t, s))
	require.Contains(t, lastEvent(t, s).Detail, "(before: Buro X, method Saltzman")

	corrected := year("31,5") // says nothing of a laboratory
	done, err = s.Import(ctx, plan(), read(t, corrected), []byte(corrected), "lab", "komma vergeten")
	require.NoError(t, err)
	require.Equal(t, x, done.Lab, "a correction comes from the same laboratory")

	second := strings.NewReplacer("set 1", "set 2", "\na-", "\ne-", "\nb-", "\nf-", "\nc-", "\ng-", "\nd-", "\nh-", "VB1", "VB2", "Dorpsplein", "Dam").Replace(year("30,5"))
	_, err = s.Import(ctx, plan(), read(t, second), []byte(second), "operator", "")
	require.NoError(t, err)
	means, err := s.Means(ctx, plan().Name, 0)
	require.NoError(t, err)
	labs := map[string][]tube.Lab{}
	for _, m := range means {
		labs[m.Location] = m.Labs
	}
	require.Equal(t, map[string][]tube.Lab{"Kerkstraat 1": {x, {}}, "Dorpsplein": {x}, "Dam": {{}}}, labs, "of one sheet it is known, of the other not")
}

func keepsLeftOut(t *testing.T, _ *register.Register, s *store.Store) {
	ctx, text := t.Context(), strings.Replace(year("veel"), "b-1;", "=b;", 1)
	sheet, err := tube.ReadSheet("blad.csv", []byte(text), amsterdam(t))
	require.NoError(t, err)
	_, err = s.Import(ctx, plan(), sheet, []byte(text), "operator", "")
	require.ErrorIs(t, err, store.ErrProblems)
	require.NoError(t, sheet.LeaveOut())
	done, err := s.Import(ctx, plan(), sheet, []byte(text), "operator", "")
	require.NoError(t, err)
	require.Equal(t, store.Imported{Made: true, Version: 1, Tubes: 11, LeftOut: 2}, done)
	require.Contains(t, lastEvent(t, s).Detail, "; 2 rows could not be read and are left out: 3, 6;")
	require.NotContains(t, lastEvent(t, s).Detail, "veel", "what stood there is not public")
	done, err = s.Import(ctx, plan(), sheet, []byte(text), "operator", "")
	require.NoError(t, err)
	require.True(t, done.Same)
	sets, err := s.Sets(ctx, plan().Name)
	require.NoError(t, err)
	require.Len(t, sets[0].LeftOut, 2)
	require.Equal(t, [2]any{3, "G"}, [2]any{sets[0].LeftOut[0].Row, sets[0].LeftOut[0].Column})
	require.Contains(t, sets[0].LeftOut[0].What, "veel")
	means, err := s.Means(ctx, plan().Name, 0)
	require.NoError(t, err)
	for _, m := range means {
		require.Equal(t, 2, m.LeftOut, m.Location)
	}

	// A later program may read more of the same bytes: that is a new version.
	sheet.LeftOut = sheet.LeftOut[1:]
	_, err = s.Import(ctx, plan(), sheet, []byte(text), "operator", "")
	require.ErrorIs(t, err, store.ErrNeedsWhy)
	done, err = s.Import(ctx, plan(), sheet, []byte(text), "operator", "rij 3 is nu leesbaar")
	require.NoError(t, err)
	require.Equal(t, [2]int64{2, 1}, [2]int64{done.Version, int64(done.LeftOut)})
	sets, err = s.Sets(ctx, plan().Name)
	require.NoError(t, err)
	require.Len(t, sets[0].LeftOut, 1, "those of the version that counts")
}

func publishesNoHome(t *testing.T, _ *register.Register, s *store.Store) {
	ctx, text := t.Context(), year("30,5")
	named := plan()
	named.Name = "Lucht 52.4419, 4.8237"
	_, err := s.Import(ctx, named, read(t, text), []byte(text), "operator", "")
	require.ErrorIs(t, err, reading.ErrNotPublic)
	_, err = s.Import(ctx, plan(), read(t, text), []byte(text), "operator", "bel 06 12345678")
	require.ErrorIs(t, err, reading.ErrNotPublic)
	bad := read(t, text)
	bad.Lab.Name = "jan@example.org"
	_, err = s.Import(ctx, plan(), bad, []byte(text), "operator", "")
	require.ErrorIs(t, err, reading.ErrNotPublic)
	campaigns, err := s.Campaigns(ctx)
	require.NoError(t, err)
	require.Empty(t, campaigns)
}

// A sheet of before these columns were there has no laboratory and nothing left
// out.
func readsSheetsOfBefore(t *testing.T, reg *register.Register, s *store.Store) {
	ctx, text := t.Context(), year("30,5")
	_, err := s.Import(ctx, plan(), read(t, text), []byte(text), "operator", "")
	require.NoError(t, err)
	_, err = reg.DB().ExecContext(ctx, `INSERT INTO tube_sheet (campaign, tube_set, version, sha256, title, at_ms, raw) SELECT campaign, 'oud', version, sha256, title, at_ms, raw FROM tube_sheet`)
	require.NoError(t, err)
	sets, err := s.Sets(ctx, plan().Name)
	require.NoError(t, err)
	require.Len(t, sets, 2)
	require.Equal(t, "oud", sets[1].Name)
	require.Equal(t, tube.Lab{}, sets[1].Lab)
	require.Empty(t, sets[1].LeftOut)
}
