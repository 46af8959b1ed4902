-- Hours of particulate matter that network factors corrected, and what they need.

-- +goose Up
-- Of which type the particle sensor of a station is from a moment on, in the words
-- of its maker; empty when it is not known from then on.
CREATE TABLE station_particle (
	station {{key}} NOT NULL REFERENCES station (id) ON DELETE CASCADE,
	from_ms BIGINT NOT NULL,
	sensor  TEXT NOT NULL,
	PRIMARY KEY (station, from_ms)
);

-- Apart from corrected_block: these blocks belong to every sensor of a declared
-- type, and another of our processes makes them. property is the name of the
-- corrected series ("pm25-network"), inputs the fingerprint of all that the block
-- was made from.
CREATE TABLE network_block (
	station  {{key}} NOT NULL REFERENCES station (id) ON DELETE CASCADE,
	property {{key}} NOT NULL,
	month    INTEGER NOT NULL,
	inputs   BIGINT NOT NULL,
	data     {{blob}} NOT NULL,
	PRIMARY KEY (station, property, month)
);

-- How far the factors are off at official stations that took no part in them.
CREATE TABLE network_error (
	property  {{key}} NOT NULL,
	sensor    {{key}} NOT NULL,
	simulated BOOLEAN NOT NULL,
	month     INTEGER NOT NULL,
	inputs    BIGINT NOT NULL,
	-- Figures as JSON; see network.go.
	data      {{blob}} NOT NULL,
	PRIMARY KEY (property, sensor, simulated, month)
);

CREATE TABLE network_turn (
	only_row SMALLINT PRIMARY KEY CHECK (only_row = 1),
	taken_ms BIGINT NOT NULL
);
INSERT INTO network_turn (only_row, taken_ms) VALUES (1, 0);
