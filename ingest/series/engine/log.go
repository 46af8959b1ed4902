package engine

import (
	"context"
	"log/slog"
	"slices"

	"go.uber.org/zap/zapcore"
)

// bridge passes the engine's zap messages to slog: warnings and errors (a
// compaction that finds the disk full) as warnings, all else as debug.
type bridge struct {
	log   *slog.Logger
	attrs []slog.Attr
}

func level(l zapcore.Level) slog.Level {
	if l >= zapcore.WarnLevel {
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// Enabled is part of zapcore.Core.
func (b bridge) Enabled(l zapcore.Level) bool {
	return b.log.Enabled(context.Background(), level(l))
}

// With is part of zapcore.Core.
func (b bridge) With(fields []zapcore.Field) zapcore.Core {
	return bridge{log: b.log, attrs: slices.Concat(b.attrs, attrs(fields))}
}

// Check is part of zapcore.Core.
func (b bridge) Check(entry zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if b.Enabled(entry.Level) {
		return to.AddCore(entry, b)
	}
	return to
}

// Write is part of zapcore.Core.
func (b bridge) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	b.log.LogAttrs(context.Background(), level(entry.Level), "influxdb engine: "+entry.Message,
		slices.Concat(b.attrs, attrs(fields))...)
	return nil
}

// Sync is part of zapcore.Core.
func (b bridge) Sync() error { return nil }

func attrs(fields []zapcore.Field) []slog.Attr {
	enc := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(enc)
	}
	out := make([]slog.Attr, 0, len(enc.Fields))
	for k, v := range enc.Fields {
		out = append(out, slog.Any(k, v))
	}
	slices.SortFunc(out, func(a, b slog.Attr) int {
		switch {
		case a.Key < b.Key:
			return -1
		case a.Key > b.Key:
			return 1
		}
		return 0
	})
	return out
}
