# Every target sets up what it needs on a machine that has Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin
SETUP := --disable-pip-version-check --quiet --require-hashes --no-deps

.PHONY: help demo test test-engines test-outages test-faults check fix fuzz docs bench lock clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: .venv/runtime ## the main job on real data, on a platform of its own that is gone afterwards
	@$(BIN)/python -m deploy.demo

test: .venv/dev ## every test but those below, checks included; ends with pytest's summary
	@$(MAKE) --no-print-directory check
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -q --ignore tests/faults

test-engines: .venv/dev ## what needs real engines, which it starts (RabbitMQ, Kafka, MongoDB, S3) and stops
	@trap '$(BIN)/python -m deploy.engines down' EXIT; $(BIN)/python -m deploy.engines up && \
		export AUTOLEARN_TEST_ENGINES=required && $(BIN)/python -m pytest -q -m external && \
		AUTOLEARN_TEST_PLATFORM=cluster $(BIN)/python -m pytest -q tests/acceptance -m "not external"

test-outages: .venv/dev ## an hour: a cluster at work while each engine is away for a minute, frozen, slow, cut off (OUTAGE=60)
	@trap '$(BIN)/python -m deploy.engines down' EXIT; $(BIN)/python -m deploy.engines up && \
		AUTOLEARN_TEST_ENGINES=required AUTOLEARN_TEST_OUTAGE=$(or $(OUTAGE),60) \
		$(BIN)/python -m pytest -q -s tests/acceptance/test_outages.py

test-faults: .venv/dev ## crashes, broken storage, stalls, 2,000 steps of sessions that die on the way, one of 10,000 records
	AUTOLEARN_TEST_EXAMPLES=67 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -q tests/faults
	AUTOLEARN_TEST_RECORDS=10000 $(BIN)/python -m pytest -q tests/unit/session_service/test_large_sessions.py

check: .venv/dev ## style, types and import rules; changes nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: .venv/dev ## repair what can be repaired by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

fuzz: .venv/dev ## hours of crashes: the whole grid, and thousands of steps of lives nobody planned
	$(BIN)/python -m tests.faults.grid $(GRID)
	AUTOLEARN_TEST_RANDOM=yes AUTOLEARN_TEST_EXAMPLES=500 AUTOLEARN_TEST_STEPS=60 $(BIN)/python -m pytest -q tests/faults/test_life.py

docs: .venv/dev ## write the generated parts of docs/ anew
	$(BIN)/python -m docs.generate

bench: .venv/dev ## figures against their floors (benchmarks/)
	$(BIN)/python -m benchmarks

lock: .venv/dev ## choose versions anew; the files name no registry
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		pyproject.toml --group build -o requirements/runtime.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		pyproject.toml --group build --extra cluster -c requirements/runtime.txt -o requirements/cluster.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		pyproject.toml --group build --group dev --extra cluster --extra onnx -c requirements/runtime.txt -o requirements/dev.txt

clean: ## remove the environment
	rm -rf .venv

.venv/runtime: requirements/runtime.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "setting up .venv (once; a minute or two)"
	@$(BIN)/python -m pip install $(SETUP) -r requirements/runtime.txt
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: .venv/runtime requirements/dev.txt
	@$(BIN)/python -m pip install $(SETUP) -r requirements/dev.txt
	@touch $@
