package web

import (
	"embed"
	"fmt"
	"io/fs"
)

// The folder holds only .gitkeep until the front-end is built.
//
//go:embed all:app/dist
var distFiles embed.FS

//go:embed static
var staticFiles embed.FS

//go:embed templates
var templateFiles embed.FS

// Dist returns the front-end that was built into the program (`npm run build`
// in web/app). It is empty apart from .gitkeep when the program was compiled
// without it; Register then serves a small style of its own and no JavaScript.
func Dist() (fs.FS, error) {
	sub, err := fs.Sub(distFiles, "app/dist")
	if err != nil {
		return nil, fmt.Errorf("embedded front-end: %w", err)
	}
	return sub, nil
}
