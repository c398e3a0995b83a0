# Everything runs in .venv from pinned, hash-checked packages; `make run` and `make test` need nothing done before them.
PYTHON ?= python3
BIN := .venv/bin
export RAY_USAGE_STATS_ENABLED = 0

.PHONY: run test check models eval bench lock clean

run: .venv/run ## set up, obtain the models, serve on http://127.0.0.1:8000
	$(BIN)/facet serve $(ARGS)

test: .venv/dev ## set up, obtain the models, run all checks and tests
	$(BIN)/facet models pull
	$(MAKE) check
	$(BIN)/python -m pytest -q $(ARGS)

check: .venv/dev ## style, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

models: .venv/run ## obtain the models and list them
	$(BIN)/facet models pull

eval: .venv/dev ## set up, obtain the models, measure the accuracy on the labelled images in DATA
	$(BIN)/facet models pull
	$(BIN)/facet eval --data $(DATA) $(ARGS)

bench: .venv/dev ## set up, obtain the models, compare throughput, latency and memory; takes 20 minutes of an idle machine
	$(BIN)/facet models pull
	$(BIN)/python -m bench $(ARGS)

.venv/run: requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --progress-bar on --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

.venv/dev: .venv/run requirements-dev.txt
	$(BIN)/python -m pip install --quiet --progress-bar on --require-hashes -r requirements-dev.txt
	touch $@

LOCK := pip-compile --quiet --generate-hashes --allow-unsafe --build-deps-for editable --no-annotate --no-header \
	--strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host
lock: ## renew the pinned versions (needs pip-tools)
	$(BIN)/$(LOCK) --upgrade -o requirements.txt pyproject.toml
	$(BIN)/$(LOCK) --extra dev --extra eval -c requirements.txt -o requirements-dev.txt pyproject.toml

clean:
	rm -rf .venv
