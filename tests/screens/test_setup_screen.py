"""The setup's screen: what would be run, the steps as they go, failures with what helps."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.conftest import wait_for
from tests.fakes import installation
from tests.screens import made_up
from tests.screens.looks import shown, until
from tui.app import MlperfTui
from tui.engine import catalog, home, mlcflow, process
from tui.engine.setup import place
from tui.engine.store import RunStore
from tui.screens.benchmarks import BenchmarksScreen

SMALL, LARGE = (80, 24), (200, 50)
SLOW = "#!/bin/sh\necho Cloning into here\nexec sleep 60\n"


def app_of(store: RunStore) -> MlperfTui:
    return MlperfTui(catalog.load(), store, made_up.FACTS, **made_up.outside())


@pytest.fixture(autouse=True)
def no_gpu_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """The made-up machine has a GPU; the packages of our own environment have none."""
    from tui.engine.setup import steps

    monkeypatch.setattr(steps, "_with_gpu", lambda _: False)


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mlcflow, "OFFICIAL_DEFAULT", tmp_path / "default")


async def opened(pilot: Pilot[None], *words: str) -> None:
    await until(pilot, lambda: "i makes one" in shown(pilot.app))
    await pilot.press("i")
    await until(pilot, lambda: "what Enter runs" in shown(pilot.app))
    if words:
        await pilot.press("o", "ctrl+u")
        await pilot.press(*(" ".join(words)))
        await pilot.press("enter")
        await until(pilot, lambda: f"cd {words[0]}" in shown(pilot.app))


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_before_it_starts_it_shows_the_commands(
    store: RunStore, official_folder: Path, mirror: Path, size: tuple[int, int]
) -> None:
    async with app_of(store).run_test(size=size) as pilot:
        await opened(pilot, str(official_folder), "--from-mirror", str(mirror))
        text = shown(pilot.app)
        assert "○ venv" in text
        assert "# A step that is done already is skipped." in text
        assert "Enter start" in text
        assert "stop" not in text
        assert not (official_folder / "setup.log").exists()
        what, copied = pilot.app.screen.copyable()  # type: ignore[attr-defined]
        assert what == "the commands"
        assert f"{official_folder}/mlc/bin/mlcr detect,os --quiet" in copied


async def test_it_is_started_ends_well_and_becomes_the_default(
    store: RunStore, official_folder: Path, mirror: Path
) -> None:
    async with app_of(store).run_test(size=SMALL) as pilot:
        await opened(pilot, str(official_folder), "--from-mirror", str(mirror))
        await pilot.press("enter")
        await until(pilot, lambda: "✔ ready" in shown(pilot.app))
        text = shown(pilot.app)
        assert "there already: 1." in text
        assert "✔ automations" in text
        assert "it finds stand-in" in text
        assert "u makes them" in text
        assert "--- proof done" in text  # the log's end
        await pilot.press("u")
        await until(pilot, lambda: "Official runs use it now." in shown(pilot.app))
        assert home.read_settings()["installation"] == str(official_folder)
        await pilot.press("x", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, BenchmarksScreen))
        await until(pilot, lambda: f"installation: {official_folder}"[:30] in shown(pilot.app))


async def test_it_goes_on_while_one_is_elsewhere_and_stops(
    store: RunStore, official_folder: Path, mirror: Path
) -> None:
    real = (official_folder / "mlc/bin/mlc").read_text()
    installation.write_script(official_folder / "mlc/bin/mlc", SLOW)
    async with app_of(store).run_test(size=SMALL) as pilot:
        await opened(pilot, str(official_folder), "--from-mirror", str(mirror))
        await pilot.press("enter")
        await until(pilot, lambda: "● automations" in shown(pilot.app))
        await until(pilot, lambda: "s  cloning" in shown(pilot.app))
        assert "Quitting mlperf-tui stops it" in shown(pilot.app)
        await pilot.press("escape")
        await until(pilot, lambda: "● setup" in shown(pilot.app))
        await pilot.press("2", "1", "i")
        await until(pilot, lambda: "● automations" in shown(pilot.app))
        await pilot.press("x")
        await until(pilot, lambda: "■ stopped" in shown(pilot.app))
        assert "Enter goes on from there" in shown(pilot.app)
        assert not process.run_processes(place.Place(official_folder).mark, None)
        installation.write_script(official_folder / "mlc/bin/mlc", real)
        await pilot.press("enter")
        await until(pilot, lambda: "✔ ready" in shown(pilot.app))


async def test_quitting_stops_it(store: RunStore, official_folder: Path, mirror: Path) -> None:
    installation.write_script(official_folder / "mlc/bin/mlc", SLOW)
    app = app_of(store)
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot, str(official_folder), "--from-mirror", str(mirror))
        await pilot.press("enter")
        await until(pilot, lambda: "● automations" in shown(pilot.app))
    mark = place.Place(official_folder).mark
    wait_for(lambda: not process.run_processes(mark, None), 10)
    assert app.setup_left_at == official_folder


async def test_a_failure_says_what_helps_and_copies_it(
    store: RunStore, official_folder: Path, mirror: Path
) -> None:
    (official_folder / "MLC/repos/mlcommons@mlperf-automations/x").mkdir(parents=True)
    async with app_of(store).run_test(size=SMALL) as pilot:
        await opened(pilot, str(official_folder), "--from-mirror", str(mirror))
        await pilot.press("enter")
        await until(pilot, lambda: "✖ failed" in shown(pilot.app))
        assert "✖ checks" in shown(pilot.app)
        assert "Change: move it away" in shown(pilot.app)
        what, copied = pilot.app.screen.copyable()  # type: ignore[attr-defined]
        assert what == "the command"
        assert copied.startswith("mv ")
        assert "Enter start" in shown(pilot.app)


async def test_a_folder_that_cannot_be_is_said_where_it_is_typed(store: RunStore) -> None:
    async with app_of(store).run_test(size=SMALL) as pilot:
        await opened(pilot)
        await pilot.press("o", "ctrl+u", *"/a;b", "enter")
        await until(pilot, lambda: "in a path breaks mlcr" in shown(pilot.app))
        await pilot.press("escape")
        await until(pilot, lambda: "Enter start" in shown(pilot.app))
        await pilot.press("o", "ctrl+u", *"--fast", "enter")
        await until(pilot, lambda: "unrecognized arguments" in shown(pilot.app))
