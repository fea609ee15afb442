# Two commands to begin with: `make repro` and `make test`. Both install what they need.
# Linux with Python 3.11.
PYTHON ?= python3.11
BIN := .venv/bin
SHELL := /bin/bash
export PATH := $(CURDIR)/$(BIN):$(PATH)
# What an installation costs, to be told before it starts.
SIZE := 0.9 GB to download, 3.6 GB on disk; 1 to 3 minutes, once
SIZE_JAX := 0.1 GB to download, 0.3 GB on disk
# Two workers on two cores: most tests use one core, or wait for what they have started.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help repro test test-fast lint rooms ci-times ui serve results course smoke bench bench-serving bench-serving-text soak attack timing peers drill audit bom lock graphs \
	install jax clean
PUBLIC := benchmarks/params.yaml
COURSE := course/params.yaml
PEERS := mnist sst2 multi30k_en_de etth1_96

help:  ## list the targets
	@sed -n 's/^\([a-z%-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

repro: install  ## run every default pipeline and print the results
	@$(BIN)/python -m pipelines repro

test: install  ## run all tests; with FULL_TESTS=1 the long ones at full size, as every night
	$(PYTEST) $(TEST_OPTIONS)

test-fast: install  ## run the tests that take less than 2 s each: about 3 minutes in all
	$(PYTEST) -q -m "not slow" $(TEST_OPTIONS)

lint: install  ## check style with ruff, floors with import-linter, types with mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

rooms: install  ## count the rooms of the code and the arrows between them
	@$(BIN)/python -m benchmarks.rooms

ci-times: install  ## write where the time of .ci/run went into docs/performance.md
	@$(BIN)/python -m benchmarks.ci_times

ui: install  ## show the runs in a browser: MLflow on http://127.0.0.1:5000
	@$(BIN)/python -m pipelines ui

serve: install  ## serve the exported models: REST on 127.0.0.1:8501, gRPC on 8500
	@$(BIN)/python -m serving

results: install  ## write the results tables of README.md, docs, course and benchmarks
	@$(BIN)/python -m pipelines results
	@$(BIN)/python -m pipelines results --params $(COURSE)
	@$(BIN)/python -m pipelines results --params $(PUBLIC)

bench: install  ## run all public data sets (many hours; it goes on where it stopped)
	@$(BIN)/python -m pipelines repro --params $(PUBLIC) --jobs 1 --pages

bench-%: install  ## run the public experiments whose names begin so: make bench-mnist
	@$(BIN)/python -m pipelines repro --params $(PUBLIC) --only '$*'

course: install  ## run the course's other experiments (course/README.md)
	@$(BIN)/python -m pipelines repro --params $(COURSE)

course-%: install  ## run the course's experiments whose key starts so: make course-forecast
	@$(BIN)/python -m pipelines repro --params $(COURSE) --only '$*'

smoke: install  ## run the stages of course and benchmarks once, on a few rows for one epoch
	@$(BIN)/python -m pipelines.runtime.forkserver $(BIN)/python -m benchmarks.smoke $(SMOKE_OPTIONS)

bench-serving: install  ## measure the server beside the models in a process, into docs/serving.json
	@$(BIN)/python -m benchmarks.serving

bench-serving-text: install  ## measure how fast the server makes texts, into docs/serving_text.json
	@$(BIN)/python -m benchmarks.serving_text

soak: install  ## load the server for half an hour while versions come and go, some of them corrupt
	@$(BIN)/python -m benchmarks.soak

timing: install  ## measure where the time of `make repro` goes, into docs/performance.md
	@$(BIN)/python benchmarks/startup.py

peers: install .venv-peers/installed  ## train the same in other frameworks, into docs/performance.md
	@$(BIN)/dvc repro $(PEERS:%=benchmarks/dvc.yaml:prepare@%)
	@$(BIN)/python -m benchmarks.peers

.venv-peers/installed: benchmarks/peers/requirements.txt .venv/installed
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

drill: install  ## kill, starve and corrupt copies of this project, into docs/reliability.md
	@$(BIN)/python -m pipelines.runtime.forkserver $(BIN)/python -m benchmarks.drills

graphs: install  ## write the stages of course and benchmarks from those of dvc.yaml
	@$(BIN)/python -m pipelines graphs

attack: install  ## attack the server, with a client beside the attacks, into docs/security.md
	@$(BIN)/python -m benchmarks.attack $(ATTACK_OPTIONS)

bom: install  ## write bom.json, the pinned packages as a software bill of materials (CycloneDX)
	$(BIN)/uv tool run --from cyclonedx-bom==7.5.0 cyclonedx-py requirements requirements.lock \
		--output-reproducible --output-format JSON --output-file bom.json

audit: install  ## look for known weaknesses of the pinned packages
	$(BIN)/uv tool run --from pip-audit==2.10.1 pip-audit --disable-pip --require-hashes \
		--requirement requirements.lock --requirement requirements-jax.lock

lock: install  ## resolve requirements.txt into requirements.lock, with the newest versions
	$(BIN)/uv pip compile -q --upgrade --python-version 3.11 --generate-hashes --no-header \
		--no-annotate requirements.txt -o requirements.lock
	$(BIN)/uv pip compile -q --upgrade --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --constraints requirements.lock requirements-jax.txt -o requirements-jax.lock

install: .venv/installed  ## create .venv from requirements.lock

.venv/installed: requirements.lock
	@[ "$$(uname -s)" = Linux ] || { \
		echo "make: Linux is needed, and this is $$(uname -s). Use a Linux machine," \
			"a container or WSL." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
		echo "make: Python 3.11 is needed, and $(PYTHON) is not it." \
			"Install it, or name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
		echo "make: $(PYTHON) has no venv module; on Debian: apt install python3.11-venv" >&2; exit 1; }
	@echo "make: creating .venv with $(PYTHON)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pipelines.runtime.install $< --size "$(SIZE)"
	@touch $@

jax: .venv/installed-jax  ## add JAX, to train on Keras's JAX backend

.venv/installed-jax: requirements-jax.lock .venv/installed
	@$(BIN)/python -m pipelines.runtime.install $< --size "$(SIZE_JAX)"
	@touch $@

clean:  ## remove all results and runs, and the caches they could come back from
	rm -rf .dvc/cache .dvc/tmp mlflow.db*
	git clean -fdXq data mlruns
