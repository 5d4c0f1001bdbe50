# Everything is run from the environment of the README's second command.
BIN := .venv/bin

.PHONY: check format lint types imports test perf screenshots constraints

check: format lint types imports test

format:
	$(BIN)/ruff format --check .
lint:
	$(BIN)/ruff check .
types:
	$(BIN)/mypy
imports:
	$(BIN)/lint-imports --no-cache
test:
	$(BIN)/python -m pytest
perf:
	$(BIN)/python -m perf
screenshots:
	UPDATE_SCREENSHOTS=1 $(BIN)/python -m pytest tests/screens/test_screenshots.py
constraints:
	uv pip compile --quiet --universal --python-version 3.10 --extra ctk --extra dev \
	  --no-annotate --no-header --upgrade pyproject.toml -o constraints.txt
