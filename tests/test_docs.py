"""The pages say what is so: every key, every screen, every picture."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.binding import Binding

from tui.app import MlperfTui
from tui.screens.benchmarks import BenchmarksScreen
from tui.screens.doctor import DoctorScreen
from tui.screens.gpu import GpuScreen
from tui.screens.history import HistoryScreen
from tui.screens.launch import LaunchScreen
from tui.screens.log_frame import LogFrame
from tui.screens.record import RecordScreen
from tui.screens.result_keys import ResultKeys
from tui.screens.results import ResultsScreen
from tui.screens.run import RunScreen
from tui.screens.setup import SetupScreen
from widgets.choice_list import ChoiceList
from widgets.field_list import FieldList
from widgets.form import Form
from widgets.log_view import LogView

REPOSITORY = Path(__file__).parents[1]
KEYS = REPOSITORY / "docs/keys.md"
PLACES = (
    MlperfTui, BenchmarksScreen, RunScreen, HistoryScreen, GpuScreen, LogFrame, ResultKeys,
    ResultsScreen, RecordScreen, DoctorScreen, LaunchScreen, SetupScreen, FieldList, ChoiceList,
    Form, LogView,
)  # fmt: skip
NAMES = {
    "question_mark": "?",
    "slash": "/",
    "enter": "Enter",
    "escape": "Esc",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "space": "Space",
    "delete": "Del",
    "right_square_bracket": "]",
    "left_square_bracket": "[",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "right_curly_bracket": "}",
    "left_curly_bracket": "{",
}


@pytest.mark.parametrize("place", PLACES)
def test_every_key_is_in_the_list_of_keys(place: type) -> None:
    rows = [row for row in KEYS.read_text().splitlines() if row.startswith("| `")]
    told = {key for row in rows for key in re.findall(r"`([^`]+)`", row.split("|")[1])}
    bindings = [one for one in place.__dict__["BINDINGS"] if isinstance(one, Binding)]
    assert bindings
    for binding in bindings:
        for key in binding.key.split(","):
            name = NAMES.get(key, key.replace("ctrl+", "^"))
            assert name in told, f"{place.__name__}: {name} ({binding.description})"


@pytest.mark.parametrize("page", [REPOSITORY / "README.md", *REPOSITORY.glob("docs/*.md")])
def test_every_link_and_picture_of_the_pages_is_there(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if "://" not in link:
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_every_screen_has_its_page_with_a_picture() -> None:
    pages = (
        "benchmarks", "runs", "run", "results", "gpu", "record", "probe", "doctor", "launch",
        "setup",
    )  # fmt: skip
    for name in pages:
        assert f"screens/{name}" in (REPOSITORY / f"docs/{name}.md").read_text()
