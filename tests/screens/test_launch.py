"""The form: every field, problems as they arise, presets, pasted commands, start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from tests.conftest import finished
from tests.engine.test_command import BATCH, OFFLINE
from tests.fakes import mlcr_repository
from tests.screens import made_up
from tests.screens.looks import shown, until
from tui.app import MlperfTui
from tui.engine import catalog, sut
from tui.engine.store import RunStore
from tui.screens.benchmarks import BenchmarksScreen
from tui.screens.launch import LaunchScreen
from widgets.dialog import Sheet
from widgets.field_list import FieldList
from widgets.pick import Pick

SMALL, LARGE = (80, 24), (200, 50)


@pytest.fixture
def app(store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MlperfTui:
    """The app on a stand-in of an official installation, on a machine with a GPU."""
    folder = mlcr_repository.make(tmp_path / "official")
    monkeypatch.setenv("MLPERF_TUI_INSTALLATION", str(folder))
    return MlperfTui(catalog.load(), store, made_up.FACTS)


async def opened(app: MlperfTui, pilot: Pilot[None], words: str = "resnet50") -> LaunchScreen:
    """The form of a benchmark."""
    await pilot.press("slash", *words, "enter", "f")
    await until(pilot, lambda: isinstance(app.screen, LaunchScreen))
    await until(pilot, lambda: "what is" in shown(app))
    screen = app.screen
    assert isinstance(screen, LaunchScreen)
    return screen


def go(screen: LaunchScreen, name: str) -> None:
    """Put the cursor on a field."""
    fields = screen.query_one(FieldList)
    names = [getattr(one, "name", None) for one in fields._lines]
    fields.go_to(names.index(name))


def command_of(screen: LaunchScreen) -> str:
    found = screen.copyable()
    assert found is not None
    return found[1]


async def test_the_fields_come_from_the_installation_and_explain_themselves(
    app: MlperfTui,
) -> None:
    async with app.run_test(size=LARGE) as pilot:
        screen = await opened(app, pilot)
        assert "mlperf-automations 01234567" in shown(app)
        go(screen, "new_key")
        await until(pilot, lambda: "A key that the shipped list has not" in shown(app))
        go(screen, "batch_size")
        await until(pilot, lambda: "1 needs the least memory · a whole number" in shown(app))
        go(screen, "division")
        await until(pilot, lambda: "· default: open" in shown(app))


async def test_a_field_that_is_not_the_default_is_marked_and_stands_in_the_command(
    app: MlperfTui,
) -> None:
    async with app.run_test(size=SMALL) as pilot:
        screen = await opened(app, pilot)
        go(screen, "division")
        await pilot.pause()
        assert "* division" not in shown(app)
        await pilot.press("right", "right")
        await until(pilot, lambda: "* division" in shown(app))
        await until(pilot, lambda: "--division=closed" in command_of(screen))
        await pilot.press("left", "left")
        await until(pilot, lambda: "* division" not in shown(app))
        assert "--division" not in command_of(screen)


async def test_values_are_typed_and_an_empty_one_takes_the_key_away(app: MlperfTui) -> None:
    async with app.run_test(size=LARGE) as pilot:
        screen = await opened(app, pilot)
        go(screen, "batch_size")
        await pilot.press("right")
        await until(pilot, lambda: "batch_size: Enter, then type a value" in screen.said)
        await pilot.press("enter", *"16", "enter")
        await until(pilot, lambda: "--batch_size=16" in command_of(screen))
        field = screen.query_one(FieldList).field
        assert field is not None
        assert field.name == "batch_size"
        await pilot.press("enter", "ctrl+u", "enter")
        await until(pilot, lambda: "--batch_size" not in command_of(screen))


async def test_a_problem_is_shown_as_it_arises_beside_its_field(app: MlperfTui) -> None:
    async with app.run_test(size=SMALL) as pilot:
        screen = await opened(app, pilot)
        go(screen, "batch_size")
        await pilot.press("enter", *"many", "enter")
        await until(pilot, lambda: "✖ many" in shown(app))
        assert "batch_size=many is not a whole number" in shown(app)
        await pilot.press("s")
        await until(pilot, lambda: "is not a whole number" in screen.said)


async def test_an_impossible_combination_is_named_while_choosing(app: MlperfTui) -> None:
    async with app.run_test(size=LARGE) as pilot:
        screen = await opened(app, pilot, "retinanet")
        go(screen, "framework")
        await pilot.press("enter", "ctrl+u", *"tf", "enter")
        await until(pilot, lambda: "'tf' does not go with model retinanet" in shown(app))
        assert "✖ ◂ tf ▸" in shown(app)


async def test_another_implementation_brings_its_own_framework_and_device(
    app: MlperfTui,
) -> None:
    async with app.run_test(size=LARGE) as pilot:
        screen = await opened(app, pilot)
        go(screen, "implementation")
        await pilot.press("right")
        await until(pilot, lambda: "framework tensorrt, device cuda" in screen.said)
        assert "--implementation=nvidia-original --framework=tensorrt" in command_of(screen)
        assert "made for its own container" in shown(app)
        go(screen, "docker")
        await pilot.press("right")
        await until(pilot, lambda: " --docker " in command_of(screen))


async def test_the_filter_finds_a_field_by_what_it_means(app: MlperfTui) -> None:
    async with app.run_test(size=SMALL) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("slash", *"least memory", "enter")
        await until(pilot, lambda: "what is measured" not in shown(app))
        assert "batch_size" in shown(app)
        await pilot.press("slash", "ctrl+u", *"nothing such", "enter")
        await until(pilot, lambda: "No field has these words" in shown(app))
        await pilot.press("escape")
        await until(pilot, lambda: "what is measured" in shown(app))
        assert isinstance(app.screen, LaunchScreen)
        assert screen.query_one(FieldList).field is not None


async def test_a_pasted_block_fills_the_form(app: MlperfTui) -> None:
    async with app.run_test(size=LARGE) as pilot:
        screen = await opened(app, pilot, "retinanet")
        screen.post_message(events.Paste(OFFLINE))
        await until(pilot, lambda: "--model=resnet50" in command_of(screen))
        assert "_find-performance,_full,_r5.1-dev" in command_of(screen)
        assert "left out: --quiet" in screen.said


async def test_a_command_is_pasted_or_typed_into_the_prompt(app: MlperfTui) -> None:
    async with app.run_test(size=LARGE) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("v", *"mlcr detect,os", "enter")
        await until(pilot, lambda: "is not MLPerf's run script" in screen.said)
        await pilot.press("ctrl+u", *"mlcr run-mlperf,inference --docker", "enter")
        await until(pilot, lambda: "--docker" in command_of(screen))
        await pilot.press("v")
        await until(pilot, lambda: screen.query("Prompt"))
        focused = screen.focused
        assert focused is not None
        focused.post_message(events.Paste(BATCH))
        await until(pilot, lambda: "--max_batchsize=1" in command_of(screen))
        assert not screen.query("Prompt")


async def test_several_notes_are_read_on_a_sheet(app: MlperfTui) -> None:
    async with app.run_test(size=LARGE) as pilot:
        screen = await opened(app, pilot)
        screen.post_message(events.Paste("sudo mlcr run-mlperf,inference --rerun --quiet"))
        await until(pilot, lambda: isinstance(app.screen, Sheet))
        assert "left out: --rerun (each run measures anew)" in shown(app)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)


async def test_presets_are_chosen_and_kept(app: MlperfTui, tmp_path: Path) -> None:
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, BenchmarksScreen))
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await until(pilot, lambda: "guide-resnet50-server" in shown(app))
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: isinstance(app.screen, LaunchScreen))
        screen = app.screen
        assert isinstance(screen, LaunchScreen)
        await until(pilot, lambda: "--scenario=Server" in command_of(screen))
        assert "_performance-and-accuracy,_short" in command_of(screen)
        await pilot.press("T", *"guide-bert-offline", "enter")
        await until(pilot, lambda: "there is one called guide-bert-offline" in screen.said)
        await pilot.press("ctrl+u", *"mine", "enter")
        await until(pilot, lambda: "kept as" in screen.said)
        assert (tmp_path / "profiles/presets/mine.yaml").is_file()
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, Pick) and "mine" in shown(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)


async def test_a_broken_preset_is_said_and_takes_nothing_down(
    app: MlperfTui, tmp_path: Path
) -> None:
    folder = tmp_path / "profiles/presets"
    folder.mkdir(parents=True)
    (folder / "bad.yaml").write_text("name: bad\n")
    async with app.run_test(size=LARGE) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("t")
        await until(pilot, lambda: "bad.yaml: benchmark is missing" in screen.said)


async def test_keys_that_no_list_has_are_added(app: MlperfTui) -> None:
    async with app.run_test(size=LARGE) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("a", *"nonsense=1", "enter")
        await until(pilot, lambda: "'nonsense' is not a key of this" in shown(app))
        go(screen, "nonsense")
        await pilot.press("enter", "ctrl+u", "enter")
        await pilot.press("a", *"env.A_B=5", "enter")
        await until(pilot, lambda: "--env.A_B=5" in command_of(screen))
        assert "* env.A_B" in shown(app)


async def test_the_dry_run_shows_folder_and_variables_and_the_run_is_started(
    app: MlperfTui, store: RunStore
) -> None:
    async with app.run_test(size=LARGE) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, Sheet))
        assert "export MLC_REPOS=" in app.screen.copyable  # a long path leads it out of sight
        await pilot.press("escape", "s")
        await until(pilot, lambda: "Start all the same?" in shown(app))  # it has no Python
        assert "its Python" in shown(app)
        await pilot.press("n")
        await until(pilot, lambda: "not started" in shown(app))
        assert not store.ids()
        await pilot.press("s")
        await until(pilot, lambda: "Start all the same?" in shown(app))
        await pilot.press("y")
        await until(pilot, lambda: store.ids())
        await until(pilot, lambda: app.screen is not screen)
        run = store.open("latest")
        finished(run)
        assert "--model=resnet50" in run.console.read_text()
        assert run.spec.mode == "performance"


async def test_leaving_takes_the_choice_back_to_the_benchmarks(app: MlperfTui) -> None:
    async with app.run_test(size=LARGE) as pilot:
        screen = await opened(app, pilot, "retinanet")
        go(screen, "benchmark")
        await pilot.press("enter", "ctrl+u", *"bert-99", "enter")
        await until(pilot, lambda: "--model=bert-99" in command_of(screen))
        go(screen, "scenario")
        await pilot.press("left")
        await until(pilot, lambda: "--scenario=Server" in command_of(screen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, BenchmarksScreen))
        await until(pilot, lambda: "▶ bert-99" in shown(app))
        assert "scenario ◂ Server ▸" in shown(app)


async def test_without_an_installation_one_can_choose_and_copy_all_the_same(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.engine.mlcflow.OFFICIAL_DEFAULT", store.root / "nowhere")
    app = MlperfTui(catalog.load(), store, sut.describe())
    async with app.run_test(size=SMALL) as pilot:
        screen = await opened(app, pilot)
        assert "shipped list of e23ca3af" in shown(app)
        await until(pilot, lambda: "official installation not found" in shown(app))
        assert "mlcr run-mlperf,inference" in command_of(screen)
        await pilot.press("s")
        await until(pilot, lambda: "official installation not found" in screen.said)
        go(screen, "framework")
        await pilot.press("enter", "ctrl+u", *"zzz", "enter")
        await until(pilot, lambda: "'zzz' is not a value of framework" in shown(app))
    assert store.ids() == []


@pytest.mark.parametrize("size", [(20, 6), (40, 12), (300, 100)])
async def test_any_size_of_terminal_shows_the_fields(app: MlperfTui, size: tuple[int, int]) -> None:
    async with app.run_test(size=size) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("down", "pagedown", "end", "home")
        assert screen.query_one(FieldList).cursor == 1


async def test_a_click_goes_to_a_field_and_a_second_one_types(app: MlperfTui) -> None:
    async with app.run_test(size=LARGE) as pilot:
        screen = await opened(app, pilot)
        fields = screen.query_one(FieldList)
        names: list[Any] = [getattr(one, "name", None) for one in fields._lines]
        row = names.index("batch_size") + 1
        await pilot.click(FieldList, offset=(5, row))
        await until(pilot, lambda: fields.cursor == row - 1)
        await pilot.click(FieldList, offset=(5, row))
        await until(pilot, lambda: screen.query("Prompt"))
