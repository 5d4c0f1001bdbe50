"""Text fits the terminal that it goes to, and into a pipe it goes whole."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

CODE = """
from tui.cli import output
from widgets.rows import Badge, Fact, Panel, Tone
output.panel(Panel("a title", Badge("VALID", Tone.GOOD), facts=(
    Fact("latency", "min 206.1  p50 3 997.1  p90 6 934.0  p99 7 602.0  p99.9 7 670.5  max 7 677.8"),
)))
plain = lambda *cells: [Badge(cell, Tone.PLAIN) for cell in cells]
output.table(("name", "extra", "value"), [plain("x" * 30, "y" * 40, "z" * 20)], spare=("extra",))
"""


def on_a_terminal(columns: int) -> list[str]:
    """What CODE prints on a terminal that is so wide."""
    parent, child = pty.openpty()
    env = {**os.environ, "COLUMNS": str(columns), "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}
    subprocess.run([sys.executable, "-c", CODE], stdout=child, env=env, check=True)
    os.close(child)
    text = os.read(parent, 65536).decode()
    os.close(parent)
    return text.splitlines()


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_lines_fit_and_no_number_is_broken(columns: int) -> None:
    lines = on_a_terminal(columns)
    assert max(map(len, lines)) <= columns
    text = "\n".join(lines)
    for pair in ("p50 3 997.1", "p99.9 7 670.5", "max 7 677.8"):
        assert pair in text


def test_a_narrow_terminal_loses_spare_columns() -> None:
    assert not [line for line in on_a_terminal(80) if "yyy" in line]
    assert [line for line in on_a_terminal(200) if "yyy" in line]


def test_a_pipe_gets_everything_in_one_line() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert "y" * 40 in done.stdout
    assert "max 7 677.8" in done.stdout.splitlines()[1]
