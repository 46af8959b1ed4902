// Package door is the way in over HTTP, for kits that cannot speak MQTT. It has
// an address of its own, apart from the site: old firmware needs old habits, and
// the rules for browsers must not mix with them.
//
// # Who is speaking
//
// A station proves itself by its secret, never by a name that it claims: the
// header X-Sensor and ids in a body are not looked at. The secret comes in one
// of these ways:
//
//   - Authorization: Basic, with the station as user and the token as password;
//   - Authorization: Bearer TOKEN, where the path names the station, or
//     Bearer STATION:TOKEN everywhere;
//   - Authorization: TOKEN, bare, at /boxes/{id}/data, as openSenseMap has it;
//   - in the path, /k/{station}/{token}/…, before any of the paths below, for
//     firmware that has neither header.
//
// Every way fails with the same text whether or not the station exists. A path
// that may hold a token reaches no log, no error and no answer.
//
// # Where to send
//
//	POST /v1/stations/{id}/readings   our own JSON; 202
//	POST /readings                    the same
//	POST /v1/stations/{id}/senml      SenML; 202
//	POST /v1/push-sensor-data/        Sensor.Community, with X-PIN; 201
//	POST /v1/airrohr, /airrohr        airrohr's "own API"; 200
//	POST /write                       airrohr's InfluxDB push; 204
//	POST /boxes/{id}/data             openSenseMap; 201 (with ?luftdaten=1: airrohr)
//	POST /v1/ttn                      webhook of The Things Stack; 200
//	POST /v1.1/Observations           SensorThings; 201
//	POST /v1.1/Datastreams(n)/Observations
//
// The Location of a SensorThings answer is the collection in which the
// observation was put: this door writes and reads nothing back.
//
// # What an answer means
//
// 2xx: everything in the message is committed, and the kit may forget it. Values
// that could not be used are committed too, as rejects; the answer is 2xx even
// when nothing was usable, because sending the same bytes again would not help.
// Rejects are counted by cause at /v1/quality of the site.
//
// 503 with Retry-After: not committed in time, send again. It may have been
// committed after all; the pipeline recognises a repeated reading by its time.
//
// 401, 403, 404, 405, 408, 411 to 415, 429 (with Retry-After) and 431: nothing was
// stored. Errors are problem documents (RFC 9457).
package door
