-- Calibrations of sensors as they were made; none is ever changed. The content
-- is JSON and verified against its id on reading. Times are Unix milliseconds;
-- an open end is NULL.

-- +goose Up
CREATE TABLE station_calibration (
	station  {{key}} NOT NULL REFERENCES station (id) ON DELETE CASCADE,
	id       {{key}} NOT NULL,
	property {{key}} NOT NULL,
	from_ms  BIGINT NOT NULL,
	until_ms BIGINT,
	made_ms  BIGINT NOT NULL,
	actor    TEXT NOT NULL,
	content  {{blob}} NOT NULL,
	PRIMARY KEY (station, id)
);
