package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
)

// openAPIRoute adds the description of all the routes that were added before
// it, itself included, as OpenAPI 3.0.3: what the design rules accept.
func (s *service) openAPIRoute(r fiber.Router, a huma.API) {
	a.OpenAPI().AddOperation(&huma.Operation{
		OperationID: "getOpenapi", Method: http.MethodGet, Path: "/openapi.json", Tags: []string{"datasets"}, Summary: "This description",
		Description: "The description of this API as OpenAPI 3.0.3.",
		Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
			fiber.MIMEApplicationJSON: {Schema: &huma.Schema{Type: "object", AdditionalProperties: true}},
			openAPI30:                 {Schema: &huma.Schema{Type: "object", AdditionalProperties: true}},
		}}},
	})
	// huma's own error forms are never sent: see plain.
	schemas := a.OpenAPI().Components.Schemas.Map()
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
	doc, err := document(a.OpenAPI())
	if err != nil {
		s.o.Log.Error("the description of the API cannot be made", slog.Any("error", err))
	}
	r.Get("/openapi.json", func(c *fiber.Ctx) error {
		if err != nil {
			return err
		}
		// Clients of OGC API Features ask for it under its own name.
		form := fiber.MIMEApplicationJSON
		if strings.Contains(c.Get(fiber.HeaderAccept), "application/vnd.oai.openapi+json") {
			form = openAPI30
		}
		c.Vary(fiber.HeaderAccept)
		c.Set(fiber.HeaderContentType, form)
		c.Set(fiber.HeaderCacheControl, cacheFor)
		return c.Send(doc)
	})
}

// document writes the description, indented, with keys in fixed order.
func document(o *huma.OpenAPI) ([]byte, error) {
	b, err := o.Downgrade()
	if err != nil {
		return nil, fmt.Errorf("OpenAPI: %w", err)
	}
	if bytes.Contains(b, []byte("ErrorModel")) {
		return nil, errors.New("OpenAPI: an operation documents an error form that is never sent")
	}
	var tree map[string]any
	if err := json.Unmarshal(b, &tree); err != nil {
		return nil, fmt.Errorf("OpenAPI: %w", err)
	}
	wrapReferences(tree)
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(tree); err != nil {
		return nil, fmt.Errorf("OpenAPI: %w", err)
	}
	return out.Bytes(), nil
}

// wrapReferences puts a reference that has a description beside it behind an
// allOf, because OpenAPI 3.0 overlooks what stands beside a reference. One whose
// description says when it is null may be null.
func wrapReferences(v any) {
	switch t := v.(type) {
	case []any:
		for _, e := range t {
			wrapReferences(e)
		}
	case map[string]any:
		ref, isRef := t["$ref"]
		if isRef && len(t) > 1 {
			delete(t, "$ref")
			t["allOf"] = []any{map[string]any{"$ref": ref}}
			if d, ok := t["description"].(string); ok && strings.Contains(d, "null") {
				t["nullable"] = true
			}
		}
		for _, e := range t {
			wrapReferences(e)
		}
	}
}

// problemResponse documents one problem.
func (s *service) problemResponse(a huma.API, why string) *huma.Response {
	ref := a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[ProblemDocument](), true, "ProblemDocument")
	return &huma.Response{Description: why, Content: map[string]*huma.MediaType{problemType: {Schema: ref}}}
}
