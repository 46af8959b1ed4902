package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"buurtmeter/geo"
	"buurtmeter/geo/pdok"
)

// readAreas reads a file of any kind that is known.
func readAreas(ctx context.Context, path string, c areasConfig) ([]geo.Area, []geo.Problem, error) {
	if pdok.IsGeoPackage(path) {
		areas, problems, err := pdok.ReadGeoPackage(ctx, path, c.year, geo.Code(c.gemeente))
		return areas, problems, hintAreas(err, "areas from "+path,
			"the file must be a GeoPackage with layers of buurten, wijken or gemeenten; ogr2ogr -f GeoJSON makes GeoJSON of one layer")
	}
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, nil, hint(fmt.Errorf("areas: %w", err), "give the path of a GeoJSON file or a GeoPackage")
	}
	defer func() { _ = f.Close() }()
	text, err := unpacked(f)
	if err != nil {
		return nil, nil, hint(fmt.Errorf("areas from %s: %w", path, err), "the file is damaged: fetch it again")
	}
	all := geo.NewCollector(c.year, geo.Code(c.gemeente))
	err = all.ReadGeoJSON(text)
	var areas []geo.Area
	if err == nil {
		areas, err = all.Areas()
	}
	if others := all.Elsewhere(); errors.Is(err, geo.ErrNoAreas) && len(others) > 0 {
		return nil, nil, hint(fmt.Errorf("the file holds no areas of %q", c.gemeente), "it holds %s: choose one of these with --gemeente", geo.FirstCodes(others))
	}
	return areas, all.Problems(), hintAreas(err, "areas from "+path, "the file must be GeoJSON in WGS84 with statcode/statnaam (or buurtcode/buurtnaam and so on)")
}

// hintAreas says of what err is and adds what can be done; nil when err is.
func hintAreas(err error, of, otherwise string) error {
	if err == nil {
		return nil
	}
	full := fmt.Errorf("%s: %w", of, err)
	switch {
	case errors.Is(err, geo.ErrEncoding):
		return hint(full, "save the file as UTF-8 and import it again; nothing was imported")
	case errors.Is(err, geo.ErrVintage):
		return hint(full, "give the year of the boundaries with --year; several years are imported one at a time. Nothing was imported")
	case errors.Is(err, geo.ErrProjection):
		return hint(full, "convert the file first, e.g. ogr2ogr -t_srs EPSG:4326 wgs84.gpkg FILE; nothing was imported")
	default:
		return hint(full, "%s", otherwise)
	}
}

// unpacked reads through gzip when the file is compressed.
func unpacked(r io.Reader) (io.Reader, error) {
	text := bufio.NewReader(r)
	if mark, _ := text.Peek(2); string(mark) == "\x1f\x8b" {
		return gzip.NewReader(text)
	}
	return text, nil
}

// tell says what was left out or mended: each of the first with its reason, then
// one line for each kind with the areas. Water is no fault and is only counted.
func (p *program) tell(problems []geo.Problem) {
	const most = 20
	told := 0
	for _, problem := range problems {
		if problem.Cause == geo.CauseWater {
			continue
		}
		if told++; told <= most {
			_, _ = fmt.Fprintf(p.stderr, "skipped or mended: %s\n", printable(problem.String()))
		}
	}
	if told > most {
		_, _ = fmt.Fprintf(p.stderr, "and %d more\n", told-most)
	}
	for _, tally := range geo.TallyOf(problems) {
		_, _ = fmt.Fprintln(p.stderr, tally)
	}
}

// runFetch imports from a service. The pages are kept beside the data until the
// areas are in the register, so that an interrupted import goes on.
func (p *program) runFetch(ctx context.Context, c areasConfig) (err error) {
	held, err := p.heldAreas(ctx, c)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.data, 0o700); err != nil {
		return hint(fmt.Errorf("data folder: %w", err), "give a folder that this user may write with --data")
	}
	f, err := pdok.Open(pdok.Options{
		Source: c.source, Year: c.year, Gemeente: geo.Code(c.gemeente), Folder: filepath.Join(c.data, "areas"), Held: held,
		Now: p.now, Progress: p.fetched,
	})
	if err != nil {
		return hintFetch(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	unchanged, err := f.Run(ctx)
	switch {
	case err != nil:
		return hintFetch(err)
	case unchanged:
		_, err = fmt.Fprintf(p.stdout, "nothing changed at %s since the last import of %d; nothing was done\n", f.Source(), c.year)
		return err
	}
	areas, problems, err := f.Areas()
	p.tell(problems)
	if err != nil {
		return hintAreas(err, "areas from "+f.Source(), "look at what the service gives, or name another one with --source; nothing was imported")
	}
	digest, err := p.importAreas(ctx, c, areas, geo.Origin{Source: f.Source(), At: p.now()})
	if err != nil {
		return err
	}
	return f.Done(digest)
}

// heldAreas names what the register holds of the year; empty for a new one.
func (p *program) heldAreas(ctx context.Context, c areasConfig) (string, error) {
	if _, fresh := c.newFile(); fresh {
		return "", nil
	}
	reg, store, err := p.openAreas(ctx, c, p.makeRegister)
	if err != nil {
		return "", err
	}
	held, err := store.Digest(ctx, c.year)
	return held, errors.Join(err, reg.Close())
}

// fetched shows how far a fetch is.
func (p *program) fetched(pr pdok.Progress) {
	if pr.Note != "" {
		_, _ = fmt.Fprintln(p.stderr, printable(pr.Note))
		return
	}
	_, _ = fmt.Fprintf(p.stderr, "%s: page %d, %d features, %.1f MB\n", pr.Collection, pr.Pages, pr.Features, float64(pr.Bytes)/1e6)
}

// hintFetch adds to an error of a service what can be done.
func hintFetch(err error) error {
	full := fmt.Errorf("areas: %w", err)
	var status *pdok.StatusError
	switch {
	case errors.Is(err, pdok.ErrSource):
		return hint(full, "name a service with --source, e.g. --source https://api.pdok.nl/cbs/wijken-en-buurten-2025/ogc/v1, or import a file")
	case errors.Is(err, context.Canceled):
		return hint(full, "start the same command again: it goes on with the pages that are stored; nothing was imported")
	case errors.Is(err, pdok.ErrBusy):
		return hint(full, "wait until it is done")
	case errors.Is(err, pdok.ErrLoop), errors.Is(err, pdok.ErrIncomplete), errors.Is(err, pdok.ErrAnswer):
		return hint(full, "check --source, or import a file of the same boundaries; nothing was imported")
	case errors.Is(err, pdok.ErrService):
		return hint(full, "check the connection, and try again later with the same command: it goes on with the pages that are stored; nothing was imported")
	case errors.As(err, &status):
		return hint(full, "check --source and --year: is it the address of a service of this year? Nothing was imported")
	default:
		return hint(full, "check the space and the rights on the data folder, then give the same command again; nothing was imported")
	}
}
