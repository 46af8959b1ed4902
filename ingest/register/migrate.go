package register

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/pressly/goose/v3"
)

// Migrate brings the tables of one owner up to date with the goose files at the
// top of fsys (00001_name.sql, with "-- +goose Up"). Which files were applied
// is kept per owner in the table goose_OWNER. Each file is one transaction and
// is applied once, also when several processes start together. The words
// {{key}}, {{blob}} and {{clustered}} become what the database calls them; see
// dialect.go.
func (r *Register) Migrate(ctx context.Context, owner string, fsys fs.FS) error {
	if owner == "" || strings.Trim(owner, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return fmt.Errorf("migrate %q: use a name of a-z and _ for the owner", owner)
	}
	unlock, err := r.lockMigration(ctx)
	if err != nil {
		return fmt.Errorf("migrate %s: %w", owner, err)
	}
	defer unlock()
	provider, err := goose.NewProvider(r.dialect.goose(), r.db, wordsFS{fsys, r.dialect.words()},
		goose.WithTableName("goose_"+owner),
		goose.WithDisableGlobalRegistry(true),
		goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return fmt.Errorf("migrate %s: %w", owner, err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate %s: %w", owner, err)
	}
	return nil
}

func (r *Register) lockMigration(ctx context.Context) (unlock func(), err error) {
	if r.dialect == PostgreSQL {
		return lockDatabase(ctx, r.db)
	}
	return lockFolder(ctx, filepath.Dir(r.path))
}

// wordsFS gives the files of fsys with the words of the dialect filled in.
type wordsFS struct {
	fsys  fs.FS
	words *strings.Replacer
}

// Open opens a file with its words filled in; a folder as it is.
func (w wordsFS) Open(name string) (fs.File, error) {
	f, err := w.fsys.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return f, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	filled := w.words.Replace(string(text))
	if i := strings.Index(filled, "{{"); i >= 0 {
		word, _, _ := strings.Cut(filled[i:], "\n")
		return nil, errors.Join(fmt.Errorf("%s: unknown word at %q", name, word), f.Close())
	}
	return wordsFile{f, bytes.NewReader([]byte(filled))}, nil
}

type wordsFile struct {
	fs.File
	text *bytes.Reader
}

// Read reads the text with the words filled in.
func (f wordsFile) Read(p []byte) (int, error) { return f.text.Read(p) }
