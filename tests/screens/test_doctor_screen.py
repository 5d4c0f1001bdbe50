"""The doctor's screen: problems first, why, the fix copied and run, or why it is not."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.machine import Machine
from tests.screens import made_up
from tests.screens.looks import shown, until
from tui.app import MlperfTui
from tui.engine import catalog
from tui.engine.process import Output
from tui.engine.store import RunStore
from widgets.choice_list import ChoiceList
from widgets.dialog import Confirm

SMALL, LARGE = (80, 24), (200, 50)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path / "machine")
    made.install()
    return made


def app_of(store: RunStore, machine: Machine, **about: Any) -> MlperfTui:
    outside = {**made_up.outside(), "outside": machine.outside, **about}
    return MlperfTui(catalog.load(), store, made_up.FACTS, **outside)


def forgetting(machine: Machine) -> Path:
    """mlcr remembers a Python that is gone; its mlc forgets it, as the real one does."""
    machine.remember_python(machine.root / "usr/bin/python3.9", "3.9.1")
    cache = machine.root / "mnt/data/mlperf-official/MLC/repos/local/cache"
    mlc = machine.root / "mnt/data/mlperf-official/mlc/bin/mlc"
    mlc.write_text(f"#!/bin/sh\nrm -r {cache}/get-python3_*\n")
    return cache / "get-python3_0123abcd"


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_problems_come_first_with_reason_and_fix(
    store: RunStore, machine: Machine, size: tuple[int, int]
) -> None:
    machine.tools.remove("cmake")
    machine.write("proc/loadavg", "250.0 1 1 1/1 1")
    async with app_of(store, machine).run_test(size=size) as pilot:
        await pilot.press("6")
        await until(pilot, lambda: "seen 0 s ago" in shown(pilot.app))
        text = shown(pilot.app)
        assert "✖ 1 failed  ▲ 1 warning  ✔ 33 ok" in text
        assert all(len(line) <= size[0] for line in text.splitlines())
        rows = text.splitlines()
        assert "▶ ✖ prerequisites" in rows[rows.index(next(r for r in rows if "found" in r)) + 1]
        assert "▲ other work" in text
        assert "Without cmake mlcr blames the network." in text
        assert "sudo apt-get install -y cmake" in text
        assert "it needs root's rights" in text
        await pilot.press("down")
        await until(pilot, lambda: "top -b -n 1 -o %CPU" in shown(pilot.app))
        await pilot.press("end")
        await until(pilot, lambda: "Only runs with --docker need it" in shown(pilot.app))
        assert "▶ – Docker" in shown(pilot.app)


async def test_the_fix_is_copied(store: RunStore, machine: Machine) -> None:
    machine.tools.remove("cmake")
    copied = []
    app = app_of(store, machine)
    app.copy_to_clipboard = copied.append  # type: ignore[method-assign]
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("6")
        await until(pilot, lambda: "apt-get install -y cmake" in shown(pilot.app))
        await pilot.press("y")
        await until(pilot, lambda: copied)
        assert copied == ["sudo apt-get install -y cmake"]
        assert "copied the fix" in shown(pilot.app)


async def test_a_fix_that_is_not_ours_is_not_run_and_it_is_said_why(
    store: RunStore, machine: Machine
) -> None:
    machine.tools.remove("cmake")
    async with app_of(store, machine).run_test(size=SMALL) as pilot:
        await pilot.press("6")
        await until(pilot, lambda: "apt-get install -y cmake" in shown(pilot.app))
        await pilot.press("F")
        await until(pilot, lambda: "▲ by hand: it needs root's rights" in shown(pilot.app))
        assert not isinstance(pilot.app.screen, Confirm)
        assert not any("apt-get" in word for argv in machine.asked for word in argv)


async def test_a_safe_fix_is_run_after_a_yes_and_looked_at_again(
    store: RunStore, machine: Machine
) -> None:
    entry = forgetting(machine)
    async with app_of(store, machine).run_test(size=SMALL) as pilot:
        await pilot.press("6")
        await until(pilot, lambda: "python3.9 is gone" in shown(pilot.app))
        assert "runs it from here, after a yes" in shown(pilot.app)
        await pilot.press("F")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await until(pilot, lambda: "rm cache --tags=get,python3 -f" in shown(pilot.app))
        await pilot.press("n")
        await until(pilot, lambda: not isinstance(pilot.app.screen, Confirm))
        assert entry.exists()
        await pilot.press("F")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: "python3.9 is gone" not in shown(pilot.app))
        assert not entry.exists()


async def test_while_a_run_goes_on_no_fix_is_run(store: RunStore, machine: Machine) -> None:
    entry = forgetting(machine)
    with made_up.watched(made_up.make_all(store.root)["live"]):
        async with app_of(store, machine).run_test(size=SMALL) as pilot:
            await pilot.press("6")
            await until(pilot, lambda: "python3.9 is gone" in shown(pilot.app))
            await pilot.press("F")
            await until(pilot, lambda: "a run goes on: wait for its end" in shown(pilot.app))
            assert not isinstance(pilot.app.screen, Confirm)
    assert entry.exists()


async def test_a_fix_that_fails_says_so(store: RunStore, machine: Machine) -> None:
    forgetting(machine)
    mlc = machine.root / "mnt/data/mlperf-official/mlc/bin/mlc"
    mlc.write_text("#!/bin/sh\necho no such cache; exit 3\n")
    async with app_of(store, machine).run_test(size=SMALL) as pilot:
        await pilot.press("6")
        await until(pilot, lambda: "python3.9 is gone" in shown(pilot.app))
        await pilot.press("F")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: "✖ it ended with 3: no such cache" in shown(pilot.app))


async def test_rows_come_as_they_are_known_and_the_cursor_stays_where_it_was_put(
    store: RunStore, machine: Machine
) -> None:
    go_on = threading.Event()

    def docker() -> Output:
        go_on.wait()
        return Output(1, "Cannot connect to the Docker daemon. Is it running?")

    machine.tools.append("docker")
    machine.answers["docker"] = docker
    async with app_of(store, machine).run_test(size=SMALL) as pilot:
        await pilot.press("6")
        await until(pilot, lambda: "looking: 35 of 36" in shown(pilot.app))
        assert "✔ 35 ok" in shown(pilot.app)
        await pilot.press("down", "down")
        await until(pilot, lambda: "▶ ✔ embedded benchmark" in shown(pilot.app))
        go_on.set()
        await until(pilot, lambda: "▲ Docker" in shown(pilot.app))
        assert "▶ ✔ embedded benchmark" in shown(pilot.app)
        assert pilot.app.screen.query_one(ChoiceList).cursor == 3


async def test_looking_again_shows_what_has_changed(store: RunStore, machine: Machine) -> None:
    machine.tools.remove("cmake")
    async with app_of(store, machine).run_test(size=SMALL) as pilot:
        await pilot.press("6")
        await until(pilot, lambda: "✖ 1 failed" in shown(pilot.app))
        await until(pilot, lambda: "seen" in shown(pilot.app))
        machine.tools.append("cmake")
        await pilot.press("r")
        await until(pilot, lambda: "✔ 35 ok" in shown(pilot.app))
        assert "failed" not in shown(pilot.app)
        assert "▲ network" not in shown(pilot.app)
        await pilot.press("a")
        await until(pilot, lambda: "▲ network" in shown(pilot.app))
        await pilot.press("r")
        await until(pilot, lambda: "▲ network" not in shown(pilot.app))


async def test_everything_about_a_check_is_read_in_a_sheet(
    store: RunStore, machine: Machine
) -> None:
    machine.tools.remove("nvcc")
    copied = []
    app = app_of(store, machine)
    app.copy_to_clipboard = copied.append  # type: ignore[method-assign]
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("6")
        await until(pilot, lambda: "nvcc is not in PATH" in shown(pilot.app))
        await pilot.press("enter")
        await until(pilot, lambda: "Esc closes" in shown(pilot.app))
        assert 'export LD_LIBRARY_PATH="$CUDA_HOME/lib64:$LD_LIBRARY_PATH"' in shown(pilot.app)
        await pilot.press("y")
        await until(pilot, lambda: copied)
        assert copied[0].splitlines()[0] == "export CUDA_HOME=/usr/local/cuda"
