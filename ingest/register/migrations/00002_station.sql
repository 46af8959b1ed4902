-- What a keeper declares and changes: how the messages of a station are read,
-- which boards measured for it, which periods were taken back, and which
-- stations were deleted.

-- +goose Up
ALTER TABLE station ADD COLUMN format TEXT NOT NULL DEFAULT '';
ALTER TABLE station ADD COLUMN zone TEXT NOT NULL DEFAULT '';
-- A JSON array of {"key", "property", "unit"}; empty for none.
ALTER TABLE station ADD COLUMN channels TEXT NOT NULL DEFAULT '';

-- What changed, in a fixed form: a period, a board without its hardware id.
ALTER TABLE station_event ADD COLUMN detail TEXT NOT NULL DEFAULT '';

CREATE TABLE station_board (
	station  {{key}} NOT NULL REFERENCES station (id),
	from_ms  BIGINT NOT NULL,
	until_ms BIGINT,
	hardware {{key}} NOT NULL,
	model    TEXT NOT NULL,
	PRIMARY KEY (station, from_ms)
);
CREATE INDEX station_board_hardware ON station_board (hardware);
-- A board is at one station at a time, whoever attaches it in the same moment.
CREATE UNIQUE INDEX station_board_attached ON station_board (hardware) WHERE until_ms IS NULL AND hardware <> '';

CREATE TABLE station_withdrawal (
	station {{key}} NOT NULL REFERENCES station (id),
	from_ms BIGINT NOT NULL,
	to_ms   BIGINT NOT NULL,
	PRIMARY KEY (station, from_ms, to_ms)
);

-- All that is left of a deleted station, so that its id is never given out
-- again. Nothing refers to it and nothing may be added to it.
CREATE TABLE station_deleted (
	station    {{key}} PRIMARY KEY,
	deleted_ms BIGINT NOT NULL
);
