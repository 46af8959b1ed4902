-- Where a vintage came from, what it held (digest, so that the same boundaries
-- are not stored twice), and of each area the key figures and the box around it.
-- A figure that is NULL is not known. boxed is 0 for boundaries that were
-- imported before this: then every area of them is looked at.

-- +goose Up
ALTER TABLE area_vintage ADD COLUMN imported BIGINT NOT NULL DEFAULT 0;
ALTER TABLE area_vintage ADD COLUMN origin TEXT NOT NULL DEFAULT '';
ALTER TABLE area_vintage ADD COLUMN digest TEXT NOT NULL DEFAULT '';
ALTER TABLE area_vintage ADD COLUMN boxed INTEGER NOT NULL DEFAULT 0;

CREATE TABLE area_fact (
	year        INTEGER NOT NULL,
	level       {{key}} NOT NULL,
	code        {{key}} NOT NULL,
	west        DOUBLE PRECISION NOT NULL,
	south       DOUBLE PRECISION NOT NULL,
	east        DOUBLE PRECISION NOT NULL,
	north       DOUBLE PRECISION NOT NULL,
	inhabitants BIGINT,
	households  BIGINT,
	density     BIGINT,
	PRIMARY KEY (year, level, code)
){{clustered}};
