// Package engine opens the InfluxDB 1.8 storage and query engine inside our own
// process, on a folder, without any socket. It is reached through the HTTP
// client of Engine.HTTPClient, whose transport answers the few requests of an
// InfluxDB 1.8 server that a store needs (POST /api/v2/write, /query, /ping,
// /health) with the statuses, headers and bodies of that server, so that the
// same code writes to a server and to the engine. The files are those of
// InfluxDB 1.8: a stand-alone influxd can be started on the folder.
package engine
