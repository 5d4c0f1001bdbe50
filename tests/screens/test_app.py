"""The app as a whole, by keys and by mouse, on real runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import finished, nothing_left, python, running, submit, wait_for
from tests.screens import made_up
from tests.screens.looks import shown, until
from tui.app import MlperfTui
from tui.engine import catalog, home, sut
from tui.engine.queue import queue_of
from tui.engine.store import RunStore
from tui.screens.benchmarks import BenchmarksScreen
from tui.screens.gpu import GpuScreen
from tui.screens.history import HistoryScreen
from tui.screens.run import RunScreen
from widgets.choice_list import ChoiceList
from widgets.dialog import Confirm, Sheet
from widgets.form import Form
from widgets.log_view import LogView

SMALL, LARGE = (80, 24), (200, 50)


@pytest.fixture
def app(store: RunStore) -> MlperfTui:
    """The app in a terminal of Textual's own, not yet running."""
    return MlperfTui(catalog.load(), store, sut.describe())


LONG = python("import time; print('going', flush=True); time.sleep(300)")


async def test_a_new_user_presses_enter_and_reads_valid(app: MlperfTui, store: RunStore) -> None:
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "Press Enter: a 10-second run" in shown(app))
        assert "nothing runs" in shown(app)
        await pilot.press("s")
        await pilot.press(*"min_duration=1", "enter")
        await until(pilot, lambda: "--min_duration=1" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await until(pilot, lambda: "▶ LoadGen" in shown(app))
        assert "of ≥0:01" in await until(pilot, lambda: "≥" in shown(app) and shown(app))
        await until(pilot, lambda: "✔ VALID  finished" in shown(app))
        assert "Samples/s   higher is better" in shown(app)
        assert "smoke is not an MLPerf benchmark" in shown(app)
        await pilot.press("escape")
        await until(pilot, lambda: "last here ✔ VALID" in shown(app))
        assert "Press Enter: a 10-second run" not in shown(app)
        await pilot.press("2")
        await until(pilot, lambda: "✔ VALID" in shown(app) and "1 run" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await until(pilot, lambda: "✔ VALID  finished" in shown(app))
    (run,) = store
    assert run.stored_spec["argv"][-1] == "--min_duration=1"


async def test_the_same_with_the_mouse_alone(app: MlperfTui, store: RunStore) -> None:
    async with app.run_test(size=SMALL) as pilot:
        rows = app.screen.query_one(ChoiceList)
        await pilot.click(ChoiceList, offset=(5, 2))  # resnet50
        await until(pilot, lambda: rows.cursor == 1)
        await pilot.click(ChoiceList, offset=(5, 1))
        await until(pilot, lambda: rows.cursor == 0)
        before = "scenario ◂ Offline ▸"
        assert before in shown(app)
        await pilot.click(Form, offset=(shown_at(app, before) + len(before) - 1, 0))
        await until(pilot, lambda: "scenario ◂ SingleStream ▸" in shown(app))
        await pilot.click(ChoiceList, offset=(5, 1))  # again on the row under the cursor: start
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await until(pilot, lambda: "▶ LoadGen" in shown(app))
        await pilot.click("KeyLine", offset=(shown_at(app, "x stop"), 0))
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await until(pilot, lambda: "y stop it" in shown(app))
        lines = shown(app).split("\n")
        row = next(n for n, line in enumerate(lines) if "y stop it" in line)
        await pilot.click(offset=(lines[row].index("stop it"), row))
        await until(pilot, lambda: "■ stopped" in shown(app))
        await pilot.click("KeyLine", offset=(shown_at(app, "Esc back"), 0))
        await until(pilot, lambda: isinstance(app.screen, BenchmarksScreen))
        await pilot.click("#tabs", offset=(shown_at(app, "2 Runs"), 0))
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))
        await until(pilot, lambda: "■ stopped" in shown(app))
    (run,) = store
    assert nothing_left(run)


def shown_at(app: MlperfTui, words: str) -> int:
    """The column where some words stand."""
    return next(line.index(words) for line in shown(app).split("\n") if words in line)


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_quitting_leaves_the_run_going_and_coming_back_finds_it(
    app: MlperfTui, store: RunStore, size: tuple[int, int]
) -> None:
    run = running(submit(store, LONG))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "● 1 running" in shown(app))
        await pilot.press("2", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await until(pilot, lambda: "going" in shown(app) and "● running" in shown(app))
        await pilot.press("q")
    assert run.is_command_alive()
    again = MlperfTui(app._catalog, store, app._facts)
    async with again.run_test(size=size) as pilot:
        await pilot.press("2", "enter")
        await until(pilot, lambda: "● running" in shown(again))
        assert "going" in shown(again)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(again.screen, Confirm))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(again.screen, RunScreen))
        assert run.is_command_alive()
        await pilot.press("x", "y")
        await until(pilot, lambda: "■ stopped" in shown(again))
    assert nothing_left(run)


async def test_a_run_whose_supervisor_was_killed_gets_another_from_its_screen(
    app: MlperfTui, store: RunStore
) -> None:
    import os

    run = running(submit(store, LONG))
    assert run.supervisor is not None
    os.kill(run.supervisor.pid, 9)
    wait_for(lambda: not run.is_watched())
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("2", "enter")
        await until(pilot, run.is_watched)
        await pilot.press("x", "y")
        await until(pilot, lambda: "■ stopped" in shown(app))


async def test_a_failing_run_says_why_and_what_to_do(app: MlperfTui, store: RunStore) -> None:
    script = "import sys; print('fine'); print('ValueError: no such file'); sys.exit(1)"
    finished(submit(store, python(script)))
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "✖ failed" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: "✖ a guess: ValueError: no such file (line 2)" in shown(app))
        assert "✖ failed" in shown(app).split("\n")[0]
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, Sheet))
        assert "ValueError: no such file" in shown(app)
        await pilot.press("escape")
        await pilot.press("right_square_bracket")
        view = app.screen.query_one(LogView)
        await until(pilot, lambda: view.marked == 1)


async def test_an_invalid_result_comes_first_with_what_to_change(
    app: MlperfTui, store: RunStore
) -> None:
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("right", "s", *"test_query_count=10", "enter", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await until(pilot, lambda: "✖ INVALID  finished" in shown(app))
        assert "Too few queries for early stopping: at least 64 are needed, 10 ran" in shown(app)
        assert "Change: Raise test_query_count from 10 to 64" in shown(app)


async def test_rerun_starts_the_same_command_in_a_folder_of_its_own(
    app: MlperfTui, store: RunStore
) -> None:
    first = finished(submit(store, python("import sys; print(sys.argv)"), env_vars={"A": "1"}))
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("2", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await pilot.press("r")
        await until(pilot, lambda: app.screen.run_shown.id != first.id)  # type: ignore[attr-defined]
        second = app.screen.run_shown  # type: ignore[attr-defined]
        await until(pilot, lambda: second.stored_state.is_final)
    assert second.spec.argv == first.spec.argv
    assert second.spec.env_vars["A"] == "1"
    assert second.spec.cwd == f"{second.folder}/work"
    assert first.id not in (second.folder / "run.json").read_text()


async def test_the_queue_is_seen_and_can_be_reordered(app: MlperfTui, store: RunStore) -> None:
    holder = running(submit(store, LONG))
    second, third = submit(store, LONG), submit(store, LONG)
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: "○ 2 queued" in shown(app))
        await pilot.press("2")
        await until(pilot, lambda: "○ queued 2" in shown(app))
        assert "K sooner" in shown(app)
        await pilot.press("K")  # the newest is at the top: the third
        await until(pilot, lambda: queue_of(third).place(third.id) == 1)
        assert queue_of(second).place(second.id) == 2
        await until(pilot, lambda: line_of(app, third.id).split()[:3] == ["▶", "○", "queued"])
        assert "queued 1" in line_of(app, third.id)
        await pilot.press("end")
        await until(pilot, lambda: "K sooner" not in shown(app))
        await pilot.press("x", "y")
        await until(pilot, lambda: holder.stored_state.is_final)
        await until(pilot, lambda: third.stored_state.state == "running")
        assert second.stored_state.state == "queued"


def line_of(app: MlperfTui, words: str) -> str:
    return next(line for line in shown(app).split("\n") if words in line)


async def test_delete_asks_and_then_deletes_only_what_is_over(
    app: MlperfTui, store: RunStore
) -> None:
    old = finished(submit(store, python("pass")))
    live = running(submit(store, LONG))
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "2 runs" in shown(app))
        await pilot.press("D")
        assert isinstance(app.screen, HistoryScreen)  # the live one is at the top: no delete
        await pilot.press("end")
        await until(pilot, lambda: "D delete" in shown(app))
        await pilot.press("D", "n")
        assert old.folder.exists()
        await pilot.press("D")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: not old.folder.exists())
        await until(pilot, lambda: "1 run" in shown(app))
    assert live.is_command_alive()


async def test_filters_narrow_the_lists_and_escape_shows_all(
    app: MlperfTui, store: RunStore
) -> None:
    finished(submit(store, python("pass"), environment_label="my cloud"))
    finished(submit(store, python("import sys; sys.exit(3)"), scenario="Server"))
    async with app.run_test(size=LARGE) as pilot:
        await pilot.press("slash", *"object yolo", "enter")
        await until(pilot, lambda: app.screen.query_one(ChoiceList).count == 2)
        assert "yolo-95" in shown(app)
        assert "resnet50" not in shown(app)
        await pilot.press("escape")
        await until(pilot, lambda: "resnet50" in shown(app))
        await pilot.press("2")
        await until(pilot, lambda: "2 runs" in shown(app))
        await pilot.press("slash", *"server")
        await until(pilot, lambda: app.screen.query_one(ChoiceList).count == 1)
        await pilot.press("escape", "slash", *"cloud")  # only the run itself tells that
        await until(pilot, lambda: app.screen.query_one(ChoiceList).count == 1)
        await until(pilot, lambda: "my cloud" in shown(app))
        await pilot.press(*" nothing of that", "enter")
        await until(pilot, lambda: "No run has these words. Esc shows all." in shown(app))
        await pilot.press("escape")
        await until(pilot, lambda: "2 runs" in shown(app))


async def test_search_in_the_log_goes_from_hit_to_hit(app: MlperfTui, store: RunStore) -> None:
    code = "for n in range(5000): print(f'line {n}' + (' NEEDLE' if n in (700, 4000) else ''))"
    finished(submit(store, python(code)))
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("2", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        view = app.screen.query_one(LogView)
        await until(pilot, lambda: "line 4999" in shown(app))
        await pilot.press("g", "slash", *"needle", "enter")
        await until(pilot, lambda: view.marked == 700)
        await until(pilot, lambda: "line 700 NEEDLE" in shown(app))
        await pilot.press("n")
        await until(pilot, lambda: view.marked == 4000)
        await pilot.press("n")  # there is none behind it: on from the start
        await until(pilot, lambda: view.marked == 700)
        await until(pilot, lambda: "went on from the other end of the log" in shown(app))
        await pilot.press("N")
        await until(pilot, lambda: view.marked == 4000)
        await pilot.press("G", "slash", *"line 12 ", "enter")  # from the end, too
        await until(pilot, lambda: "no line has 'line 12 '" in shown(app))
        await pilot.press("slash", *"line 12", "enter")
        await until(pilot, lambda: view.marked == 12)
        await pilot.press("escape")
        assert view.word == ""
        assert isinstance(app.screen, RunScreen)


async def test_copy_says_what_and_writes_to_a_file_beside(
    app: MlperfTui, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []
    monkeypatch.setattr(MlperfTui, "copy_to_clipboard", lambda self, text: copied.append(text))
    async with app.run_test(size=LARGE) as pilot:
        await pilot.press("y")
        await until(pilot, lambda: "copied the command (OSC 52)" in shown(app))
        (command,) = copied
        assert command.split("\n")[0].startswith("mkdir -p ")
        assert "mlcr run-mlperf,inference," in command
        await pilot.press("Y")
        await until(pilot, lambda: "wrote the command to" in shown(app))
        written = (store.root / "copied.txt").read_text()
        assert "mlcr run-mlperf,inference," in written
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, Sheet))
        await until(pilot, lambda: "MLC_REPOS=/" in shown(app))
        await pilot.press("y")
        await until(pilot, lambda: "copied the text (OSC 52)" in shown(app))
        assert "export MLC_REPOS=" in copied[-1]


async def test_every_screen_has_help_with_its_keys(app: MlperfTui, store: RunStore) -> None:
    finished(submit(store, python("pass")))
    async with app.run_test(size=LARGE) as pilot:
        for keys, words in (
            ((), "Benchmarks: help"),
            (("2",), "Runs: help"),
            (("4",), "GPU: help"),
            (("2", "enter"), "Run: help"),
        ):
            await pilot.press(*keys)
            await pilot.pause()
            await pilot.press("question_mark")
            await until(pilot, lambda words=words: words in shown(app))  # type: ignore[misc]
            assert "q" in shown(app)
            await pilot.press("escape")


async def test_the_palette_reaches_the_screens(app: MlperfTui) -> None:
    async with app.run_test(size=LARGE) as pilot:
        await pilot.press("ctrl+p")
        await pilot.pause()
        await pilot.press(*"GPU")
        await until(pilot, lambda: "Go to the screen (4)" in shown(app))
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, GpuScreen))


async def test_without_a_driver_the_gpu_screen_says_so_in_words(app: MlperfTui) -> None:
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: "no NVIDIA driver here" in shown(app))
        assert "host" in shown(app)


async def test_a_disabled_choice_says_why(app: MlperfTui) -> None:
    async with app.run_test(size=LARGE) as pilot:
        await pilot.press("down", "enter")
        await until(pilot, lambda: "official installation not found: only the" in shown(app))
        assert isinstance(app.screen, BenchmarksScreen)
        await pilot.press("o", "right", "right")
        await pilot.pause()
        form = app.screen.query_one(Form)
        form.step("device", 1)
        await until(pilot, lambda: "device cuda: this machine has no NVIDIA driver" in shown(app))
        form.step("installation", 1)
        await until(pilot, lambda: "needs an official installation" in shown(app))


async def test_the_mouse_setting_is_remembered_beside_the_users_own_lines(
    app: MlperfTui, root: Path
) -> None:
    path = home.config_dir() / "settings.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("# mine\ninstallation: embedded\n")
    async with app.run_test(size=LARGE) as pilot:
        app._remember_mouse(False)
        await until(pilot, lambda: "mouse off from the next start on" in shown(app))
        app._remember_mouse(True)
        app._remember_mouse(False)
    assert path.read_text() == "# mine\ninstallation: embedded\nmouse: false\n"
    assert home.read_settings() == {"installation": "embedded", "mouse": False}


async def test_an_official_installation_offers_its_benchmarks(
    store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stand_in(tmp_path)
    monkeypatch.setenv("MLPERF_TUI_INSTALLATION", str(folder))
    app = MlperfTui(catalog.load(), store, sut.describe())
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: f"installation: {folder}" in shown(app))
        await pilot.press("down")
        await until(pilot, lambda: "--model=resnet50 --implementation=reference" in shown(app))
        assert "--category=edge" in shown(app)
        await pilot.press("right", "right", "right")
        await until(pilot, lambda: "--scenario=Server" in shown(app))


def stand_in(tmp_path: Path) -> Path:
    """An installation that has everything a plan asks for; its mlcr only prints."""
    import json

    folder = tmp_path / "official"
    script = folder / "repo/script/run-mlperf-inference-app"
    script.mkdir(parents=True)
    (script / "meta.yaml").write_text("input_mapping: {model: M, category: C, min_duration: D}\n")
    (folder / "MLC/repos").mkdir(parents=True)
    (folder / "MLC/repos/repos.json").write_text(json.dumps([str(folder / "repo")]))
    mlcr = folder / "mlc/bin/mlcr"
    mlcr.parent.mkdir(parents=True)
    mlcr.write_text('#!/bin/sh\necho "$@"\n')
    mlcr.chmod(0o755)
    return folder


async def test_opening_the_app_gives_every_unwatched_run_a_supervisor(
    app: MlperfTui, store: RunStore
) -> None:
    import os

    run = running(submit(store, LONG))
    assert run.supervisor is not None
    os.kill(run.supervisor.pid, 9)
    wait_for(lambda: not run.is_watched())
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, run.is_watched)


async def test_a_contradicted_label_is_warned_of_and_a_cloud_vm_is_not(
    store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "profiles/environments"
    mine.mkdir(parents=True)
    (mine / "gpu-isolation.yaml").write_text(
        "name: gpu-isolation\nlabel: My layer\norder: 2\nrecognise: {variable: [MY_LAYER]}\n"
    )
    monkeypatch.setenv("MY_LAYER", "on")
    app = MlperfTui(catalog.load(), store, made_up.FACTS)
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: "environment ◂ gpu-isolation ▸" in shown(app))
        assert "▲  environment" not in shown(app)
        app.screen.query_one(Form).step("environment", -1)
        await until(pilot, lambda: "environment ◂ baseline (KVM guest) ▸" in shown(app))
        assert "this machine shows gpu-isolation: the variable MY_LAYER is set" in shown(app)
        monkeypatch.delenv("MY_LAYER")
        app.screen.query_one(Form).step("scenario", 1)
        await until(pilot, lambda: "this machine shows" not in shown(app))


async def test_what_cannot_be_seen_cannot_be_started(app: MlperfTui, store: RunStore) -> None:
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("slash", *"smoke nothing of that", "enter")
        await until(pilot, lambda: "No benchmark has these words" in shown(app))
        await pilot.press("enter", "d")
        await until(pilot, lambda: "nothing is chosen" in shown(app))
        await pilot.press("escape")
        await until(pilot, lambda: "▶ smoke" in shown(app))
    assert store.ids() == []


async def test_choices_filter_and_place_stay_while_the_app_is_open(app: MlperfTui) -> None:
    async with app.run_test(size=LARGE) as pilot:
        await pilot.press("slash", *"retina", "enter", "right")
        await until(pilot, lambda: "scenario ◂ SingleStream ▸" in shown(app))
        await pilot.press("2", "1")
        await until(pilot, lambda: "scenario ◂ SingleStream ▸" in shown(app))
        await pilot.press("escape")
        await until(pilot, lambda: "resnet50" in shown(app))
        assert "▶ retinanet" in shown(app)


async def test_an_error_while_starting_is_said(app: MlperfTui, store: RunStore) -> None:
    (store.root / "embedded").write_text("in the way")
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: "Press Enter" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: "Not a directory" in shown(app))
        assert isinstance(app.screen, BenchmarksScreen)


DAMAGES = {
    "result of another version": ("result.json", '[{"verdict": "VALID"}, 1]'),
    "created without zone": (
        "run.json",
        ('"created": "', '"created": "2025-01-01T00:00:00", "x": "'),
    ),
    "created as a number": ("run.json", ('"created": "', '"created": 5, "x": "')),
    "ended as a number": ("state.json", ('"ended": "', '"ended": 5, "x": "')),
    "half a lock": ("child.lock", '{"command": {"pid": 1}}'),
    "a time as text": (
        "events.jsonl",
        '{"kind": "phase", "phase": "start", "boottime_s": "x"}\n{"kind": "alert", "text": 5}\n',
    ),
    "half a run.json": ("run.json", "{"),
    "no state": ("state.json", ""),
    "another runner": ("run.json", ('"runner": "local"', '"runner": "rocket"')),
    "numbers as command": ("run.json", ('"argv": [', '"argv": [7, ')),
}


@pytest.mark.parametrize("name", DAMAGES)
async def test_no_damaged_run_takes_the_app_with_it(
    app: MlperfTui, store: RunStore, name: str
) -> None:
    good = finished(submit(store, python("pass")))
    bad = finished(submit(store, python("print('hello')"), scenario="Server"))
    part, change = DAMAGES[name]
    path = bad.folder / part
    old = path.read_text() if path.exists() else ""
    path.write_text(change if isinstance(change, str) else old.replace(*change))
    async with app.run_test(size=LARGE) as pilot:
        await pilot.press("right", "right", "right")
        await pilot.press("2")
        await until(pilot, lambda: "2 runs" in shown(app))
        await pilot.press("enter", "w", "escape", "r", "escape")
        await pilot.pause(0.3)
        await pilot.press("2")
        await until(pilot, lambda: "runs" in shown(app))
        await pilot.press("slash", *"server", "enter", "D")
        await pilot.pause()
        assert app.is_running
    assert good.folder.exists()


async def test_a_log_that_is_none_and_a_folder_that_vanishes_are_no_end(
    app: MlperfTui, store: RunStore
) -> None:
    import shutil

    run = finished(submit(store, python("print('hello')")))
    run.console.unlink()
    run.console.mkdir()
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("2", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await pilot.press("slash", *"x", "enter", "right_square_bracket", "w", "escape")
        shutil.rmtree(run.folder)
        await pilot.press("y", "escape", "escape")
        await until(pilot, lambda: "0 runs" in shown(app))


async def test_a_live_run_is_not_deleted_though_its_state_is_damaged(
    app: MlperfTui, store: RunStore
) -> None:
    run = running(submit(store, LONG))
    (run.folder / "state.json").write_text("")
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "1 run" in shown(app))
        assert "D delete" not in shown(app)
        assert "x stop" in shown(app)
        await pilot.press("D", "y")
        await pilot.pause()
    assert run.folder.exists()
    assert run.is_command_alive()


@pytest.mark.parametrize("size", [(40, 12), (20, 5), (6, 3), (1, 1)])
async def test_small_terminals_end_nothing(
    app: MlperfTui, store: RunStore, size: tuple[int, int]
) -> None:
    finished(submit(store, python("import sys; print('ValueError: no'); sys.exit(1)")))
    async with app.run_test(size=SMALL) as pilot:
        for keys in (("1",), ("2",), ("4",), ("2", "enter"), ("w",)):
            await pilot.press(*keys)
            await pilot.resize_terminal(*size)
            await pilot.pause()
            await pilot.resize_terminal(*LARGE)
        await pilot.press("escape")
        await until(pilot, lambda: "✖ a guess: ValueError: no" in shown(app))


async def test_rerun_of_a_run_whose_data_root_has_moved(
    app: MlperfTui, store: RunStore, tmp_path: Path
) -> None:
    first = finished(submit(store, ["echo", "--results_dir={run}/results"]))
    stored = (first.folder / "run.json").read_text()
    (first.folder / "run.json").write_text(stored.replace(str(store.root), "/another/root"))
    from tui.engine import launch

    second = launch.again(first, store, sut.describe())
    finished(second)
    assert first.id not in (second.folder / "run.json").read_text()
    assert "/another/root" not in (second.folder / "run.json").read_text()
