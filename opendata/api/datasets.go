package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
	"buurtmeter/opendata/dcat"
	"buurtmeter/opendata/export"
)

// dataset is the public form of a dataset.
type dataset struct {
	ID            string          `json:"id" example:"hours"`
	URI           string          `json:"uri" format:"uri" doc:"The lasting name of the dataset"`
	Title         opendata.Text   `json:"title"`
	Description   opendata.Text   `json:"description"`
	Quality       opendata.Text   `json:"quality"`
	Keywords      []opendata.Text `json:"keywords" nullable:"false"`
	Licence       string          `json:"licence" format:"uri"`
	Version       string          `json:"version" doc:"Version of the form of the data" example:"1.0.0"`
	Status        string          `json:"status" doc:"Code of the European list of dataset statuses" example:"COMPLETED"`
	Frequency     string          `json:"frequency" doc:"Code of the European list of frequencies" example:"HOURLY"`
	Modified      time.Time       `json:"modified"`
	From          *time.Time      `json:"from" doc:"Begin of the data; null when there is none yet"`
	To            *time.Time      `json:"to" doc:"End of the data; null when there is none yet"`
	Distributions []distribution  `json:"distributions" nullable:"false"`
}

type distribution struct {
	ID        string        `json:"id" example:"hours-csv"`
	Format    string        `json:"format" enum:"csv,json,geojson"`
	MediaType string        `json:"mediaType" example:"text/csv"`
	Title     opendata.Text `json:"title"`
	URL       string        `json:"url" format:"uri"`
}

type datasetList struct {
	Datasets []dataset `json:"datasets" nullable:"false"`
}

func (s *service) datasetOf(d opendata.Dataset) dataset {
	out := dataset{
		ID: d.ID, URI: dcat.NewIDs(s.o.BaseURL).Dataset(d.ID), Title: d.Title, Description: d.Description, Quality: d.Quality,
		Keywords: d.Keywords, Licence: d.Licence, Version: d.Version, Status: d.Status, Frequency: d.Frequency, Modified: d.Modified.UTC(),
	}
	if !d.Temporal.From.IsZero() {
		from, to := d.Temporal.From.UTC(), d.Temporal.To.UTC()
		out.From, out.To = &from, &to
	}
	for _, f := range d.Distributions {
		out.Distributions = append(out.Distributions, distribution{f.ID, f.Format, f.MediaType, f.Title, f.URL})
	}
	return out
}

type datasetInput struct {
	ID string `path:"id" maxLength:"40" doc:"Id of the dataset" example:"hours"`
}

func findDataset(g *opendata.Graph, p opendata.Publisher, id string) (opendata.Dataset, error) {
	d, ok := opendata.FindDataset(g, p, id)
	if !ok {
		return d, notFound("There is no dataset with this id. Look in /v1/datasets.")
	}
	return d, nil
}

func (s *service) datasetRoutes(a huma.API) {
	get(s, a, huma.Operation{
		OperationID: "listDatasets", Path: "/datasets", Tags: []string{"datasets"}, Summary: "All datasets",
		Description: "The published datasets with their files. The same is in the catalogue (DCAT-AP-NL) for harvesters.",
	}, func(_ context.Context, g *opendata.Graph, _ *struct{}) (*body[datasetList], error) {
		l := datasetList{Datasets: []dataset{}}
		for _, d := range opendata.Datasets(g, s.o.Publisher) {
			l.Datasets = append(l.Datasets, s.datasetOf(d))
		}
		return &body[datasetList]{l}, nil
	})
	get(s, a, huma.Operation{
		OperationID: "getDataset", Path: "/datasets/{id}", Tags: []string{"datasets"}, Summary: "One dataset",
		Description: "One dataset with its files.",
	}, func(_ context.Context, g *opendata.Graph, in *datasetInput) (*body[dataset], error) {
		d, err := findDataset(g, s.o.Publisher, in.ID)
		if err != nil {
			return nil, err
		}
		return &body[dataset]{s.datasetOf(d)}, nil
	})
}

// fileRoutes adds the files, which huma would gather in memory, as plain
// handlers and documents them.
func (s *service) fileRoutes(r fiber.Router, a huma.API) {
	for _, f := range []struct{ format, media, name string }{
		{"csv", "text/csv", "downloadCsv"}, {"json", fiber.MIMEApplicationJSON, "downloadJson"}, {"geojson", geoJSON, "downloadGeojson"},
	} {
		r.Get("/datasets/:id/data."+f.format, s.fresh(), s.file(f.format, f.media))
		schema := &huma.Schema{Type: "string", Description: "Rows as described at the dataset: hours " + export.HoursHeader + "; verdicts " + export.VerdictsHeader}
		if f.format != "csv" {
			schema = &huma.Schema{Type: "object", AdditionalProperties: true, Description: "The field explanation says what the other fields mean"}
		}
		a.OpenAPI().AddOperation(&huma.Operation{
			OperationID: f.name, Method: http.MethodGet, Path: "/datasets/{id}/data." + f.format, Tags: []string{"datasets"},
			Summary:     "A dataset as one " + f.format + " file",
			Description: "The whole dataset, or a part of it. A transfer that does not end properly was broken off: fetch it again.",
			Parameters:  fileParameters(a),
			Responses:   map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{f.media: {Schema: schema}}}},
		})
	}
}

func fileParameters(a huma.API) []*huma.Param {
	text := func(example string) *huma.Schema {
		n := 63
		return &huma.Schema{Type: "string", MaxLength: &n, Examples: []any{example}}
	}
	least, most := 1990.0, 2200.0
	year := &huma.Schema{Type: "integer", Format: "int64", Minimum: &least, Maximum: &most, Examples: []any{2025}}
	property := a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[string](), false, "")
	property = &huma.Schema{Type: property.Type}
	for _, k := range propertyKeys() {
		property.Enum = append(property.Enum, k)
	}
	return []*huma.Param{
		{Name: "id", In: "path", Required: true, Description: "Id of the dataset", Schema: &huma.Schema{Type: "string", Enum: []any{opendata.HoursDataset, opendata.VerdictsDataset}}},
		{Name: "year", In: "query", Description: "One calendar year (UTC+1)", Schema: year},
		{Name: "station", In: "query", Description: "One station; for verdicts, its neighbourhood", Schema: text("ref-hemkade")},
		{Name: "property", In: "query", Description: "One property", Schema: property},
		{Name: "area", In: "query", Description: "One neighbourhood, or all of a wijk or of the municipality", Schema: text("BU04791210")},
		{Name: "norm", In: "query", Description: "One norm; verdicts only", Schema: text("eu2008-no2-y")},
	}
}

// propertyKeys are the keys of all properties.
func propertyKeys() []string {
	var ks []string
	for _, i := range reading.Properties() {
		ks = append(ks, string(i.Property))
	}
	return ks
}

// fileFilter reads the parameters of a file and lists everything that is wrong.
func fileFilter(c *fiber.Ctx, g *opendata.Graph, d opendata.Dataset) (export.Filter, error) {
	f := export.Filter{Station: reading.StationID(c.Query("station")), Property: reading.Property(c.Query("property")), Area: geo.Code(c.Query("area")), Norm: norm.ID(c.Query("norm"))}
	var errs []InputError
	fault := func(name, detail string) { errs = append(errs, InputError{"query", name, detail}) }
	for _, k := range slices.Sorted(func(yield func(string) bool) {
		for k := range c.Queries() {
			if !yield(k) {
				return
			}
		}
	}) {
		if !slices.Contains([]string{"year", "station", "property", "area", "norm"}, k) {
			fault(k, say("unknown query parameter"))
		}
	}
	if y := c.Query("year"); y != "" {
		var err error
		if f.Year, err = strconv.Atoi(y); err != nil || f.Year < 1990 || f.Year > 2200 {
			fault("year", "give a year between 1990 and 2200")
		}
	}
	if _, ok := g.Station(f.Station); f.Station != "" && !ok {
		fault("station", "unknown station: choose one of /v1/stations")
	}
	if f.Property != "" {
		if _, err := reading.ParseProperty(string(f.Property)); err != nil {
			fault("property", "use one of "+strings.Join(propertyKeys(), ", "))
		}
	}
	if _, ok := g.AnyArea(f.Area); f.Area != "" && !ok {
		fault("area", "unknown area: choose one of /v1/areas")
	}
	if _, ok := g.Norm(f.Norm); f.Norm != "" && (!ok || d.ID != opendata.VerdictsDataset) {
		fault("norm", "choose one of /v1/norms, for the dataset verdicts only")
	}
	return f, badInput(errs)
}
