"""A driver that hangs, stalls, loses a GPU, goes away and is back, below the real bindings.

`mlperf-tui gpu --watch` is watched while the stub of the driver's library is told to misbehave.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import DATA, Cli, finished, python, submit, wait_for
from tests.fakes import nvml
from tui.engine import beside, events
from tui.engine.store import RunStore
from tui.engine.telemetry.summary import Span, of_window, summarize

HANGS = "delay_us.nvmlDeviceGetUtilizationRates 10000000\n"
STALLS = "delay_us.nvmlDeviceGetUtilizationRates 100000\n"
LOST = "1.err.nvmlDeviceGetUtilizationRates 15\n"
ANOTHER_VERSION = "err.nvmlDeviceGetUtilizationRates 18\nerr.nvmlInitWithFlags 18\n"


class Driver:
    """What the stub says, to be changed at any time."""

    def __init__(self, folder: Path, stub: Path) -> None:
        self.path = folder / "gpus"
        self.env = {"LD_LIBRARY_PATH": str(stub), "NVML_STUB": str(self.path)}
        self.say(nvml.busy(2))

    def say(self, text: str) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(text)
        new.rename(self.path)


@pytest.fixture
def driver(tmp_path: Path, stub: Path) -> Driver:
    return Driver(tmp_path, stub)


class Watched:
    """`gpu --watch`, its latest object at hand."""

    def __init__(self, driver: Driver) -> None:
        self.seen: list[dict[str, Any]] = []
        self._process = subprocess.Popen(
            [*Cli.argv, "gpu", "--watch", "0.2", "--json"],
            env={**os.environ, **driver.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.seen.append(json.loads(line))

    def until(self, claim: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """The next object of which that is true."""
        begin = len(self.seen)
        return next(wait_for(lambda: [one for one in self.seen[begin:] if claim(one)]).__iter__())

    def close(self) -> float:
        """End it as ^C does; seconds until it is gone."""
        begin = time.monotonic()
        self._process.terminate()
        self._process.wait(30)
        return time.monotonic() - begin


@pytest.fixture
def watched(driver: Driver) -> Iterator[Watched]:
    one = Watched(driver)
    one.until(lambda seen: seen["devices"])
    yield one
    one.close()


def test_a_call_that_hangs_is_said_with_its_age_and_ends_nothing(
    driver: Driver, watched: Watched
) -> None:
    driver.say(HANGS + nvml.busy(2))
    first = watched.until(lambda seen: seen["error"])
    assert first["error"].startswith("no answer from the NVIDIA driver for")
    later = watched.until(lambda seen: seen["devices"][0]["age_s"] > 4)
    assert later["error"]
    assert later["host"]["cpu_pct"] is not None  # the host is read all the while
    assert later["devices"][0]["utilization_pct"] is not None  # what was last known, with its age
    driver.say(nvml.busy(2))
    watched.until(lambda seen: seen["error"] is None and seen["devices"][0]["age_s"] < 2)
    driver.say(HANGS + nvml.busy(2))
    watched.until(lambda seen: seen["error"])
    assert watched.close() < 5


def test_a_stall_of_100_ms_is_no_news(driver: Driver, watched: Watched) -> None:
    driver.say(STALLS + nvml.busy(2))
    begin = len(watched.seen)
    wait_for(lambda: len(watched.seen) > begin + 15)
    assert {one["error"] for one in watched.seen[begin:]} == {None}


def test_a_gpu_that_is_lost_in_the_middle_is_dated_and_found_again(
    driver: Driver, watched: Watched
) -> None:
    driver.say(LOST + nvml.busy(2))
    seen = watched.until(lambda seen: seen["devices"] and seen["devices"][1]["lost"])
    assert seen["devices"][0]["lost"] is False
    assert seen["devices"][0]["utilization_pct"] is not None
    since = seen["devices"][1]["lost_since"]
    assert since
    again = watched.until(lambda seen: seen["devices"] and seen["devices"][1]["lost"])
    assert again["devices"][1]["lost_since"] == since  # when it was first seen, however often
    driver.say(nvml.busy(2))
    back = watched.until(lambda seen: seen["devices"] and not seen["devices"][1]["lost"])
    assert back["devices"][1]["lost_since"] is None


def test_a_driver_updated_below_us_is_told_and_found_again(
    driver: Driver, watched: Watched
) -> None:
    driver.say(ANOTHER_VERSION + nvml.busy(2))
    watched.until(lambda seen: "different versions" in (seen["error"] or ""))
    driver.say(nvml.busy(3))
    back = watched.until(lambda seen: seen["error"] is None)
    assert len(back["devices"]) == 3


def test_a_process_that_vanishes_is_no_longer_listed(driver: Driver, watched: Watched) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        driver.say(nvml.busy(2) + f"0.pids {child.pid}\n")
        seen = watched.until(lambda seen: seen["devices"][0]["processes"])
        assert "time.sleep" in seen["devices"][0]["processes"][0]["command"]
    finally:
        child.kill()
        child.wait()
    gone = watched.until(lambda seen: seen["devices"][0]["processes"][0]["command"] is None)
    assert gone["devices"][0]["processes"][0]["pid"] == child.pid  # the driver still names it
    driver.say(nvml.busy(2))
    watched.until(lambda seen: seen["devices"][0]["processes"] == [])


def test_a_gpu_that_is_kept_from_us_hides_no_other(driver: Driver, cli: Cli) -> None:
    driver.say("1.err.nvmlDeviceGetHandleByIndex_v2 4\n" + nvml.busy(3))
    devices = json.loads(cli("gpu", "--json", env=driver.env).stdout)["devices"]
    assert [one["utilization_pct"] is None for one in devices] == [False, True, False]
    assert devices[1]["closed"] == "no permission to talk to the NVIDIA driver"
    driver.say("*.err.nvmlDeviceGetHandleByIndex_v2 4\n" + nvml.busy(3))
    found = json.loads(cli("gpu", "--json", env=driver.env).stdout)
    assert found["error"] == "no permission to talk to the NVIDIA driver"


@pytest.mark.parametrize("count", [1, 8, 16])
def test_all_gpus_are_listed(driver: Driver, cli: Cli, count: int) -> None:
    driver.say(nvml.busy(count))
    done = cli("gpu", "--json", env=driver.env)
    assert [one["index"] for one in json.loads(done.stdout)["devices"]] == list(range(count))
    text = cli("gpu", env=driver.env).stdout
    assert all(f"GPU {n}" in text for n in range(count))


@pytest.mark.parametrize("under_load", [False, True])
def test_what_a_real_card_answered_is_what_is_shown(
    driver: Driver, cli: Cli, under_load: bool
) -> None:
    dump = json.loads((DATA / "gpu/device_dump.json").read_text())
    driver.say(nvml.of_dump(dump, under_load=under_load))
    (device,) = json.loads(cli("gpu", "--json", env=driver.env).stdout)["devices"]
    assert device["name"] == "NVIDIA H100 80GB HBM3"
    assert device["virtualization"] == "passthrough"
    assert device["utilization_pct"] == (99 if under_load else 0)
    assert device["memory_used_bytes"] == (1160577024 if under_load else 0)  # v2: not the driver's
    assert device["power_w"] == 72.387  # field 186; the dump has it for an idle card alone
    assert device["power_limit_w"] == 700
    assert device["throttle_reasons"] == (["power cap"] if under_load else ["idle"])
    assert (device["pcie_gen"], device["pcie_width"]) == (5, 16)
    assert device["sm_clock_mhz"] == (1440 if under_load else 915)


COMMAND = """\
import os, pathlib, time
def say(text): print(text, flush=True)
def step(name):
    folder = pathlib.Path(os.environ["STEPS"])
    (folder / name).touch()
    while not (folder / (name + ".done")).exists():
        time.sleep(0.02)
step("begun")
say("INFO:main:starting TestScenario.Offline")
step("loadgen")
say("TestScenario.Offline qps=1")
"""


def test_a_run_keeps_what_the_driver_did_beside_it(
    driver: Driver, store: RunStore, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**driver.env, "CUDA_VISIBLE_DEVICES": "1", "STEPS": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    run = submit(store, python(COMMAND), device="cuda")

    def alerted(words: str) -> None:
        wait_for(
            lambda: any(
                words in one.get("text", "") for one in events.read(run.events)[0]
            )
        )  # fmt: skip

    wait_for((tmp_path / "begun").exists)
    (tmp_path / "begun.done").touch()
    wait_for((tmp_path / "loadgen").exists)
    path = run.folder / "telemetry.csv"
    wait_for(lambda: path.exists() and path.read_text().count("gpu0") > 15)
    driver.say(LOST + nvml.busy(2))
    alerted("GPU 1 is lost since")
    driver.say(nvml.busy(2))
    alerted("GPU 1 is back")
    driver.say(HANGS.replace("10000000", "5000000") + nvml.busy(2))
    alerted("the NVIDIA driver gives no answer")
    driver.say(nvml.busy(2))
    alerted("answers again, after")
    (tmp_path / "loadgen.done").touch()
    finished(run)
    found = beside.summary(run)
    assert found is not None
    assert [one["uuid"] for one in found["gpus"]] == ["GPU-00000000-0000", "GPU-00000001-0000"]
    (told,) = [one for one in events.read(run.events)[0] if one["kind"] == events.GPUS][:1]
    assert told["cuda_visible_devices"] == "1"
    (window,) = [one for one in found["phases"] if one["name"] == "loadgen"]
    assert window["devices"]["gpu0"]["utilization_pct_mean"] == 88
    assert window["devices"]["gpu0"]["throttled_pct"] == {"power cap": 100.0}
    text = cli("show", run.id).stdout
    assert "GPU-00000001-0000" in text
    assert "power cap 100 %" in text
    kept = (run.folder / "telemetry.json").read_text()
    assert json.loads(kept) == found


def test_what_was_before_a_window_does_not_count_in_it(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.csv"
    rows = ["time,boottime_s,device,utilization_pct,power_w,throttle_bits"]
    rows += [f"t,{100 + n},gpu0,0,72,1" for n in range(6)]  # once a second, idle
    rows += [f"t,{105.91 + n / 10:.2f},gpu0,98,500,4" for n in range(50)]
    path.write_text("\n".join(rows) + "\n")
    found = summarize(path, [Span(105.9, 110.9)])
    assert found is not None
    (window,) = found["spans"]
    assert window["gpu0"]["power_w_mean"] == 500
    assert window["gpu0"]["seconds"] == pytest.approx(5, abs=0.1)
    assert window["gpu0"]["throttled_pct"] == {"power cap": 100.0}


def test_a_phase_that_nobody_saw_begin_has_no_energy(store: RunStore, tmp_path: Path) -> None:
    run = finished(submit(store, python("print('x')")))
    text = run.events.read_text()
    rows = ["time,boottime_s,device,utilization_pct,power_w,energy_j"]
    rows += [f"t,{1000 + n},gpu0,98,500,{500 * n}" for n in range(60)]
    (run.folder / "telemetry.csv").write_text("\n".join(rows) + "\n")
    (run.folder / "telemetry.json").unlink(missing_ok=True)
    energies = []
    for is_late in (False, True):
        run.events.write_text("")
        about = {"late": True} if is_late else {}
        events.append(run.events, events.PHASE, phase="loadgen", boottime_s=1010.0, **about)
        events.append(run.events, events.PHASE, phase="reporting", boottime_s=1040.0)
        found = beside.summary(run)
        assert found is not None
        energies.append(found["phases"][0]["devices"]["gpu0"]["energy_j"])
    assert energies == [15000, None]
    run.events.write_text(text)


def test_a_run_that_used_no_gpu_is_not_charged_for_others() -> None:
    facts = {"gpu0": {"energy_j": 900.0, "power_w_mean": 300.0, "utilization_pct_mean": 98.0,
                      "utilization_pct_max": 99.0, "memory_used_bytes_max": 1.0, "seconds": 3.0,
                      "temperature_c_max": 60.0, "throttled_pct": {}}}  # fmt: skip
    none = of_window(facts, [], "no", 100)
    assert none is not None
    assert (none["energy_j"], none["joules_per_sample"], none["power_w_mean"]) == (None,) * 3
    used = of_window(facts, ["gpu0"], "yes", 100)
    assert used is not None
    assert used["joules_per_sample"] == 9
    unknown = of_window(facts, [], "unsure", 100)
    assert unknown is not None
    assert (unknown["energy_j"], unknown["joules_per_sample"]) == (900, None)


def test_a_counter_that_went_back_and_a_clock_set_back_make_no_false_sums(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.csv"
    rows = ["time,boottime_s,device,utilization_pct,power_w,energy_j,ecc_corrected"]
    for n in range(40):
        clock = f"2026-11-24T{14 if n < 20 else 13}:00:{n % 60:02d}.000Z"  # set back by an hour
        energy = 1000 + 100 * n if n < 30 else 5.0 * n  # the driver began anew
        rows.append(f"{clock},{100 + n},gpu0,50,100,{energy},{7 if n < 30 else 0}")
    path.write_text("\n".join(rows) + "\n")
    found = summarize(path, [Span(100, 125), Span(100, 139)])
    assert found is not None
    good, torn = (one["gpu0"] for one in found["spans"])
    assert good["seconds"] == pytest.approx(24.1, abs=0.2)
    assert good["energy_j"] == 2500
    assert good["utilization_pct_mean"] == 50
    assert torn["energy_j"] is None
    assert torn["ecc_corrected_growth"] is None
