// Package geo knows the areas (buurt, wijk, gemeente): import from GeoJSON,
// schematic cells where no boundaries were imported, which area a point lies
// in, and what the measuring points of an area say together about a norm.
package geo
