// Package mqtt takes readings from an MQTT broker outside the program
// (Mosquitto, EMQX) and acknowledges each of them to that broker after it is
// committed. It also holds the publishing side, for replays and tests.
//
// What a publisher was promised depends on that broker as well: it acknowledges
// to the device as soon as it holds the message itself. Let it keep messages on
// disk (Mosquitto: persistence true, autosave_interval 1 with
// autosave_on_changes true when the machine may lose power), keep enough of them
// (max_queued_messages, max_queued_bytes) and have enough of them on their way
// (max_inflight_messages; the rate is at most that number divided by the time of
// one commit). Its access rules must bind a station's topic to its login
// ("pattern write buurtmeter/v1/%u/readings"), because the station is taken from
// the topic.
//
// Several ingest processes divide the messages by a shared subscription. Measured
// with Mosquitto 2.0.11: it writes ordinary subscriptions to disk but not shared
// ones, so what is published between its restart and the renewed subscription is
// acknowledged to the device and lost. One process therefore subscribes in the
// ordinary way, which loses nothing; for several, take a broker that keeps shared
// subscriptions. The session of a process that leaves a group for good must be
// removed from the broker, or its share of the messages keeps going there.
package mqtt
