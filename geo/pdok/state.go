package pdok

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// state is what is on disk of a fetch.
type state struct {
	Started     time.Time              `json:"started"`
	Collections map[string]*collection `json:"collections"`
	// Digest names the content that the register held when the last import was
	// done; the pages are gone then, and their tags are left. Empty before.
	Digest string `json:"digest,omitempty"`

	resumed bool
}

// collection is how far one is fetched.
type collection struct {
	Pages []page `json:"pages"`
	// Next is the address of the next page; Whole tells that there is none.
	Next  string `json:"next,omitempty"`
	Whole bool   `json:"whole,omitempty"`
	// Unfiltered tells that the service cannot select a gemeente.
	Unfiltered bool `json:"unfiltered,omitempty"`
	// Matched is what the service says that all pages hold, -1 when it does not.
	Matched int `json:"matched"`
}

type page struct {
	URL      string   `json:"url"`
	ETag     string   `json:"etag,omitempty"`
	File     string   `json:"file"`
	Sum      string   `json:"sum"`
	Bytes    int64    `json:"bytes"`
	Features int      `json:"features"`
	IDs      []string `json:"ids,omitempty"`
}

func (c *collection) features() int {
	n := 0
	for _, p := range c.Pages {
		n += p.Features
	}
	return n
}

func (c *collection) bytes() int64 {
	var n int64
	for _, p := range c.Pages {
		n += p.Bytes
	}
	return n
}

const stateFile = "state.json"

// lock takes the folder for this process; it is free again when the process ends,
// however it does.
func lock(folder string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // in our own folder
	if err != nil {
		return nil, fmt.Errorf("folder for pages: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrBusy
		}
		return nil, errors.Join(fmt.Errorf("folder for pages %s: %w", folder, err), file.Close())
	}
	return file, nil
}

// load reads the state. What is too old, or does not agree with the pages beside
// it, is begun anew: a fetch can be repeated, a wrong border cannot be seen.
func (f *Fetch) load() error {
	text, err := os.ReadFile(filepath.Join(f.folder, stateFile))
	if errors.Is(err, os.ErrNotExist) {
		return f.restart()
	}
	if err != nil {
		return fmt.Errorf("what is stored of the fetch: %w", err)
	}
	if json.Unmarshal(text, &f.state) != nil || f.state.Collections == nil {
		return f.restart()
	}
	if f.state.Digest != "" {
		return nil
	}
	if age := f.o.Now().Sub(f.state.Started); age < 0 || age > keepFor {
		f.o.Progress(Progress{Note: fmt.Sprintf("the pages that are stored are of %s and may be of another edition: they are fetched again", f.state.Started.Format(time.DateOnly))})
		return f.restart()
	}
	for _, c := range f.state.Collections {
		for _, p := range c.Pages {
			if sumOf(filepath.Join(f.folder, filepath.Base(p.File))) != p.Sum {
				f.o.Progress(Progress{Note: fmt.Sprintf("the stored page %s is damaged: everything is fetched again", p.File)})
				return f.restart()
			}
			f.state.resumed = true
		}
	}
	return nil
}

// sumOf is the sum of a file, empty when it cannot be read.
func sumOf(path string) string {
	file, err := os.Open(path) //nolint:gosec // in our own folder
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

// restart forgets what is stored.
func (f *Fetch) restart() error {
	for _, c := range f.state.Collections {
		if err := f.dropPages(c); err != nil {
			return err
		}
	}
	f.state = state{Started: f.o.Now().UTC(), Collections: map[string]*collection{}}
	return f.save()
}

// forget removes a collection with its pages.
func (f *Fetch) forget(name string) error {
	err := f.dropPages(f.state.Collections[name])
	delete(f.state.Collections, name)
	return errors.Join(err, f.save())
}

// dropPages removes the pages of a collection.
func (f *Fetch) dropPages(c *collection) error {
	for _, p := range c.Pages {
		if err := os.Remove(filepath.Join(f.folder, filepath.Base(p.File))); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove a stored page: %w", err)
		}
	}
	c.Pages, c.Whole, c.Matched = nil, false, -1
	return nil
}

// save puts the state on disk: the old one or the new one, whenever the power
// goes.
func (f *Fetch) save() error {
	text, err := json.Marshal(f.state)
	if err != nil {
		return err
	}
	path := filepath.Join(f.folder, stateFile)
	file, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // in our own folder
	if err == nil {
		_, err = file.Write(text)
		err = errors.Join(err, file.Sync(), file.Close())
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("store how far the fetch is: %w", err)
	}
	folder, err := os.Open(f.folder)
	if err != nil {
		return fmt.Errorf("store how far the fetch is: %w", err)
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Done is told when the areas are in the register, with the name of the content
// that it holds now (geo.Store.Digest). The pages are removed; their tags stay, to
// ask with the next time.
func (f *Fetch) Done(digest string) error {
	var files []string
	for _, c := range f.state.Collections {
		for i := range c.Pages {
			files = append(files, c.Pages[i].File)
			c.Pages[i].IDs = nil
		}
	}
	f.state.Digest = digest
	if err := f.save(); err != nil {
		return err
	}
	for _, name := range files {
		if err := os.Remove(filepath.Join(f.folder, filepath.Base(name))); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove a stored page: %w", err)
		}
	}
	return nil
}
