"""The probe's screen: verdict, numbers, trend; started, followed, cancelled; elsewhere too."""

from __future__ import annotations

import json
import stat
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import DATA, FAKES, nothing_left, wait_for
from tests.screens import made_up
from tests.screens.looks import shown, until
from tests.screens.test_gpus import Cards
from tui.app import MlperfTui
from tui.engine import catalog, launch
from tui.engine.store import Run, RunStore
from tui.engine.telemetry.gpus import GpuDevice
from tui.screens.probe import ProbeScreen
from tui.screens.run import RunScreen

SMALL, LARGE = (80, 24), (200, 50)
FULL = DATA / "probe/h100-full-1.jsonl"


def app_of(store: RunStore, **about: Any) -> MlperfTui:
    return MlperfTui(catalog.load(), store, made_up.FACTS, **{**made_up.outside(), **about})


def console(**changes: float) -> bytes:
    """A real one's, with some metrics scaled."""
    lines = []
    for line in FULL.read_text().splitlines():
        found = json.loads(line)
        if found["probe"] == "metric" and found["name"] in changes:
            by = changes[found["name"]]
            found |= {part: found[part] * by for part in ("value", "min", "max")}
        lines.append(json.dumps(found))
    return ("\n".join(lines) + "\n").encode()


def made(store: RunStore, when: datetime, **changes: float) -> Run:
    return made_up.make_probe(store.root, when, console(**changes))


@pytest.fixture
def body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In place of our Python one that plays a recorded body; what it is to do can be changed."""
    words = ["--pause", "0.02"]
    script = tmp_path / "python"
    given = tmp_path / "words"

    def write() -> None:
        given.write_text(" ".join(words))

    write()
    script.write_text(
        f"#!/bin/sh\nexec {sys.executable} {FAKES / 'probe_body.py'} {FULL} $(cat {given})\n"
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(launch, "sys", SimpleNamespace(executable=str(script)))
    return words


class Pair(Cards):
    """Two GPUs; the first is the one of the recordings."""

    def _card(self, n: int) -> GpuDevice:
        card = super()._card(n)
        return card if n else replace(card, uuid="GPU-00000000-1111-2222-3333-444444444444")


async def test_before_the_first_probe_it_says_how_to_start_one(store: RunStore) -> None:
    async with app_of(store).run_test(size=SMALL) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: "Enter starts one" in shown(pilot.app))
        text = shown(pilot.app)
        assert "never probed here" in text
        assert "Enter probe" in text
        assert "x cancel" not in text


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_verdict_reasons_numbers_and_trend(store: RunStore, size: tuple[int, int]) -> None:
    for days in (6, 5, 4):
        made(store, made_up.ago(days=days))
    made(store, made_up.ago(hours=3), d2d=0.9)
    async with app_of(store).run_test(size=size) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: "▲ suspect" in shown(pilot.app))
        text = shown(pilot.app)
        assert "3 h ago, full; 4 probes of this GPU" in text
        assert "10.0 % below this GPU's own baseline" in text
        assert "Change: see what has changed" in text
        assert "▲ device copy" in text
        assert "-10.0 %" in text
        assert "4 probes" in text  # of the trend
        assert all(len(line) <= size[0] for line in text.splitlines())
        await pilot.press("down")
        await until(pilot, lambda: "memset  GB/s, " in shown(pilot.app))
        await pilot.press("w")
        await until(pilot, lambda: "The last probe" in shown(pilot.app))
        await pilot.press("pagedown", "pagedown")
        await until(pilot, lambda: "datasheet of NVIDIA H100 SXM5" in shown(pilot.app))


async def test_a_probe_is_started_followed_and_judged(store: RunStore, body: list[str]) -> None:
    async with app_of(store).run_test(size=SMALL) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: "Enter probe" in shown(pilot.app))
        await pilot.press("enter")
        await until(pilot, lambda: "x cancel" in shown(pilot.app))
        await until(pilot, lambda: "alloc + free 2 MiB" in shown(pilot.app))  # while it goes on
        await until(pilot, lambda: "✔ healthy" in shown(pilot.app))
        (run,) = store
        assert run.stored_spec["argv"][1:] == ["-I", "-m", "tui.engine.probe_cupy"]
        text = shown(pilot.app)
        assert "device copy" in text
        assert "Enter probe" in text
        await pilot.press("l")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await until(pilot, lambda: "✔ healthy  finished" in shown(pilot.app))
        assert "pattern ✔" in shown(pilot.app)


async def test_a_quick_one_and_its_own_history(store: RunStore, body: list[str]) -> None:
    made(store, made_up.ago(days=1), d2d=2.0)
    async with app_of(store).run_test(size=SMALL) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: "✔ healthy" in shown(pilot.app))
        await pilot.press("u")
        await until(pilot, lambda: "quick; 2 probes of this GPU" in shown(pilot.app))
        run = store.open("latest")
        assert run.stored_spec["argv"][-1] == "--quick"
        assert run.probe is not None
        assert run.probe["baseline_probes"] == 0
        assert "1 probe" in shown(pilot.app)  # the trend does not mix lengths


async def test_it_is_cancelled(store: RunStore, body: list[str], tmp_path: Path) -> None:
    (tmp_path / "words").write_text("--lines 12 --then hang")
    async with app_of(store).run_test(size=SMALL) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: "Enter probe" in shown(pilot.app))
        await pilot.press("enter")
        await until(pilot, lambda: "x cancel" in shown(pilot.app))
        run = wait_for(lambda: next(iter(store), None))
        await until(pilot, lambda: run.stored_state.phase is not None)
        await pilot.press("x")
        await until(pilot, lambda: "■ stopped" in shown(pilot.app))
        assert nothing_left(run)
        assert "Enter probe" in shown(pilot.app)


async def test_one_that_failed_says_why_and_leaves_the_last_numbers(
    store: RunStore, body: list[str], tmp_path: Path
) -> None:
    made(store, made_up.ago(days=1))
    (tmp_path / "words").write_text("--lines 3 --then segfault")
    async with app_of(store, nvml=lambda: Pair(1)).run_test(size=SMALL) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: "✔ healthy" in shown(pilot.app))
        await pilot.press("enter")
        await until(pilot, lambda: "the probe crashed" in shown(pilot.app))
        text = shown(pilot.app)
        assert "✖ failed" in text
        assert "run it again" in text
        assert "those of the probe 24 h ago" in text
        assert "device copy" in text


async def test_of_several_gpus_the_next_one(store: RunStore) -> None:
    made(store, made_up.ago(hours=1))
    app = app_of(store, nvml=lambda: Pair(2))
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: "←→ other GPU" in shown(pilot.app))
        assert "GPU 0  H100" in shown(pilot.app)
        assert "✔ healthy" in shown(pilot.app)
        await pilot.press("right")
        await until(pilot, lambda: "GPU 1  H100" in shown(pilot.app))
        assert "never probed here" in shown(pilot.app)
        await pilot.press("right")
        await until(pilot, lambda: "✔ healthy" in shown(pilot.app))


async def test_the_last_probe_is_offered_before_a_run_on_the_gpu(store: RunStore) -> None:
    async with app_of(store).run_test(size=SMALL) as pilot:
        await pilot.press("down")
        await until(pilot, lambda: "never probed here, 5 does" in shown(pilot.app))
        made(store, made_up.ago(hours=3))
        await pilot.press("2", "1")
        await until(pilot, lambda: "last probe ✔ healthy 3 h ago, 5" in shown(pilot.app))
        await pilot.press("5")
        await until(pilot, lambda: isinstance(pilot.app.screen, ProbeScreen))


@pytest.mark.parametrize("damage", ["metrics", "name", "device", "fix"])
async def test_a_damaged_result_crashes_no_screen(store: RunStore, damage: str) -> None:
    run = made(store, made_up.ago(hours=3))
    path = run.folder / "result.json"
    found = json.loads(path.read_text())
    if damage == "name":
        found["metrics"][0]["name"] = "of a later version"
    elif damage == "fix":
        found["notes"] = [{"code": "x", "text": "y"}]
    else:
        found[damage] = [1] if damage == "metrics" else "x"
    path.write_text(json.dumps(found))
    async with app_of(store).run_test(size=SMALL) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: "3 h ago, full" in shown(pilot.app))
        await pilot.press("down", "up", "w")
        await pilot.press("escape", "2", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await until(pilot, lambda: "finished" in shown(pilot.app))


async def test_a_probe_of_another_machine_is_not_this_gpus(store: RunStore) -> None:
    run = made(store, made_up.ago(hours=3))
    stored = json.loads((run.folder / "run.json").read_text())
    stored["host"]["host"] = "elsewhere"
    (run.folder / "run.json").write_text(json.dumps(stored))
    async with app_of(store).run_test(size=SMALL) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: "never probed here" in shown(pilot.app))


async def test_in_the_history_it_is_a_run_like_others(store: RunStore) -> None:
    made(store, made_up.ago(hours=3))
    async with app_of(store).run_test(size=SMALL) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "✔ healthy" in shown(pilot.app))
        assert "3 0" in shown(pilot.app)
        assert "GB/s" in shown(pilot.app)
        assert "fu…" not in shown(pilot.app)
        await pilot.press("enter")
        await until(pilot, lambda: "✔ healthy  finished" in shown(pilot.app))
        assert "device copy 3 0" in shown(pilot.app)
