-- Marks of hours as they come in, a whole commit in one row. They move to
-- dirty_hour when somebody asks for marked hours; see marklog.go.

-- +goose Up
CREATE TABLE mark_log (
	token BIGINT PRIMARY KEY,
	hours {{blob}} NOT NULL
);
