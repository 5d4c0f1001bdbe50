"""GPUs in the app: the list, one device, the record of a run; many, silent, lost, none."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.screens import made_up
from tests.screens.looks import shown, until
from tui.app import MlperfTui
from tui.engine import catalog
from tui.engine.store import Run, RunStore
from tui.engine.telemetry.gpus import GpuDevice, GpuSnapshot
from tui.engine.telemetry.reading import Reading
from tui.screens.gpu import GpuScreen
from tui.screens.record import RecordScreen
from widgets.choice_list import ChoiceList
from widgets.trend import ChartView

SMALL, LARGE = (80, 24), (200, 50)


class Cards:
    """So many GPUs, the last one the busiest; they hang or are lost when told to."""

    is_any_lost = False

    def __init__(self, count: int) -> None:
        self.count, self.lost = count, False
        self.free = threading.Event()
        self.free.set()

    def close(self) -> None:
        """Nothing to let go of."""

    def sample(self, **how: bool) -> GpuSnapshot:
        self.free.wait()
        return GpuSnapshot("580.1", "13.0", tuple(self._card(n) for n in range(self.count)))

    def _card(self, n: int) -> GpuDevice:
        reading = Reading(
            f"gpu{n}", utilization_pct=float(n), power_w=100.0 + n, temperature_c=40.0,
            memory_used_bytes=n * 10**9, memory_total_bytes=80 * 10**9,
        )  # fmt: skip
        lost = self.lost and n == 0
        since = "2026-11-24T14:22:07.000Z" if lost else None
        return GpuDevice(
            n, f"GPU-{n}", "NVIDIA H100 PCIe", None, None, reading, (), lost=lost, lost_since=since
        )


def app_of(store: RunStore, cards: Cards) -> MlperfTui:
    return MlperfTui(catalog.load(), store, made_up.FACTS, nvml=lambda: cards, host=made_up.Host)


def rows_of(app: MlperfTui, numbers: Sequence[int]) -> list[int]:
    """Those of the GPUs whose row of the list is on the screen."""
    lines = shown(app).splitlines()
    return [n for n in numbers if any(line[1:5].strip() == str(n) for line in lines[3:])]


async def test_eight_gpus_are_read_at_a_glance_on_a_wide_screen(store: RunStore) -> None:
    app = app_of(store, Cards(8))
    async with app.run_test(size=LARGE) as pilot:
        await pilot.press("4")
        seen = await until(pilot, lambda: "107/" in shown(app) or "107 W" in shown(app))
        assert seen
        assert rows_of(app, range(8)) == list(range(8))
        await until(pilot, lambda: "utilization" in shown(app) and "temperature" in shown(app))
        assert "uuid" in shown(app)
        assert "GPU-0" in shown(app)
        assert "cores" in shown(app)  # the host's panel, on the same screen


async def test_each_of_sixteen_gpus_can_be_reached_on_a_small_screen(store: RunStore) -> None:
    app = app_of(store, Cards(16))
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "15" in shown(app))  # the strip: none is left out
        words = " ".join(shown(app).splitlines()[2:6]).split()
        assert [n for n in range(16) if str(n) in words] == list(range(16))
        await pilot.press("4")
        await until(pilot, lambda: isinstance(app.screen, GpuScreen))
        reached: set[int] = set()
        for n in range(16):
            await until(pilot, lambda n=n: f"GPU {n}, the last 1 min" in shown(app))
            reached |= set(rows_of(app, range(16)))
            await pilot.press("down")
        assert reached == set(range(16))


async def test_the_list_can_be_sorted_and_a_device_has_the_screen_to_itself(
    store: RunStore,
) -> None:
    app = app_of(store, Cards(3))
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: "sorted by index" in shown(app))
        await pilot.press("s")
        await until(pilot, lambda: "sorted by utilization" in shown(app))
        rows = app.screen.query_one(ChoiceList)
        assert "GPU 0, the last 1 min" in shown(app)  # the cursor is still on its device …
        await until(pilot, lambda: rows.cursor == 2)  # … which is the last one now
        await pilot.press("home")
        await until(pilot, lambda: "GPU 2, the last 1 min" in shown(app))
        await pilot.press("t")
        await until(pilot, lambda: "GPU 2, the last 10 min" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: not rows.display)
        await pilot.press("end")
        await until(pilot, lambda: "waiting" in shown(app))
        await pilot.press("escape")
        await until(pilot, lambda: rows.display)


async def test_what_hangs_is_said_with_its_age_and_what_is_lost_with_its_time(
    store: RunStore,
) -> None:
    cards = Cards(2)
    app = app_of(store, cards)
    async with app.run_test(size=LARGE) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: "101 W" in shown(app))
        cards.lost = True
        await until(pilot, lambda: "lost since 14:22:07 UTC" in shown(app))
        cards.free.clear()
        await until(pilot, lambda: "no answer from the NVIDIA driver for 3 s" in shown(app))
        await until(pilot, lambda: "no answer from the NVIDIA driver for 4 s" in shown(app))
        cards.lost = False
        cards.free.set()
        await until(pilot, lambda: "no answer" not in shown(app) and "100 W" in shown(app))


async def test_without_a_gpu_it_is_said_why_and_the_host_is_shown(store: RunStore) -> None:
    app = MlperfTui(catalog.load(), store, made_up.FACTS, host=made_up.Host)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: "no NVIDIA driver here" in shown(app))
        await until(pilot, lambda: "steal" in shown(app))


@pytest.fixture
def recorded(root: Path) -> Run:
    """A finished run with ten minutes on record."""
    return made_up.make_all(root)["valid"]


def heads(app: MlperfTui) -> str:
    """What stands beside the names of the curves."""
    return "\n".join(one for one in shown(app).splitlines() if "utilization  " in one)


async def test_a_record_is_zoomed_and_read_off(recorded: Run, root: Path) -> None:
    app = MlperfTui(catalog.load(), RunStore(root), made_up.FACTS, **made_up.outside())
    async with app.run_test(size=SMALL) as pilot:
        await app.push_screen(RecordScreen(recorded, made_up.CLOCK))
        await until(pilot, lambda: "whole run" in shown(app))
        assert "LoadGen" in shown(app)
        assert "power" in shown(app)
        await pilot.press("right")
        await until(pilot, lambda: "at 0:11" in shown(app))
        assert "utilization  0 %" in heads(app)  # at its start the GPU was idle
        await pilot.press("0", *["left"] * 3)
        await until(pilot, lambda: "· loadgen" in shown(app))
        assert "utilization  9" in heads(app)
        for _ in range(12):
            await pilot.press("plus")
        begin, end = app.screen._span  # type: ignore[attr-defined]
        assert end - begin == 2.0
        await pilot.press("left", "left")
        await pilot.press("0")
        await until(pilot, lambda: "whole run" in shown(app))
        await pilot.press("down")
        await until(pilot, lambda: "cpu  2" in shown(app))  # the host
        await pilot.press("y", "escape")


async def test_a_gap_in_a_record_is_a_gap_in_its_curves(root: Path) -> None:
    run = made_up.make_run(root, made_up.ago(hours=1), "finished", phases=[("loadgen", 300)])
    begin = run.stored_state.started_boottime_s or 0.0
    writer = made_up.Writer(run.folder, report=print)
    for second in (*range(100), *range(200, 300)):
        writer.add([(begin + second, "", Reading("gpu0", utilization_pct=100.0))])
    writer.end()
    app = MlperfTui(catalog.load(), RunStore(root), made_up.FACTS, **made_up.outside())
    async with app.run_test(size=SMALL) as pilot:
        await app.push_screen(RecordScreen(run, made_up.CLOCK))
        await until(pilot, lambda: "whole run" in shown(app))
        lines = app.screen.query_one(ChartView).lines(78)
        curve = lines[1].plain
        assert curve[10] != " "
        assert curve[39] == " "  # in the middle of the silence
        assert curve[70] != " "


async def test_a_run_without_a_record_says_so(root: Path) -> None:
    run = made_up.make_run(root, made_up.ago(hours=1), "finished", phases=[("start", 3)])
    app = MlperfTui(catalog.load(), RunStore(root), made_up.FACTS, **made_up.outside())
    async with app.run_test(size=SMALL) as pilot:
        await app.push_screen(RecordScreen(run, made_up.CLOCK))
        await until(pilot, lambda: "Nothing was recorded beside this run." in shown(app))
        await pilot.press("left", "plus", "minus", "down", "0", "y")  # and none of that hurts
        assert "Nothing was recorded" in shown(app)


async def test_of_a_live_run_the_whole_of_it_can_be_seen_on_the_gpu_screen(root: Path) -> None:
    live = made_up.make_all(root)["live"]
    app = MlperfTui(catalog.load(), RunStore(root), made_up.FACTS, **made_up.outside())
    with made_up.watched(live):
        async with app.run_test(size=LARGE) as pilot:
            await pilot.press("4", "t", "t", "t")
            await until(pilot, lambda: "since the run's start" in shown(app))
            await until(pilot, lambda: "LoadGen" in shown(app))
            assert "├build" in shown(app)
            await pilot.press("t")
            await until(pilot, lambda: "the last 1 min" in shown(app))
