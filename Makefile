# The two commands: `make run` and `make test`. Everything else serves them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO      ?= go
GOBIN   := $(shell $(GO) env GOPATH)/bin
BIN     := bin/buurtmeter
DIST    := web/app/dist/.vite/manifest.json
DATA    ?= data
HTTP    ?= 127.0.0.1:8080
MQTT    ?= 127.0.0.1:1883
FUZZ    ?= 200000x
PKG     ?= ./...
TARGET  ?= ^Fuzz
GOLANGCI := v2.15.0
export CGO_ENABLED ?= 0

.PHONY: help run build test unit e2e lint bench bench-ingest bench-norm bench-geo fault fuzz fuzz-nightly vuln deps clean FORCE

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-13s %s\n", $$1, $$2}'

run: build ## start everything on embedded defaults, with a simulated fleet
	$(BIN) demo --data $(DATA) --http $(HTTP) --mqtt-listen $(MQTT)

build: $(BIN) ## build bin/buurtmeter with the site inside

$(BIN): $(DIST) FORCE
	$(GO) build -trimpath -ldflags "-s -w" -o $(BIN) ./cmd/buurtmeter

web/app/node_modules/.package-lock.json: web/app/package.json web/app/package-lock.json
	cd web/app && npm ci --no-audit --no-fund

$(DIST): web/app/node_modules/.package-lock.json $(shell find web/app/src web/app/public web/app/*.ts web/app/*.json -type f 2>/dev/null)
	cd web/app && npm run build
	@touch $(DIST)

deps: ## install what the tests need (Debian packages, InfluxDB 1.8.10)
	bash deploy/test-deps.sh

test: deps build unit e2e ## install the needs and pass every test

unit: $(DIST)
	BUURTMETER_REQUIRE_SERVERS=1 PATH="$(GOBIN):$$PATH" $(GO) test -timeout 15m ./...
	cd web/app && npm run check

web/e2e/node_modules/.package-lock.json: web/e2e/package.json web/e2e/package-lock.json
	cd web/e2e && npm ci --no-audit --no-fund

e2e: build web/e2e/node_modules/.package-lock.json ## the site in a real browser
	cd web/e2e && BUURTMETER_BIN=$(CURDIR)/$(BIN) npm test

lint: $(GOBIN)/golangci-lint ## every linter of .golangci.yml
	$(GOBIN)/golangci-lint run ./...

$(GOBIN)/golangci-lint:
	$(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI)

bench: ## the benchmarks; CONTRIBUTING.md says how to read them
	$(GO) test -run '^$$' -bench . -benchmem -count $${COUNT:-1} ./ingest/... ./geo/... ./opendata/...

bench-ingest: build ## the ingest against Telegraf on the same messages (MESSAGES=500000); ARGS=-h lists more
	bash deploy/test-deps.sh mosquitto influxd telegraf
	$(GO) run ./deploy/bench -buurtmeter $(BIN) -messages $${MESSAGES:-500000} $(ARGS)

bench-norm: ## year statistics against DuckDB on the same data (STATIONS=10000); ARGS=-h lists more
	bash deploy/test-deps.sh cc
	cd deploy/bench/norm && CGO_ENABLED=1 $(GO) run . -stations $${STATIONS:-10000} $(ARGS)

bench-geo: ## the point index against PostGIS and tidwall/rtree with orb (POINTS=1000000); ARGS=-h lists more
	bash deploy/test-deps.sh postgis
	cd deploy/bench/geo && $(GO) run . -points $${POINTS:-1000000} $(ARGS)

fault: ## the tests that break things, 20 rounds each: kill -9, stores gone
	@# One package at a time: only then go prints each round as it ends.
	export BUURTMETER_FAULT_ROUNDS=$${ROUNDS:-20} BUURTMETER_REQUIRE_SERVERS=1 PATH="$(GOBIN):$$PATH"; \
	  $(GO) test -count 1 -timeout 60m -run 'Kill|Fault|Gone' ./ingest/...; \
	  $(GO) test -count 1 -v -timeout 60m -run 'Kill|Fault|Gone' ./cmd/buurtmeter/

# FUZZ is a number of inputs (200000x) or a time (60s). Go ends a timed run now and
# then with "context deadline exceeded" as if it were a finding: a worker was busy
# when the time was up. That is no finding when it is all that is said after FAIL; a
# finding names its input, a hang says so. Every target runs, whatever the others find.
fuzz: ## every fuzz target with FUZZ inputs (200000x); PKG and TARGET choose some
	@log=$$(mktemp); trap 'rm -f '$$log EXIT; found=0; \
	for pkg in $$($(GO) list $(PKG)); do \
	  for f in $$($(GO) test -list '$(TARGET)' $$pkg | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$f"; \
	    $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZ) -fuzzminimizetime 50x $$pkg 2>&1 | tee $$log || \
	    if awk '/^--- FAIL/ {after = 1; next} \
	        after && /^ +context deadline exceeded$$/ {late++; next} \
	        after && !/^(FAIL([ \t].*)?|exit status 1|)$$/ {other++} \
	        END {exit !(late == 1 && other == 0)}' $$log; \
	    then echo "   the time was up while an input ran; nothing was found"; \
	    else found=$$((found+1)); echo "   FOUND in $$pkg $$f"; fi; \
	  done; done; \
	if [ $$found -gt 0 ]; then echo "$$found fuzz targets found something"; exit 1; fi

fuzz-nightly: ## every fuzz target for 60 seconds
	@$(MAKE) --no-print-directory fuzz FUZZ=60s

vuln: ## known vulnerabilities, where the database can be reached
	$(GO) run golang.org/x/vuln/cmd/govulncheck@latest ./...

clean: ## remove what was built; the data folder stays
	rm -rf bin web/app/node_modules web/e2e/node_modules web/app/dist/assets web/app/dist/.vite
