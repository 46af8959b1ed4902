// Package ingest is the way of a reading from a message to the hour blocks:
// message -> decode -> check -> mark dirty -> append -> acknowledge, and
// dirty hour -> raw readings -> hour mean -> month block. Stores and transports
// plug in through the small interfaces of ports.go.
package ingest
