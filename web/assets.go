package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"path"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"
)

// entry is the name in Vite's manifest of what every page loads.
const entry = "src/main.ts"

// assets is the front-end: which files a page names, and their bytes.
type assets struct {
	files fs.FS
	// styles, script and fonts are URL paths; script is empty without a build.
	styles []string
	script string
	fonts  []string
	// print identifies the build, for ETags.
	print string

	mu     sync.Mutex
	packed map[string][]byte // gzip, by name
}

type manifestChunk struct {
	File   string   `json:"file"`
	CSS    []string `json:"css"`
	Assets []string `json:"assets"`
}

// loadAssets reads the manifest of a build. Without one it falls back to the
// plain style, and built is false.
func loadAssets(dist fs.FS) (a *assets, built bool, err error) {
	raw, err := fs.ReadFile(dist, ".vite/manifest.json")
	if errors.Is(err, fs.ErrNotExist) {
		return plainAssets()
	}
	if err != nil {
		return nil, false, fmt.Errorf("front-end manifest: %w", err)
	}
	var m map[string]manifestChunk
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, false, fmt.Errorf("front-end manifest .vite/manifest.json: %w", err)
	}
	c, ok := m[entry]
	if !ok {
		return nil, false, fmt.Errorf("front-end manifest names no %s: build it again with `npm run build` in web/app", entry)
	}
	a = &assets{files: dist, script: "/" + c.File, packed: map[string][]byte{}}
	for _, f := range c.CSS {
		a.styles = append(a.styles, "/"+f)
	}
	for _, f := range c.Assets {
		if strings.HasSuffix(f, ".woff2") {
			a.fonts = append(a.fonts, "/"+f)
		}
	}
	a.print = fingerprint(raw)
	return a, true, nil
}

func plainAssets() (*assets, bool, error) {
	sub, err := fs.Sub(staticFiles, "static")
	if err != nil {
		return nil, false, fmt.Errorf("plain style: %w", err)
	}
	raw, err := fs.ReadFile(sub, "assets/plain.css")
	if err != nil {
		return nil, false, fmt.Errorf("plain style: %w", err)
	}
	p := fingerprint(raw)
	return &assets{files: sub, styles: []string{"/assets/plain.css?" + p}, print: p, packed: map[string][]byte{}}, false, nil
}

func fingerprint(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// serve answers /assets/*. Names carry a hash of the content, so they may be
// kept for ever.
func (a *assets) serve(c *fiber.Ctx) error {
	name := "assets/" + path.Clean("/" + c.Params("*"))[1:]
	raw, err := fs.ReadFile(a.files, name)
	if err != nil {
		return fiber.NewError(fiber.StatusNotFound, "no such file; reload the page")
	}
	secure(c)
	c.Set(fiber.HeaderContentType, contentType(name))
	c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	if strings.HasSuffix(name, ".woff2") || !acceptsGzip(c) {
		return c.Send(raw)
	}
	gz, err := a.gzip(name, raw)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentEncoding, "gzip")
	c.Vary(fiber.HeaderAcceptEncoding)
	return c.Send(gz)
}

func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".woff2":
		return "font/woff2"
	default:
		if t := mime.TypeByExtension(ext); t != "" {
			return t
		}
		return "application/octet-stream"
	}
}

// gzip packs a file once and keeps it.
func (a *assets) gzip(name string, raw []byte) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if gz, ok := a.packed[name]; ok {
		return gz, nil
	}
	gz, err := pack(raw)
	if err != nil {
		return nil, err
	}
	a.packed[name] = gz
	return gz, nil
}

func pack(raw []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	if _, err := io.Copy(z, bytes.NewReader(raw)); err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	return b.Bytes(), nil
}

func acceptsGzip(c *fiber.Ctx) bool {
	for _, part := range strings.Split(c.Get(fiber.HeaderAcceptEncoding), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name == "gzip" && strings.ReplaceAll(q, " ", "") != "q=0" {
			return true
		}
	}
	return false
}
