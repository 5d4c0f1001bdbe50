"""Sampler and recorder: what hangs, goes away, comes back, is lost, is another's."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import wait_for
from tui.engine import process
from tui.engine.process import boottime
from tui.engine.telemetry.gpus import GpuDevice, GpuProcess, GpuSnapshot
from tui.engine.telemetry.host import HostSample
from tui.engine.telemetry.reading import Reading, SourceUnavailable
from tui.engine.telemetry.record import RowReader
from tui.engine.telemetry.recorder import Recorder
from tui.engine.telemetry.sampler import Latest, gpu_sampler
from tui.engine.telemetry.whose import Whose, container_of

OURS, OTHER = os.getpid(), os.getppid()


class Card:
    """One GPU that does as it is told."""

    def __init__(self) -> None:
        self.count = 0
        self.lost = self.is_any_lost = False
        self.pids: Sequence[int] = ()
        self.free = threading.Event()
        self.free.set()
        self.closed = 0

    def sample(self, *, slow: bool = True, counters: bool = True, usage: bool = False) -> Any:
        self.free.wait()
        self.count += 1
        processes = tuple(GpuProcess(pid, "ana", "train", 1, False) for pid in self.pids)
        energy = 100.0 * self.count if counters else None
        reading = Reading("gpu0", utilization_pct=float(self.count), power_w=72.0, energy_j=energy)
        device = GpuDevice(0, "GPU-0", "H100", None, None, reading, processes, lost=self.lost)
        return GpuSnapshot("580", "13.0", (device,))

    def close(self) -> None:
        self.closed += 1


class Host:
    def sample(self) -> HostSample:
        return HostSample(Reading("host", utilization_pct=34.0))


class Mine(Whose):
    """This very process is the run."""

    def __init__(self) -> None:
        super().__init__("a-run", None)

    def ours(self, pids: Any) -> set[int]:
        return set(pids) & {OURS}


def record(folder: Path, card: Card, said: list[str], **how: Any) -> Recorder:
    recorder = Recorder(folder, Mine(), said.append, nvml=lambda: card, host=Host, **how)
    recorder.start()
    return recorder


def rows(folder: Path, name: str = "telemetry.csv") -> list[dict[str, Any]]:
    return list(RowReader(folder / name).rows())


def test_the_loadgen_window_is_recorded_faster_and_counters_stand_at_its_ends(
    tmp_path: Path,
) -> None:
    recorder = record(tmp_path, Card(), [])
    wait_for(lambda: rows(tmp_path))
    recorder.enter("loadgen")
    begin = boottime()
    wait_for(lambda: len([1 for row in rows(tmp_path) if row["device"] == "gpu0"]) > 15)
    took = boottime() - begin
    recorder.enter("reporting")
    recorder.stop()
    found = [row for row in rows(tmp_path) if row["device"] == "gpu0"]
    assert took < 10  # 15 readings once a second would have taken longer
    counted = [row["boottime_s"] for row in found if row["energy_j"] is not None]
    assert any(abs(at - begin) < 1 for at in counted)
    assert len(counted) >= 3
    assert len(counted) < len(found)
    assert {row["device"] for row in rows(tmp_path)} == {"gpu0", "host"}
    (summed,) = [one for one in rows(tmp_path, "telemetry-10s.csv") if one["device"] == "gpu0"][:1]
    assert summed["min_utilization_pct"] == 1
    assert summed["mean_power_w"] == 72
    assert summed["energy_j"] == counted_last(found)
    assert summed["mean_temperature_c"] is None


def counted_last(found: list[dict[str, Any]]) -> float:
    return [row["energy_j"] for row in found if row["energy_j"] is not None][-1]


def test_a_hung_driver_is_told_and_does_not_hold_up_the_host_or_the_end(tmp_path: Path) -> None:
    card, said = Card(), []
    recorder = record(tmp_path, card, said)
    wait_for(lambda: rows(tmp_path))
    card.free.clear()
    wait_for(lambda: any("no answer" in one for one in said))
    hosts = len([1 for row in rows(tmp_path) if row["device"] == "host"])
    wait_for(lambda: len([1 for row in rows(tmp_path) if row["device"] == "host"]) > hosts)
    card.free.set()
    wait_for(lambda: any("answers again" in one for one in said))
    card.free.clear()
    begin = boottime()
    recorder.stop()
    assert boottime() - begin < 5
    card.free.set()


def test_a_lost_gpu_is_told_with_its_time_and_when_it_is_back(tmp_path: Path) -> None:
    card, said = Card(), []
    recorder = record(tmp_path, card, said)
    wait_for(lambda: rows(tmp_path))
    card.lost = True
    wait_for(lambda: any("GPU 0 is lost since" in one for one in said))
    card.lost = False
    wait_for(lambda: any("GPU 0 is back" in one for one in said))
    recorder.stop()


def test_another_process_on_the_gpu_of_the_run_is_told_once(tmp_path: Path) -> None:
    card, said, told = Card(), [], []
    card.pids = (OURS, OTHER)
    recorder = record(
        tmp_path, card, said, told=lambda answer, devices: told.append((answer, devices))
    )
    recorder.enter("loadgen")
    wait_for(lambda: any(f"pid {OTHER}" in one for one in said))
    wait_for(lambda: card.count > 20)
    recorder.stop()
    assert len([one for one in said if "another process" in one]) == 1
    assert told == [("yes", ["gpu0"])]


def test_a_driver_that_comes_later_is_found_without_a_restart() -> None:
    there = threading.Event()

    def connect() -> Card:
        if not there.is_set():
            raise SourceUnavailable("the NVIDIA driver is not loaded")
        return Card()

    sampler = gpu_sampler(connect, 0.02, retry_s=0.05)
    sampler.start()
    wait_for(lambda: sampler.latest.error == "the NVIDIA driver is not loaded")
    there.set()
    wait_for(lambda: sampler.latest.sample is not None and sampler.latest.error is None)
    sampler.stop(wait_s=5)
    assert not sampler.is_running


def test_where_a_gpu_is_lost_the_driver_is_asked_anew() -> None:
    made: list[Card] = []

    def connect() -> Card:
        made.append(Card())
        made[-1].is_any_lost = len(made) == 1
        return made[-1]

    sampler = gpu_sampler(connect, 0.01, retry_s=0.05)
    sampler.start()
    wait_for(lambda: len(made) == 2)
    sampler.stop(wait_s=5)
    assert made[0].closed == 1


def test_what_is_older_than_two_periods_is_no_news() -> None:
    latest = Latest("x", 100.0, 1.0)
    assert latest.silent_s(101.9) is None
    assert latest.silent_s(107.0) == 7.0
    assert Latest(None, None, 1.0, waiting_since_s=100.0).silent_s(110.0) == 10.0
    assert Latest("x", 100.0, 1.0, error="gone").silent_s(110.0) is None


def test_whose_work_it_is() -> None:
    stat = process.proc_stat(os.getpid())
    assert stat is not None
    me = process.Identity(stat.pid, stat.start_ticks, process.boot_id())
    child = os.fork()
    if child == 0:
        threading.Event().wait(30)
        os._exit(0)
    try:
        whose = Whose("no-such-run", me)
        assert whose.ours([child, os.getppid(), 4194000]) == {child}
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def test_a_container_is_known_by_its_cgroup(tmp_path: Path) -> None:
    cases: dict[int, tuple[str, str | None]] = {
        1: ("0::/system.slice/docker-4f1c2a9b8d7e.scope\n", "4f1c2a9b8d7e"),
        2: ("0::/user.slice/user-0.slice/session-1.scope\n", None),
        3: ("12:devices:/docker/0123456789abcdef\n", "0123456789abcdef"),
        4: ("0::/machine.slice/libpod-aabbccddeeff.scope\n", "aabbccddeeff"),
    }
    for pid, (text, found) in cases.items():
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cgroup").write_text(text)
        assert container_of(pid, tmp_path) == found


def test_what_is_used_later_is_told_too(tmp_path: Path) -> None:
    card, told = Two(), []
    recorder = record(
        tmp_path, card, [], told=lambda answer, devices: told.append((answer, devices))
    )
    recorder.enter("loadgen")
    wait_for(lambda: told == [("yes", ["gpu0"])])
    card.both = True
    wait_for(lambda: told[1:] == [("yes", ["gpu0", "gpu1"])])
    recorder.stop()


class Two(Card):
    """Two GPUs; our process computes on the first, later on both."""

    both = False

    def sample(self, **how: bool) -> Any:
        ours = (GpuProcess(OURS, "ana", "train", 1, False),)
        return GpuSnapshot("580", "13.0", tuple(
            GpuDevice(n, f"GPU-{n}", "H100", None, None, Reading(f"gpu{n}", utilization_pct=90.0),
                      ours if n == 0 or self.both else ())
            for n in range(2)
        ))  # fmt: skip


def test_a_process_that_has_ended_or_cannot_be_seen_is_no_contamination(tmp_path: Path) -> None:
    card, said, told = Card(), [], []
    card.pids = (OURS, 4194301, 0)  # no such processes here
    recorder = record(
        tmp_path, card, said, told=lambda answer, devices: told.append((answer, devices))
    )
    recorder.enter("loadgen")
    wait_for(lambda: card.count > 25)
    recorder.stop()
    assert not [one for one in said if "another process" in one]
    assert told == [("yes", ["gpu0"])]


@pytest.mark.parametrize(("wants_gpu", "answer"), [(True, "yes"), (False, "unsure")])
def test_a_container_is_told_of_no_process_however_busy_the_gpu(
    tmp_path: Path, wants_gpu: bool, answer: str
) -> None:
    card, told = Card(), []
    card.count = 50  # its utilization
    recorder = record(
        tmp_path, card, [], wants_gpu=wants_gpu, told=lambda answer, devices: told.append(answer)
    )
    recorder.enter("loadgen")
    wait_for(lambda: card.count > 90)
    recorder.stop()
    assert told[-1] == answer


def test_a_number_that_is_another_card_now_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    card = Renamed()
    recorder = record(tmp_path, card, said)
    wait_for(lambda: rows(tmp_path))
    card.uuid = "GPU-other"
    wait_for(lambda: any("GPU 0 is another card since" in one for one in said))
    recorder.stop()


class Renamed(Card):
    """Its number goes to another card."""

    uuid = "GPU-0"

    def sample(self, **how: bool) -> Any:
        return GpuSnapshot("580", "13.0", (
            GpuDevice(0, self.uuid, "H100", None, None, Reading("gpu0"), ()),
        ))  # fmt: skip
