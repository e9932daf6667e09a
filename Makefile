# Daiya: `make help` lists what there is. Presumed: Linux x86-64, Python 3.11 or newer, make, the package registries.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON := .venv/bin/python

# Without compiled files each of the many processes here would compile what it imports, for seconds. Where the sources are
# to stay free of them, they lie in build/.
ifdef PYTHONDONTWRITEBYTECODE
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/build/cache/python
endif

# What a run takes from the command line (make demo PLANTED_FEN=1) reaches it by the environment.
export PROCEDURE
export PLANTED_FEN
export DAIYA_FAULTS
export WAY_OUT

.PHONY: faults simulate explore mutants bench bench-smoke
.PHONY: help venv demo test check up down status contracts clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: ## make or bring up to date the virtual environment (.venv) from requirements.lock
	@sh deploy/venv.sh

demo: venv ## play one case and check every fen (PROCEDURE=LC-LOAN or LC-FULL; WAY_OUT=list, <name> or all; PLANTED_FEN=1 to see it fail)
	@$(PYTHON) -m deploy.demo

test: venv ## run the whole test suite on a real Kafka and MongoDB
	@$(PYTHON) -m tests.run

faults: venv ## kills, freezes, losses and bad input on real processes: a little of each (DAIYA_FAULTS=all: the whole dose)
	@$(PYTHON) -m pytest tests/faults -q

simulate: venv ## many seeds of the simulation on all cores (SEEDS=1000 FROM=0 PROCEDURE=LC-FULL; all procedures without)
	@$(PYTHON) -m tests.simulation simulate --seeds $(or $(SEEDS),1000) --first $(or $(FROM),0) --procedure "$(PROCEDURE)"

explore: venv ## all interleavings of small worlds (PROCEDURE=LC-FULL DUPLICATES=1 CRASHES=1 WITHDRAWALS=1; all by default)
	@$(PYTHON) -m tests.explore --procedure "$(PROCEDURE)" --duplicates $(or $(DUPLICATES),1) \
		--crashes $(or $(CRASHES),1) --withdrawals $(or $(WITHDRAWALS),1) --seconds $(or $(SECONDS),570) $(SCOPES)

mutants: venv ## plant each fault of the list in the product, and see the simulation find it
	@$(PYTHON) -m tests.simulation mutants

bench: venv ## measure Daiya beside its peers, for hours of both cores; benchmarks/README.md has what each part is and its figures
	@$(PYTHON) -m benchmarks all

bench-smoke: venv ## play a handful of cases with the benchmark's own parts: they must complete; says nothing of speed
	@$(PYTHON) -m benchmarks smoke

check: venv ## linters, types, import directions, generated files, demands
	@$(PYTHON) .ci/check.py

up: venv ## start everything, leave it running, print the addresses
	@$(PYTHON) -m deploy.stack up

down: venv ## stop what `make up` started; its data stays
	@$(PYTHON) -m deploy.stack down

status: venv ## what `make up` started and whether it still runs
	@$(PYTHON) -m deploy.stack status

contracts: venv ## write the JSON Schemas, the AsyncAPI document and the diagrams from the contracts
	@$(PYTHON) -m contracts.generate

clean: down ## stop everything, remove build/ with all data, keys and caches; .venv and downloaded jars stay
	@rm -rf build .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find contracts services deploy tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
