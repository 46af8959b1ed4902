package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"buurtmeter/geo"
	"buurtmeter/ingest/register"
)

// firstTown is the municipality that the program was made for first: Zaanstad.
const firstTown = "GM0479"

type areasConfig struct {
	stores
	year     int
	gemeente string
}

// runAreas imports the boundaries of areas from a GeoJSON file, lists what was
// imported and removes it.
func runAreas(ctx context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("areas", flag.ContinueOnError)
	var c areasConfig
	c.flags(fs)
	fs.IntVar(&c.year, "year", 0, "year (vintage) of the boundaries")
	fs.StringVar(&c.gemeente, "gemeente", "", "code of the municipality to import from a file with several (default: the only one in the file, or "+firstTown+")")
	rest, err := p.parse(fs, args)
	if err != nil {
		return err
	}
	action := strings.Join(rest, " ")
	switch {
	case len(rest) == 2 && rest[0] == "import":
		return p.runImport(ctx, c, rest[1])
	case action == "list":
		return p.listAreas(ctx, c)
	case action == "remove":
		return p.removeAreas(ctx, c)
	default:
		return hint(errors.New("areas wants: import FILE, list or remove"), "e.g. buurtmeter areas import buurten.geojson --year 2016")
	}
}

func (p *program) checkYear(c areasConfig) error {
	if c.year < 1995 || c.year > p.now().Year()+1 {
		return hint(fmt.Errorf("--year %d is not a year of CBS boundaries", c.year), "give the vintage of the file, e.g. --year 2016")
	}
	return nil
}

func (p *program) runImport(ctx context.Context, c areasConfig, path string) error {
	if err := p.checkYear(c); err != nil {
		return err
	}
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return hint(fmt.Errorf("areas: %w", err), "give the path of a GeoJSON file")
	}
	defer func() { _ = f.Close() }()
	text, err := unpacked(f)
	if err != nil {
		return hint(fmt.Errorf("areas from %s: %w", path, err), "the file is damaged: fetch it again")
	}
	areas, problems, err := geo.ReadGeoJSON(text, c.year)
	for _, problem := range problems {
		_, _ = fmt.Fprintf(p.stderr, "skipped or mended: %s\n", problem)
	}
	switch {
	case errors.Is(err, geo.ErrEncoding):
		return hint(fmt.Errorf("areas from %s: %w", path, err), "save the file as UTF-8 and import it again; nothing was imported")
	case err != nil:
		return hint(fmt.Errorf("areas from %s: %w", path, err),
			"the file must be GeoJSON in WGS84 with statcode/statnaam (or buurtcode/buurtnaam and so on)")
	}
	if areas, err = p.oneTown(areas, c.gemeente); err != nil {
		return err
	}
	return p.importAreas(ctx, c, areas)
}

// unpacked reads through gzip when the file is compressed.
func unpacked(r io.Reader) (io.Reader, error) {
	text := bufio.NewReader(r)
	if mark, _ := text.Peek(2); string(mark) == "\x1f\x8b" {
		return gzip.NewReader(text)
	}
	return text, nil
}

// oneTown keeps the areas of one municipality: an installation is for one.
func (p *program) oneTown(areas []geo.Area, wanted string) ([]geo.Area, error) {
	towns := geo.Gemeenten(areas)
	keep := geo.Code(wanted)
	switch {
	case keep == "" && len(towns) == 1:
		return areas, nil
	case keep == "" && slices.Contains(towns, firstTown):
		keep = firstTown
	case keep == "":
		return nil, hint(fmt.Errorf("the file holds %d municipalities", len(towns)), "choose one with --gemeente, e.g. --gemeente %s", towns[0])
	case !slices.Contains(towns, keep):
		return nil, hint(fmt.Errorf("the file holds no areas of %q", wanted), "it holds %s: choose one of these with --gemeente", few(towns))
	}
	kept := slices.DeleteFunc(slices.Clone(areas), func(a geo.Area) bool { return geo.GemeenteOf(a.Code) != keep })
	if len(kept) < len(areas) {
		_, _ = fmt.Fprintf(p.stderr, "the file holds %d municipalities: %d of its %d areas, those of %s, are imported; choose another with --gemeente\n",
			len(towns), len(kept), len(areas), keep)
	}
	return kept, nil
}

// few lists the first codes.
func few(codes []geo.Code) string {
	const most = 5
	var names []string
	for _, c := range codes[:min(most, len(codes))] {
		names = append(names, string(c))
	}
	if len(codes) > most {
		names = append(names, fmt.Sprintf("and %d more", len(codes)-most))
	}
	return strings.Join(names, ", ")
}

func (p *program) importAreas(ctx context.Context, c areasConfig, areas []geo.Area) error {
	reg, store, err := p.openAreas(ctx, c, p.makeRegister)
	if err != nil {
		return err
	}
	defer func() { _ = reg.Close() }()
	if err := store.Import(ctx, areas, c.year); err != nil {
		return fmt.Errorf("import: %w", err)
	}
	levels := map[geo.Level]int{}
	for _, a := range areas {
		levels[a.Level]++
	}
	_, _ = fmt.Fprintf(p.stdout, "imported %s of %d", counted(levels), c.year)
	active, schematic, err := store.Active(ctx)
	if err != nil {
		return fmt.Errorf("areas: %w", err)
	}
	switch {
	case schematic:
		_, err = fmt.Fprint(p.stdout, "; the map keeps its schematic cells until buurten are imported\n")
	case active != c.year:
		_, err = fmt.Fprintf(p.stdout, "; the boundaries of %d stay in use, because the latest year counts. If they are wrong: buurtmeter areas remove --year %[1]d\n", active)
	default:
		err = p.standing(ctx, reg, store)
	}
	return err
}

// standing ends the line with how many stations stand in a buurt.
func (p *program) standing(ctx context.Context, reg *register.Register, store *geo.Store) error {
	assigned, err := store.StationAreas(ctx)
	if err != nil {
		return fmt.Errorf("areas of stations: %w", err)
	}
	stations, err := reg.Stations(ctx)
	if err != nil {
		return fmt.Errorf("stations: %w", err)
	}
	placed := 0
	for _, st := range stations {
		if st.HasPosition {
			placed++
		}
	}
	_, err = fmt.Fprintf(p.stdout, "; %d stations stand in a buurt\n", len(assigned))
	if placed > 0 && len(assigned) == 0 {
		_, _ = fmt.Fprintf(p.stderr, "none of the %d stations with a position stands in one of these buurten: is it the right municipality?\n", placed)
	}
	return err
}

func counted(n map[geo.Level]int) string {
	return fmt.Sprintf("%d buurten, %d wijken, %d gemeenten", n[geo.Buurt], n[geo.Wijk], n[geo.Gemeente])
}

func (p *program) listAreas(ctx context.Context, c areasConfig) error {
	reg, store, err := p.openAreas(ctx, c, p.openRegister)
	if err != nil {
		return err
	}
	defer func() { _ = reg.Close() }()
	all, err := store.Vintages(ctx)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		_, err = fmt.Fprintln(p.stdout, "no boundaries were imported: the map shows schematic cells")
		return err
	}
	for _, v := range all {
		use := ""
		if v.Active {
			use = " (in use)"
		}
		if _, err := fmt.Fprintf(p.stdout, "%d: %s%s\n", v.Year, counted(v.Count), use); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) removeAreas(ctx context.Context, c areasConfig) error {
	if err := p.checkYear(c); err != nil {
		return err
	}
	reg, store, err := p.openAreas(ctx, c, p.openRegister)
	if err != nil {
		return err
	}
	defer func() { _ = reg.Close() }()
	if err := store.Remove(ctx, c.year); err != nil {
		return hint(err, "buurtmeter areas list shows the years that were imported")
	}
	_, _ = fmt.Fprintf(p.stdout, "removed the boundaries of %d", c.year)
	year, schematic, err := store.Active(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("areas: %w", err)
	case schematic:
		_, _ = fmt.Fprint(p.stdout, "; the schematic cells are in use")
	default:
		_, _ = fmt.Fprintf(p.stdout, "; those of %d are in use", year)
	}
	return p.standing(ctx, reg, store)
}

// openAreas opens the register, with openRegister or makeRegister, and the areas
// in it.
func (p *program) openAreas(ctx context.Context, c areasConfig, open func(context.Context, stores) (*register.Register, error)) (*register.Register, *geo.Store, error) {
	reg, err := open(ctx, c.stores)
	if err != nil {
		return nil, nil, err
	}
	store, err := geo.OpenStore(ctx, reg)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("areas: %w", err), reg.Close())
	}
	return reg, store, nil
}

// openRegister opens the register for a tool beside a running server. One that
// does not exist is an error: a tool that works on what is there would find
// nothing in a new one and say so without a word of the wrong folder.
func (p *program) openRegister(ctx context.Context, st stores) (*register.Register, error) {
	if path, fresh := st.newFile(); fresh {
		return nil, hint(fmt.Errorf("there is no register at %s", path),
			"name the folder of the server with --data, or its register with --register; serve, demo, areas import and station add make a new one")
	}
	return p.makeRegister(ctx, st)
}

// makeRegister is openRegister that makes a register that does not exist yet,
// and says so.
func (p *program) makeRegister(ctx context.Context, st stores) (*register.Register, error) {
	log, err := logger(p.stderr, "warn")
	if err != nil {
		return nil, err
	}
	path, fresh := st.newFile()
	dsn, err := st.dsn()
	if err != nil {
		return nil, err
	}
	reg, err := register.Open(ctx, dsn, register.Options{Now: p.now, Log: log})
	if err != nil {
		return nil, hint(fmt.Errorf("register: %w", err), "check --register, or the rights on the data folder")
	}
	if fresh {
		_, _ = fmt.Fprintf(p.stderr, "new register created in %s\n", path)
	}
	return reg, nil
}
