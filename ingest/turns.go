package ingest

import (
	"context"
	"log/slog"
	"time"
)

// turns is work at which the processes of an installation take turns.
type turns struct {
	// every is the time between two turns, poll how often a process asks for one.
	every, poll time.Duration
	log         *slog.Logger
	// take tells whether it is this process's turn.
	take func(ctx context.Context, every time.Duration) (bool, error)
	once func(context.Context) (changed int, err error)
	// failed is what is logged with a fault.
	failed string
}

// turnDefaults fills in what was left out: a turn an hour, asked for sixty times
// between two, and no log.
func turnDefaults(every, poll *time.Duration, log **slog.Logger) {
	if *every <= 0 {
		*every = time.Hour
	}
	if *poll <= 0 {
		*poll = *every / 60
	}
	if *log == nil {
		*log = slog.New(slog.DiscardHandler)
	}
}

// run does the work whenever it is this process's turn, until ctx ends. What a
// fault left waits for the next turn.
func (t turns) run(ctx context.Context) {
	for ctx.Err() == nil {
		mine, err := t.take(ctx, t.every)
		if err == nil && mine {
			_, err = t.once(ctx)
		}
		if err != nil && ctx.Err() == nil {
			t.log.LogAttrs(ctx, slog.LevelWarn, t.failed, slog.Any("error", err))
		}
		_ = pause(ctx, t.poll)
	}
}
