package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"buurtmeter/geo"
	"buurtmeter/ingest/register"
)

// runAreas imports the boundaries of areas from a GeoJSON file.
func runAreas(ctx context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("areas import", flag.ContinueOnError)
	var st stores
	st.flags(fs)
	year := fs.Int("year", 0, "year (vintage) of the boundaries")
	rest, err := p.parse(fs, args)
	if err != nil {
		return err
	}
	if len(rest) != 2 || rest[0] != "import" {
		return hint(errors.New("areas wants: import FILE"), "e.g. buurtmeter areas import buurten.geojson --year 2016")
	}
	if *year < 1995 || *year > p.now().Year()+1 {
		return hint(fmt.Errorf("--year %d is not a year of CBS boundaries", *year), "give the vintage of the file, e.g. --year 2016")
	}
	f, err := os.Open(rest[1]) //nolint:gosec // the operator names the file
	if err != nil {
		return hint(fmt.Errorf("areas: %w", err), "give the path of a GeoJSON file")
	}
	defer func() { _ = f.Close() }()
	areas, problems, err := geo.ReadGeoJSON(f, *year)
	for _, problem := range problems {
		_, _ = fmt.Fprintf(p.stderr, "skipped or mended: %s\n", problem)
	}
	if err != nil {
		return hint(fmt.Errorf("areas from %s: %w", rest[1], err),
			"the file must be GeoJSON in WGS84 with statcode/statnaam (or buurtcode/buurtnaam and so on)")
	}
	return p.importAreas(ctx, st, areas, *year)
}

func (p *program) importAreas(ctx context.Context, st stores, areas []geo.Area, year int) error {
	reg, err := p.openRegister(ctx, st)
	if err != nil {
		return err
	}
	defer func() { _ = reg.Close() }()
	store, err := geo.OpenStore(ctx, reg)
	if err != nil {
		return fmt.Errorf("areas: %w", err)
	}
	if err := store.Import(ctx, areas, year); err != nil {
		return fmt.Errorf("import: %w", err)
	}
	levels := map[geo.Level]int{}
	for _, a := range areas {
		levels[a.Level]++
	}
	assigned, err := store.StationAreas(ctx)
	if err != nil {
		return fmt.Errorf("areas of stations: %w", err)
	}
	_, err = fmt.Fprintf(p.stdout, "imported %d buurten, %d wijken, %d gemeenten of %d; %d stations stand in a buurt\n",
		levels[geo.Buurt], levels[geo.Wijk], levels[geo.Gemeente], year, len(assigned))
	return err
}

// openRegister opens the register for a tool beside a running server.
func (p *program) openRegister(ctx context.Context, st stores) (*register.Register, error) {
	log, err := logger(p.stderr, "warn")
	if err != nil {
		return nil, err
	}
	dsn, err := st.dsn()
	if err != nil {
		return nil, err
	}
	reg, err := register.Open(ctx, dsn, register.Options{Now: p.now, Log: log})
	if err != nil {
		return nil, hint(fmt.Errorf("register: %w", err), "check --register, or the rights on the data folder")
	}
	return reg, nil
}
