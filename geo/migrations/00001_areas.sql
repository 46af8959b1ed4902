-- Boundaries by vintage, and the buurt of each station under a vintage. Year 0
-- is the schematic cells, which have assignments only. Geometry is WKB, WGS84.

-- +goose Up
CREATE TABLE area_vintage (
	year     INTEGER NOT NULL,
	level    {{key}} NOT NULL,
	revision BIGINT NOT NULL,
	PRIMARY KEY (year, level)
);

CREATE TABLE area (
	year     INTEGER NOT NULL,
	level    {{key}} NOT NULL,
	code     {{key}} NOT NULL,
	name     TEXT NOT NULL,
	parent   TEXT NOT NULL,
	lon      DOUBLE PRECISION NOT NULL,
	lat      DOUBLE PRECISION NOT NULL,
	source   TEXT NOT NULL,
	geometry {{blob}} NOT NULL,
	PRIMARY KEY (year, level, code)
);

CREATE TABLE station_area (
	year    INTEGER NOT NULL,
	station {{key}} NOT NULL,
	area    {{key}} NOT NULL,
	PRIMARY KEY (year, station)
);
