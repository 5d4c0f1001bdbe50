"""Results in the app: of a run, and of any path; checks, raw logs, pictures, runs mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import DATA
from tests.screens.looks import shown, until
from tui.app import MlperfTui
from tui.engine import catalog, sut
from tui.engine.store import RunStore
from tui.screens.history import HistoryScreen
from tui.screens.raw import RawScreen
from tui.screens.results import ResultsScreen
from tui.screens.run import RunScreen
from widgets.choice_list import ChoiceList
from widgets.dialog import Confirm, Sheet
from widgets.log_view import LogView

SMALL, LARGE = (80, 24), (200, 50)
KEYS = {"/": "slash", ".": "full_stop", "-": "minus", "_": "underscore"}


@pytest.fixture
def app(store: RunStore) -> MlperfTui:
    """The app in a terminal of Textual's own, not yet running."""
    return MlperfTui(catalog.load(), store, sut.describe())


def typed(text: str) -> list[str]:
    return [KEYS.get(one, one) for one in text]


async def test_any_path_is_read_from_the_runs_screen(app: MlperfTui, store: RunStore) -> None:
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("2", "i", *typed("/no/such"), "enter")
        await until(pilot, lambda: "/no/such: no such file or folder" in shown(app))
        await pilot.press("i", *typed(str(DATA / "published")), "enter")
        await until(pilot, lambda: isinstance(app.screen, ResultsScreen))
        await until(pilot, lambda: "12 results" in shown(app))
        rows = app.screen.query_one(ChoiceList)
        assert "resnet50 · MultiStream · compliance · TEST01" in shown(app)
        await pilot.press("end")
        await until(pilot, lambda: rows.cursor == 11)
        seen = await until(pilot, lambda: "102 903 Tokens/s   higher" in shown(app) and shown(app))
        assert "llama3.1-8b · Interactive · performance" in seen
        assert "Unverified local run, not an official MLPerf result." in seen
        assert "published: 122 269 Tokens/s (v5.1" in seen
        assert "┃ limit 500 ms" in seen
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Sheet))
        assert "It would pass as a closed-division run." in shown(app)
        assert "seeds                     ✔ of v5.1" in shown(app)
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))


async def test_the_raw_detail_log_can_be_searched(app: MlperfTui, store: RunStore) -> None:
    path = DATA / "loadgen/server_invalid_latency"
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("2", "i", *typed(str(path)), "enter")
        await until(pilot, lambda: "✖ INVALID" in shown(app))
        await pilot.press("M")
        await until(pilot, lambda: isinstance(app.screen, RawScreen))
        await until(pilot, lambda: '{"key": "loadgen_version"' in shown(app))
        view = app.screen.query_one(LogView)
        await pilot.press("slash", *typed("result_validity"), "enter")
        await until(pilot, lambda: view.marked is not None)
        assert '"result_validity", "value": "INVALID"' in shown(app)
        await pilot.press("escape", "escape")  # the search first, then the screen
        await until(pilot, lambda: isinstance(app.screen, ResultsScreen))
        await pilot.press("m")
        await until(pilot, lambda: "MLPerf Results Summary" in shown(app))


async def test_what_is_seen_becomes_a_picture_and_a_text(app: MlperfTui, store: RunStore) -> None:
    copied: list[str] = []
    app.copy_to_clipboard = copied.append  # type: ignore[method-assign]
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("2", "i", *typed(str(DATA / "loadgen/server_valid")), "enter")
        await until(pilot, lambda: "147.9 Queries/s" in shown(app))
        await pilot.press("e")
        picture = store.root / "exports/Server-performance.svg"
        await until(pilot, lambda: str(picture)[:40] in shown(app) or picture.is_file())
        assert "147.9" in picture.read_text()
        await pilot.press("e")
        await until(pilot, picture.with_name("Server-performance-2.svg").is_file)
        await pilot.press("y")
        await until(pilot, lambda: copied)
    assert "147.9 Queries/s   higher is better" in copied[0]


async def test_a_folder_without_logs_says_so(
    app: MlperfTui, store: RunStore, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("2", "i", *typed(str(tmp_path / "empty")), "enter")
        await until(pilot, lambda: "no LoadG" in shown(app))
        assert "0 results" in shown(app)
        await pilot.press("enter", "m", "e", "y")  # nothing there, nothing happens
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))


async def test_an_invalid_run_is_mended_by_one_key(app: MlperfTui, store: RunStore) -> None:
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("right", "s", *"test_query_count=10", "enter", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await until(pilot, lambda: "✖ INVALID  finished" in shown(app))
        seen = shown(app)
        assert "Too few queries for early stopping: at least 64 are needed, 10 ran." in seen
        assert "Change: Raise test_query_count from 10 to 64" in seen
        assert "R runs it again with --test_query_count=64" in seen
        first = app.screen.run_shown  # type: ignore[attr-defined]
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(
            pilot,
            lambda: isinstance(app.screen, RunScreen) and app.screen.run_shown.id != first.id,
        )
        await until(pilot, lambda: "✔ VALID  finished" in shown(app))
        second = app.screen.run_shown  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Sheet))
        assert "smoke is not an MLPerf benchmark" in shown(app)
    assert "--test_query_count=64" in second.spec.argv
    assert "--test_query_count=10" not in second.spec.argv


@pytest.mark.parametrize("size", [(40, 10), (20, 5), (80, 24), (200, 50)])
async def test_every_size_shows_something(
    app: MlperfTui, store: RunStore, size: tuple[int, int]
) -> None:
    async with app.run_test(size=size) as pilot:
        await pilot.press("2", "i", *typed(str(DATA / "loadgen")), "enter")
        await until(pilot, lambda: isinstance(app.screen, ResultsScreen))
        await until(pilot, lambda: len(app.screen._results) == 18)  # type: ignore[attr-defined]
        await pilot.press("down", "end", "home", "tab", "down", "tab")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Sheet))
