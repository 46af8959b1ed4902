// Package reading is the ground that every other package stands on: the
// words of the measuring network (property, station, reading, flag, hour) as
// Go types. It does no I/O and imports nothing of ours.
package reading
