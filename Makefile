# Two commands set everything up: `make demo` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
OUT    ?= run
ARGS   ?=
UV      = $(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt

.PHONY: demo run test check generate clean

demo: $(VENV)/installed
	rm -rf demo
	$(BIN)/hemline simulate demo/shop --customers 2000 --articles 1000 --days 365
	$(BIN)/hemline run demo/shop --out demo/run --set photos.embedder=descriptor \
		--set evaluate.folds=2

run: $(VENV)/installed
	@test -n "$(DATA)" || { echo "make run DATA=path/to/folder [OUT=run] [ARGS='--recipe popular']" >&2; exit 2; }
	$(BIN)/hemline run "$(DATA)" --out "$(OUT)" $(ARGS)

test: $(VENV)/installed-test
	$(BIN)/pytest -n auto --dist loadfile -m "not neural"
	$(BIN)/pytest -m neural

check: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python docs/generate.py --check

generate: $(VENV)/installed-test
	$(BIN)/python docs/generate.py

clean:
	rm -rf demo $(VENV)

$(BIN)/uv: constraints.txt
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Hemline needs Python 3.11 or later"'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	@touch $@

$(VENV)/installed: $(BIN)/uv pyproject.toml constraints.txt
	$(UV) -e .
	@touch $@

# torch by pip, which takes a local build where one is configured
$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(UV) -e '.[test,neural,torchrec,neo4j,spark]'
	@touch $@
