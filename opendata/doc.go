// Package opendata holds the one graph of public facts (areas, stations,
// verdicts, datasets) that pages, API, catalogue and exports all read, so that
// no two of them can disagree.
package opendata
