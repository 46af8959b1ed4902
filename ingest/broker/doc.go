// Package broker is the MQTT broker inside the program, for an installation
// that has no other. Stations log in with their own id and token, may publish
// on their own topic only, and get the acknowledgement of a reading after it is
// stored: what cannot be stored is never acknowledged, so that the device keeps
// it and sends it again. Nothing is passed on to other clients.
package broker
