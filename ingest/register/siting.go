package register

import (
	"context"
	"database/sql"

	"buurtmeter/ingest/reading"
)

// SetSiting declares what surrounds a station. The event is public; nothing is
// recorded when it was declared so already. The error says which sitings there
// are.
func (r *Register) SetSiting(ctx context.Context, id reading.StationID, s reading.Siting, actor, why string) error {
	s, err := reading.ParseSiting(string(s))
	if err != nil {
		return err
	}
	return r.change(ctx, "declare the siting of station", id, func(tx *sql.Tx) error {
		return r.putSiting(ctx, tx, Event{Station: id, Actor: actor, Why: why}, s)
	})
}

// putSiting stores the siting and records it as e, when it is another one than
// before.
func (r *Register) putSiting(ctx context.Context, tx *sql.Tx, e Event, s reading.Siting) error {
	res, err := tx.ExecContext(ctx, `UPDATE station SET siting = $2 WHERE id = $1 AND siting <> $2`, string(e.Station), string(s))
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	e.What, e.Detail = EventSitingDeclared, string(s)
	return r.record(ctx, tx, e)
}
