// Package firmwaresim plays residents' air quality devices: what they measure,
// what goes wrong with them, and how they send it over MQTT. It knows the wire
// only and imports nothing of the platform, so that a change on the server that
// real devices would notice is noticed here.
//
// Everything a device measures is a pure function of the seed, the device and
// the time: the same seed gives the same data, in whatever order it is asked.
// The numbers are invented; they are drawn to look like a Dutch town so that
// every kind of result occurs, and say nothing about any real place.
package firmwaresim
