package dcat

import (
	"fmt"
	"strconv"

	"buurtmeter/geo"
	"buurtmeter/opendata"
)

// authority is where the European code lists live. It is http on purpose: that
// is the name, and a name is not an address.
const authority = "http://publications.europa.eu/resource/authority/"

const (
	public   = authority + "access-right/PUBLIC"
	dutch    = authority + "language/NLD"
	themes   = authority + "data-theme"
	country  = authority + "country/NLD"
	stable   = authority + "planned-availability/STABLE"
	openAPI  = "https://spec.openapis.org/oas"
	localGov = "http://purl.org/adms/publishertype/LocalAuthority"
	iana     = "https://www.iana.org/assignments/media-types/"
)

// IDs are the stable names of the things of a catalogue; they never change, and
// each answers on the web.
type IDs struct{ base string }

// NewIDs returns the names below the public address of the program.
func NewIDs(baseURL string) IDs { return IDs{baseURL + "/id/"} }

// Catalog names the catalogue itself.
func (i IDs) Catalog() string { return i.base + "catalog" }

// Service names the API as a data service.
func (i IDs) Service() string { return i.base + "service/api" }

// Contact names the contact point.
func (i IDs) Contact() string { return i.base + "contact" }

// Dataset names a dataset by its id.
func (i IDs) Dataset(id string) string { return i.base + "dataset/" + id }

// Distribution names a distribution by its id.
func (i IDs) Distribution(id string) string { return i.base + "distribution/" + id }

// Area names an area by its code.
func (i IDs) Area(c geo.Code) string { return i.base + "area/" + string(c) }

// Catalog returns the whole catalogue of a snapshot: catalogue, datasets,
// distributions, data service, publisher and contact, and the types and labels
// of what they refer to, so that the shapes of DCAT-AP-NL hold without any
// background knowledge.
func Catalog(g *opendata.Graph, p opendata.Publisher) (*Graph, error) {
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("publisher settings: %w", err)
	}
	c := &catalog{Graph: NewGraph(), g: g, p: p, ids: NewIDs(p.BaseURL), datasets: opendata.Datasets(g, p)}
	c.catalogue()
	for _, d := range c.datasets {
		c.dataset(d)
		for _, f := range d.Distributions {
			c.distribution(d, f)
		}
	}
	c.service()
	c.people()
	c.places()
	c.references()
	if _, err := c.Encode(Turtle); err != nil {
		return nil, err
	}
	return c.Graph, nil
}

type catalog struct {
	*Graph
	g        *opendata.Graph
	p        opendata.Publisher
	ids      IDs
	datasets []opendata.Dataset
}

// owned states what catalogue, dataset and service have in common.
func (c *catalog) owned(s string) {
	c.Add(s, "dct:identifier", Typed(s, "xsd:anyURI"))
	c.Add(s, "dct:publisher", IRI(c.p.URI))
	c.Add(s, "dct:creator", IRI(c.p.URI))
	c.Add(s, "dcat:contactPoint", IRI(c.ids.Contact()))
	c.Add(s, "dct:accessRights", IRI(public))
	c.Add(s, "dcat:theme", IRI(themes+"/ENVI"))
	c.Add(s, "dct:language", IRI(dutch))
	c.Add(s, "dct:modified", DateTime(c.g.Modified))
}

func (c *catalog) catalogue() {
	s, m := c.ids.Catalog(), c.g.Municipality.Name
	c.Type(s, "dcat:Catalog")
	c.Texts(s, "dct:title", "Open data van het meetnet lucht in "+m, "Open data of the air measuring network in "+m)
	c.Texts(s, "dct:description",
		"Metingen van de lucht door bewoners en van officiële meetstations in "+m+", per uur, en het oordeel per buurt over elke norm.",
		"Measurements of the air by residents and by official stations in "+m+", per hour, and the verdict per neighbourhood on each standard.")
	c.owned(s)
	c.Add(s, "dct:license", IRI(opendata.Licence))
	c.Add(s, "dct:spatial", IRI(country), IRI(c.ids.Area(c.g.Municipality.Code)))
	c.Add(s, "dcat:themeTaxonomy", IRI(themes))
	c.Add(s, "foaf:homepage", IRI(c.p.BaseURL+"/"))
	c.Type(c.p.BaseURL+"/", "foaf:Document")
	for _, d := range c.datasets {
		c.Add(s, "dcat:dataset", IRI(c.ids.Dataset(d.ID)))
	}
	c.Add(s, "dcat:service", IRI(c.ids.Service()))
}

func (c *catalog) dataset(d opendata.Dataset) {
	s := c.ids.Dataset(d.ID)
	c.Type(s, "dcat:Dataset")
	c.Texts(s, "dct:title", d.Title.NL, d.Title.EN)
	c.Texts(s, "dct:description", d.Description.NL, d.Description.EN)
	c.owned(s)
	for _, k := range d.Keywords {
		c.Texts(s, "dcat:keyword", k.NL, k.EN)
	}
	c.Add(s, "dct:accrualPeriodicity", IRI(authority+"frequency/"+d.Frequency))
	c.Type(authority+"frequency/"+d.Frequency, "dct:Frequency")
	c.Add(s, "dcat:temporalResolution", Typed(d.Resolution, "xsd:duration"))
	c.Add(s, "dct:spatial", IRI(country), IRI(c.ids.Area(d.Spatial.Code)))
	c.Add(s, "adms:status", IRI(authority+"dataset-status/"+d.Status))
	c.concept(authority+"dataset-status/"+d.Status, d.Status)
	c.Add(s, "dcat:version", Plain(d.Version))
	if !d.Temporal.From.IsZero() {
		period := s + "#period"
		c.Add(s, "dct:temporal", IRI(period))
		c.Type(period, "dct:PeriodOfTime")
		c.Add(period, "dcat:startDate", Date(d.Temporal.From))
		c.Add(period, "dcat:endDate", Date(d.Temporal.To))
	}
	quality := s + "#quality"
	c.Add(s, "dct:provenance", IRI(quality))
	c.Type(quality, "dct:ProvenanceStatement")
	c.Texts(quality, "rdfs:label", d.Quality.NL, d.Quality.EN)
	if d.Landing != "" {
		c.Add(s, "dcat:landingPage", IRI(d.Landing))
		c.Add(s, "foaf:page", IRI(d.Landing))
		c.Type(d.Landing, "foaf:Document")
	}
	for _, f := range d.Distributions {
		c.Add(s, "dcat:distribution", IRI(c.ids.Distribution(f.ID)))
	}
}

func (c *catalog) distribution(d opendata.Dataset, f opendata.Distribution) {
	s := c.ids.Distribution(f.ID)
	c.Type(s, "dcat:Distribution")
	c.Texts(s, "dct:title", f.Title.NL, f.Title.EN)
	c.Texts(s, "dct:description", f.Description.NL, f.Description.EN)
	c.Add(s, "dcat:accessURL", IRI(f.URL))
	c.Add(s, "dcat:downloadURL", IRI(f.URL))
	c.Add(s, "dct:format", IRI(authority+"file-type/"+f.FileType))
	c.Type(authority+"file-type/"+f.FileType, "dct:MediaTypeOrExtent")
	c.Add(s, "dcat:mediaType", IRI(iana+f.MediaType))
	c.Type(iana+f.MediaType, "dct:MediaType")
	c.Add(s, "dct:license", IRI(d.Licence))
	c.Add(s, "dct:language", IRI(dutch))
	c.Add(s, "dct:conformsTo", IRI(f.ConformsTo))
	c.Type(f.ConformsTo, "dct:Standard")
	c.Add(s, "dct:modified", DateTime(d.Modified))
	c.Add(s, "dcat:accessService", IRI(c.ids.Service()))
	c.Add(s, "dcatap:availability", IRI(stable))
	status := authority + "distribution-status/" + d.Status
	c.Add(s, "adms:status", IRI(status))
	c.concept(status, d.Status)
}

func (c *catalog) service() {
	s, api := c.ids.Service(), c.p.BaseURL+"/v1"
	c.Type(s, "dcat:DataService")
	c.Texts(s, "dct:title", "API van het meetnet lucht in "+c.g.Municipality.Name, "API of the air measuring network in "+c.g.Municipality.Name)
	c.Texts(s, "dct:description",
		"Open REST-API met buurten, meetpunten, uurwaarden, normen en oordelen. Zonder aanmelding te gebruiken.",
		"Open REST API with neighbourhoods, stations, hourly values, standards and verdicts. Free to use without registration.")
	c.owned(s)
	c.Texts(s, "dcat:keyword", "luchtkwaliteit", "air quality")
	c.Add(s, "dcat:endpointURL", IRI(api))
	c.Add(s, "dcat:endpointDescription", IRI(api+"/openapi.json"))
	c.Add(s, "dct:conformsTo", IRI(openAPI))
	c.Type(openAPI, "dct:Standard")
	c.Add(s, "dct:license", IRI(opendata.Licence))
	for _, d := range c.datasets {
		c.Add(s, "dcat:servesDataset", IRI(c.ids.Dataset(d.ID)))
	}
}

func (c *catalog) people() {
	c.Type(c.p.URI, "foaf:Agent")
	c.Add(c.p.URI, "foaf:name", Lit(c.p.Name, "nl"))
	c.Add(c.p.URI, "dct:type", IRI(localGov))
	c.concept(localGov, "Local Authority")
	s := c.ids.Contact()
	c.Type(s, "vcard:Kind", "vcard:Organization")
	c.Add(s, "vcard:fn", Lit(c.p.ContactName, "nl"))
	c.Add(s, "vcard:hasEmail", IRI("mailto:"+c.p.ContactEmail))
	c.Add(s, "vcard:hasURL", IRI(c.p.ContactURL))
	c.Add(s, "vcard:organization-name", Lit(c.p.Name, "nl"))
}

// places describes the municipality by its bounding box and centre.
func (c *catalog) places() {
	m := c.g.Municipality
	s := c.ids.Area(m.Code)
	c.Type(s, "dct:Location")
	c.Add(s, "skos:prefLabel", Lit(m.Name, "nl"))
	if b := m.Geometry.Bound(); len(m.Geometry) > 0 && !b.IsEmpty() {
		pt := func(x, y float64) string { return coordinate(x) + " " + coordinate(y) }
		c.Add(s, "dcat:bbox", Typed("POLYGON(("+pt(b.Min[0], b.Min[1])+","+pt(b.Max[0], b.Min[1])+","+pt(b.Max[0], b.Max[1])+","+
			pt(b.Min[0], b.Max[1])+","+pt(b.Min[0], b.Min[1])+"))", "geo:wktLiteral"))
		c.Add(s, "dcat:centroid", Typed("POINT("+pt(m.Center[0], m.Center[1])+")", "geo:wktLiteral"))
	}
}

// coordinate writes degrees to about a metre.
func coordinate(v float64) string { return strconv.FormatFloat(v, 'f', 5, 64) }

// references states type and label of what belongs to others.
func (c *catalog) references() {
	c.Type(dutch, "dct:LinguisticSystem")
	c.Type(public, "dct:RightsStatement")
	c.Type(country, "dct:Location")
	c.Type(themes, "skos:ConceptScheme")
	c.Texts(themes, "dct:title", "Datathema", "Data theme")
	c.Type(themes+"/ENVI", "skos:Concept")
	c.Texts(themes+"/ENVI", "skos:prefLabel", "Milieu", "Environment")
	c.Add(themes+"/ENVI", "skos:inScheme", IRI(themes))
	c.concept(stable, "stable")
	c.Type(opendata.Licence, "dct:LicenseDocument")
}

// concept states a concept with its one label.
func (c *catalog) concept(iri, label string) {
	c.Type(iri, "skos:Concept")
	c.Add(iri, "skos:prefLabel", Lit(label, "en"))
}
