package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"buurtmeter/geo"
	"buurtmeter/ingest/register"
	"buurtmeter/opendata"
)

// firstTown is the municipality that the program was made for first: Zaanstad.
const firstTown = string(opendata.DefaultGemeente)

// hintShown says what to do when the site cannot show its municipality.
func hintShown(err error) error {
	if errors.Is(err, opendata.ErrGemeente) {
		return hint(err, "choose another one with --gemeente, or import its boundaries: buurtmeter areas import --gemeente "+firstTown+" --year 2025")
	}
	return err
}

type areasConfig struct {
	stores
	year     int
	gemeente string
	all      bool
	source   string
}

// runAreas imports the boundaries of areas from a service or a file, lists what
// was imported and removes it.
func runAreas(ctx context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("areas", flag.ContinueOnError)
	var c areasConfig
	c.flags(fs)
	fs.IntVar(&c.year, "year", 0, "year (vintage) of the boundaries")
	fs.StringVar(&c.gemeente, "gemeente", "", "code of the municipality to import (of a file, default: the only one in it, or "+firstTown+")")
	fs.BoolVar(&c.all, "all", false, "import every municipality: the whole of the Netherlands")
	fs.StringVar(&c.source, "source", "", "address of the service to import from: OGC API Features (…/ogc/v1) or WFS 2.0 (default: PDOK's of the year)")
	rest, err := p.parse(fs, args)
	if err != nil {
		return err
	}
	typed := slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(strings.TrimLeft(a, "-"), "gemeente") })
	if c.all && !typed {
		c.gemeente = "" // the one that the environment names for the site
	}
	action := strings.Join(rest, " ")
	switch {
	case action == "import", len(rest) == 2 && rest[0] == "import":
		if err := p.checkImport(c, len(rest) == 2); err != nil {
			return err
		}
		if len(rest) == 1 {
			return p.runFetch(ctx, c)
		}
		return p.runImport(ctx, c, rest[1])
	case action == "list":
		return p.listAreas(ctx, c)
	case action == "remove":
		return p.removeAreas(ctx, c)
	default:
		return hint(errors.New("areas wants: import [FILE], list or remove"),
			"e.g. buurtmeter areas import --gemeente "+firstTown+" --year 2025, or buurtmeter areas import buurten.geojson --year 2016")
	}
}

func (p *program) checkYear(c areasConfig) error {
	if c.year < 1995 || c.year > p.now().Year()+1 {
		return hint(fmt.Errorf("--year %d is not a year of CBS boundaries", c.year), "give the vintage of the boundaries, e.g. --year 2025")
	}
	return nil
}

// checkImport finds flags that contradict each other before anything is read.
func (p *program) checkImport(c areasConfig, file bool) error {
	if err := p.checkYear(c); err != nil {
		return err
	}
	level, ok := geo.LevelOf(geo.Code(c.gemeente))
	switch {
	case c.all && c.gemeente != "":
		return hint(errors.New("--all and --gemeente contradict each other"), "give one of them")
	case c.gemeente != "" && (!ok || level != geo.Gemeente):
		return hint(fmt.Errorf("--gemeente %q is no code of a municipality", c.gemeente), "give it as --gemeente "+firstTown)
	case file && c.source != "":
		return hint(errors.New("a file and --source contradict each other"), "leave the file out to import from the service")
	case !file && !c.all && c.gemeente == "":
		return hint(errors.New("areas import without a file wants to know which municipality"), "give --gemeente "+firstTown+", or --all for the whole of the Netherlands")
	}
	return nil
}

func (p *program) runImport(ctx context.Context, c areasConfig, path string) error {
	areas, problems, err := readAreas(ctx, path, c)
	p.tell(problems)
	if err != nil {
		return err
	}
	if c.gemeente == "" && !c.all {
		if areas, err = p.oneTown(areas); err != nil {
			return err
		}
	}
	_, err = p.importAreas(ctx, c, areas, geo.Origin{Source: filepath.Base(path), At: p.now()})
	return err
}

// oneTown keeps the areas of one municipality, which most installations are for.
func (p *program) oneTown(areas []geo.Area) ([]geo.Area, error) {
	towns := geo.Gemeenten(areas)
	keep := geo.Code(firstTown)
	switch {
	case len(towns) == 1:
		return areas, nil
	case !slices.Contains(towns, keep):
		return nil, hint(fmt.Errorf("the file holds %d municipalities", len(towns)), "choose one with --gemeente, e.g. --gemeente %s, or import them with --all", towns[0])
	}
	kept := slices.DeleteFunc(slices.Clone(areas), func(a geo.Area) bool { return geo.GemeenteOf(a.Code) != keep })
	_, _ = fmt.Fprintf(p.stderr, "the file holds %d municipalities: %d of its %d areas, those of %s, are imported; choose another with --gemeente, or --all\n",
		len(towns), len(kept), len(areas), keep)
	return kept, nil
}

// importAreas stores the areas and says what came of it. digest names the content
// of the year that the register holds afterwards.
func (p *program) importAreas(ctx context.Context, c areasConfig, areas []geo.Area, from geo.Origin) (digest string, err error) {
	p.tell(geo.Orphans(areas))
	reg, store, err := p.openAreas(ctx, c, p.makeRegister)
	if err != nil {
		return "", err
	}
	defer func() { _ = reg.Close() }()
	done, err := store.ImportFrom(ctx, areas, c.year, from)
	if err != nil {
		return "", fmt.Errorf("import: %w", err)
	}
	if digest, err = store.Digest(ctx, c.year); err != nil {
		return "", err
	}
	for _, level := range []geo.Level{geo.Buurt, geo.Wijk, geo.Gemeente} {
		if n := done.Before[level]; n > 0 {
			_, _ = fmt.Fprintf(p.stderr, "%d areas (%s) of %d that were there before are replaced\n", n, level, c.year)
		}
	}
	return digest, p.sayImported(ctx, c, reg, store, areas, done)
}

func (p *program) sayImported(ctx context.Context, c areasConfig, reg *register.Register, store *geo.Store, areas []geo.Area, done geo.Imported) error {
	levels := map[geo.Level]int{}
	for _, a := range areas {
		levels[a.Level]++
	}
	verb := "imported %s of %d"
	if done.Unchanged {
		verb = "nothing changed: %s of %d were imported before"
	}
	_, _ = fmt.Fprintf(p.stdout, verb, counted(levels), c.year)
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
		if _, err := fmt.Fprintf(p.stdout, "%d: %s%s%s\n", v.Year, counted(v.Count), use, origin(v)); err != nil {
			return err
		}
	}
	return nil
}

// origin tells from when the boundaries are, where they came from, and which key
// figures came along.
func origin(v geo.Vintage) string {
	text := fmt.Sprintf("\n  boundaries of 1 January %d", v.Year)
	if !v.Origin.At.IsZero() {
		text += fmt.Sprintf(", imported %s from %s", v.Origin.At.Format(time.DateOnly), printable(v.Origin.Source))
	}
	if n := v.Count[geo.Buurt]; v.Inhabited+v.Households+v.Dense > 0 {
		text += fmt.Sprintf("\n  of %d buurten are known: inhabitants of %d (%d in all), households of %d, density of %d", n, v.Inhabited, v.Inhabitants, v.Households, v.Dense)
	} else if n > 0 {
		text += "\n  without key figures"
	}
	return text
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
