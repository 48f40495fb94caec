# make demo: the quick start; make test: everything CI runs. Both set the machine up first: .venv in the checkout.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: demo test test-slow lint types unit bench bench-gpu models reference install clean

demo: $(INSTALLED)
	$(BIN)/antifaz run quickstart

test: lint types unit

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Type checkers cannot follow the editable mapping, so mypy reads an ordinary install of the same tree (without build/lib of earlier ones).
types: $(INSTALLED)
	rm -rf build && $(BIN)/pip install --quiet --no-deps --no-build-isolation --target build/typed .
	rm -rf antifaz.egg-info  # else Python in this folder would find its plugins there, old ones too
	MYPYPATH=build/typed $(BIN)/mypy -p antifaz

unit: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" --numprocesses auto --dist worksteal

test-slow: $(INSTALLED)
	$(BIN)/python -m pytest -m slow

bench: $(INSTALLED)
	$(BIN)/python benchmarks/attention.py --device cpu
	$(BIN)/python benchmarks/training_step.py --device cpu
	$(BIN)/python benchmarks/drop_token.py --device cpu

bench-gpu: $(INSTALLED)
	$(BIN)/python benchmarks/attention.py --device cuda
	$(BIN)/python benchmarks/training_step.py --device cuda
	$(BIN)/python benchmarks/drop_token.py --device cuda

# docs/models.md, from the shipped model configs.
models: $(INSTALLED)
	$(BIN)/python tools/models_page.py

# docs/reference, from the specs, the config's types, the hooks and the protocols.
reference: $(INSTALLED)
	$(BIN)/python tools/reference_pages.py

# Editors find the schema by the first line of every shipped config.
install: $(INSTALLED)
	$(BIN)/antifaz schema > configs/schema.json

$(INSTALLED): pyproject.toml setup.py constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip 'setuptools>=77,<82'
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[test]'
	$(BIN)/antifaz schema > configs/schema.json
	touch $(INSTALLED)

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
