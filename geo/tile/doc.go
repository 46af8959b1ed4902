// Package tile draws maps of areas as SVG, on the server, for pages that must
// work without a script and under a strict content security policy. It draws
// areas only: where stations stand is secret.
package tile
