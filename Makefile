# Every target installs what it needs first; see README.md.
SHELL := /bin/bash
BIN   := bin
RANKS ?= 4
TAGS  ?=

# Data that is not in the repository; tests that need it say so where it is missing.
ifneq ($(wildcard ../shared/golden),)
export CAPMOE_DATA ?= $(abspath ../shared)
endif

# Open MPI refuses root and more ranks than cores unless told; one machine often has both.
export OMPI_ALLOW_RUN_AS_ROOT         := 1
export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM := 1
MPIRUN := mpirun --oversubscribe --bind-to none

# Where MPI's headers and libraries are not Debian's, its own compiler knows them.
ifeq ($(wildcard /usr/lib/x86_64-linux-gnu/openmpi/include/mpi.h),)
export CGO_CFLAGS  ?= $(shell mpicc --showme:compile 2>/dev/null)
export CGO_LDFLAGS ?= $(shell mpicc --showme:link 2>/dev/null)
endif

.PHONY: deps build test demo quality paper check truth bench fuzz clean

deps:
	@scripts/deps

build: deps
	go build -tags '$(TAGS)' -o $(BIN)/ ./launch/capmoe ./examples/...

demo: build
	$(MPIRUN) -n $(RANKS) $(BIN)/straggler --json $(BIN)/straggler.json

test: build
	@scripts/deps test
	go vet ./...
	go test -p 1 ./...
	go test -p 1 -short -tags nompi,noonednn ./collective ./layers/...
	go test -race -short ./collective ./layers/capacity

check: deps
	@scripts/check

# The table of perplexity in docs/measurements.md.
quality: build
	$(MPIRUN) -n $(RANKS) $(BIN)/quality

# The tables of docs/paper.md.
paper: build
	$(BIN)/paper --data "$(CAPMOE_DATA)"

# Names ranks that are slowed on purpose, 20 times each: docs/attribution.md.
truth: build
	go test -tags truth -count 1 -v -run 'Culprit|NiceRank' ./runtime

bench: build
	go test -run '^$$' -bench . ./...

fuzz: deps
	@scripts/fuzz

clean:
	rm -rf $(BIN)
