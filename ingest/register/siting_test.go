package register_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
	"buurtmeter/ingest/register/registertest"
)

// What was declared of official stations in the words of before says the same
// in those of the field.
func TestSettingsOfBeforeAreSitings(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		ctx := t.Context()
		r, err := register.Open(ctx, dsn, register.Options{})
		require.NoError(t, err)
		for _, id := range []reading.StationID{"street", "industry", "background", ""} {
			st := registertest.Station("ref-" + id)
			st.Kind = reading.KindReference
			_, err := r.AddStation(ctx, st, reading.SecretPosition{}, "operator")
			require.NoError(t, err)
			require.NoError(t, r.SetSiting(ctx, st.ID, reading.SitingBackground, "operator", "lijst van de GGD"))
		}
		for _, back := range []string{
			`DROP TABLE network_block`, `DROP TABLE network_error`, `DROP TABLE network_turn`, `DROP TABLE station_particle`, // of later versions
			`UPDATE station SET siting = substr(id, 5)`,
			`UPDATE station_event SET what = 'setting-declared', detail = substr(station, 5) WHERE what = 'siting-declared'`,
			`ALTER TABLE station RENAME COLUMN siting TO setting`, `DELETE FROM goose_register WHERE version_id >= 11`,
		} {
			_, err := r.DB().ExecContext(ctx, back)
			require.NoError(t, err, back)
		}
		require.NoError(t, r.Close())

		r = open(t, dsn, register.Options{})
		for id, want := range map[reading.StationID]reading.Siting{
			"ref-street": reading.SitingRoadside, "ref-industry": reading.SitingIndustrial, "ref-background": reading.SitingBackground, "ref-": reading.SitingUnknown,
		} {
			st, err := r.Station(ctx, id)
			require.NoError(t, err)
			require.Equal(t, want, st.Siting, id)
			events, err := r.Events(ctx, id)
			require.NoError(t, err)
			require.Equal(t, []string{register.EventSitingDeclared, string(want), "lijst van de GGD"}, []string{events[1].What, events[1].Detail, events[1].Why})
		}
	})
}
