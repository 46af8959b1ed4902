package reading

import "fmt"

// Siting is what surrounds a measuring point, as somebody declared it: the class
// by which the points of an area are told apart. It says nothing of the
// readings, and nobody measures it.
type Siting string

// The sitings. They are the types of station of Decision 2011/850/EU (traffic,
// background, industrial; not verified at the source) with the field's word for
// the first. The zero value is that nobody declared one: such a point belongs to
// no class, and is never taken for a background one.
const (
	SitingUnknown Siting = ""
	// SitingRoadside: the traffic of the nearest road decides.
	SitingRoadside Siting = "roadside"
	// SitingBackground: no single road or source decides.
	SitingBackground Siting = "background"
	// SitingIndustrial: a single industrial source or area decides.
	SitingIndustrial Siting = "industrial"
)

// Sitings returns all sitings in the order in which they are shown, the unknown
// one last. The slice is the caller's own.
func Sitings() []Siting {
	return []Siting{SitingRoadside, SitingBackground, SitingIndustrial, SitingUnknown}
}

// ParseSiting checks that s names a siting; empty is SitingUnknown.
func ParseSiting(s string) (Siting, error) {
	for _, known := range Sitings() {
		if Siting(s) == known {
			return known, nil
		}
	}
	return SitingUnknown, fmt.Errorf("unknown siting %q: use roadside, background or industrial, or nothing when it is not known", clip(s))
}
