"""Telemetry: real psutil, and the unmodified NVML bindings on a stub driver."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import DATA, Cli

from tui.engine.telemetry.host import HostSource
from tui.engine.telemetry.record import RowReader
from tui.engine.telemetry.summary import Span, summarize

GPUS = """\
ngpu 2
driver 580.159.04
cuda 13000
*.name NVIDIA H100 80GB HBM3
0.uuid GPU-0
1.uuid GPU-1
0.util 92
*.memutil 41
1.util 0
*.mem_total 85520809984
0.mem_used 14200000000
1.mem_used 0
0.fi.186 575400
1.power_mw 72100
*.limit_mw 700000
0.temp 57
*.sm_mhz 1410
*.mem_mhz 2619
*.reasons 4
*.virt 1
"""

BUSY, IDLE = (121.484, 151.581), (157.797, 177.612)
"""LoadGen's windows in the records of an H100, by the events of those runs."""


@pytest.fixture
def gpu(stub: Path, cli: Cli, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`mlperf-tui gpu` on a driver that answers as the text says."""

    def run(text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "gpus").write_text(text)
        env = {"LD_LIBRARY_PATH": str(stub), "NVML_STUB": str(tmp_path / "gpus")}
        return cli("gpu", *arguments, env=env)

    return run


def test_every_device_is_read_with_what_it_tells(gpu: Callable[..., Any]) -> None:
    found = json.loads(gpu(GPUS, "--json").stdout)
    assert (found["driver"], found["cuda"], found["error"]) == ("580.159.04", "13.0", None)
    first, second = found["devices"]
    assert first["utilization_pct"] == 92
    assert first["memory_used_bytes"] == 14_200_000_000
    assert first["power_w"] == 575.4  # instant, by field value
    assert second["power_w"] == 72.1  # no field value here: the mean
    assert first["temperature_c"] == 57
    assert second["temperature_c"] is None
    assert first["throttle_reasons"] == ["power cap"]
    assert first["virtualization"] == "passthrough"
    assert (first["sm_clock_mhz"], first["memory_clock_mhz"]) == (1410, 2619)


def test_what_a_card_does_not_tell_is_null_not_zero(gpu: Callable[..., Any]) -> None:
    (device,) = json.loads(gpu("ngpu 1\n", "--json").stdout)["devices"]
    for key in ("utilization_pct", "power_w", "temperature_c", "memory_used_bytes", "name"):
        assert device[key] is None
    assert "–" in gpu("ngpu 1\n").stdout or "-" in gpu("ngpu 1\n").stdout


def test_a_lost_gpu_is_said_to_be_lost(gpu: Callable[..., Any]) -> None:
    text = GPUS + "1.err.nvmlDeviceGetUtilizationRates 15\n"
    devices = json.loads(gpu(text, "--json").stdout)["devices"]
    assert [one["lost"] for one in devices] == [False, True]
    assert "lost" in gpu(text).stdout


def test_processes_are_named(gpu: Callable[..., Any]) -> None:
    (device,) = json.loads(
        gpu(f"ngpu 1\n0.pids {os.getpid()},4194000\n0.busy_pid {os.getpid()}\n", "--json").stdout
    )["devices"]
    process, gone = device["processes"]
    assert process["pid"] == os.getpid()
    assert "pytest" in process["command"]
    assert process["ours"] is False
    assert process["utilization_pct"] == 42
    assert (gone["pid"], gone["command"]) == (4194000, None)  # it has ended meanwhile


@pytest.mark.parametrize(
    ("code", "sentence"),
    [(18, "reboot after a driver update"), (9, "driver is not loaded"), (4, "no permission")],
)
def test_a_driver_that_fails_is_words(gpu: Callable[..., Any], code: int, sentence: str) -> None:
    done = gpu(f"err.nvmlInitWithFlags {code}\n", "--json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert found["devices"] == []
    assert sentence in found["error"]


def test_a_driver_without_a_gpu_is_words(gpu: Callable[..., Any]) -> None:
    assert "finds no GPU" in json.loads(gpu("ngpu 0\n", "--json").stdout)["error"]


def test_a_run_records_gpus_beside_the_host(stub: Path, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "gpus").write_text(GPUS)
    env = {"LD_LIBRARY_PATH": str(stub), "NVML_STUB": str(tmp_path / "gpus")}
    done = cli("run", "smoke", "--scenario", "Server", "--set", "min_duration=2", "--json", env=env)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    readings = [one for one in events if one["event"] == "reading"]
    assert {one["device"] for one in readings} == {"host", "gpu0", "gpu1"}
    devices = events[-1]["telemetry"]["devices"]
    assert devices["gpu0"]["power_w_mean"] == pytest.approx(575.4)
    assert devices["gpu1"]["temperature_c_mean"] is None
    assert devices["gpu0"]["readings"] >= 2
    assert not [one for one in events if one["event"] == "alert" and "GPU" in one["text"]]


def test_a_split_gpu_tells_memory_by_instance_and_no_utilization(gpu: Callable[..., Any]) -> None:
    text = (
        "ngpu 1\n0.name NVIDIA A100-SXM4-40GB\n0.mig 2\n0.mem_total 40000000000\n0.mem_used 6\n"
        "0/0.name NVIDIA A100-SXM4-40GB MIG 3g.20gb\n0/0.mem_total 20000000000\n0/0.mem_used 5\n"
        "0/1.uuid MIG-1\n"
    )
    (device,) = json.loads(gpu(text, "--json").stdout)["devices"]
    first, second = device["mig"]
    assert (first["memory_used_bytes"], first["memory_total_bytes"]) == (5, 20_000_000_000)
    assert (second["uuid"], second["memory_used_bytes"]) == ("MIG-1", None)
    assert device["utilization_pct"] is None
    assert "not told by NVML under MIG" in gpu(text).stdout


def test_a_driver_that_hangs_is_not_waited_for(gpu: Callable[..., Any]) -> None:
    found = json.loads(
        gpu("ngpu 1\ndelay_us.nvmlDeviceGetUtilizationRates 9000000\n", "--json").stdout
    )
    assert "no answer from the NVIDIA driver" in found["error"]
    assert found["host"]["memory_total_bytes"] > 0


def test_sixteen_gpus_are_sixteen(gpu: Callable[..., Any]) -> None:
    devices = json.loads(gpu("ngpu 16\n*.util 7\n", "--json").stdout)["devices"]
    assert [one["index"] for one in devices] == list(range(16))


def test_host_readings_are_sane() -> None:
    source = HostSource()
    sum(range(3_000_000))
    reading = source.sample().reading
    assert reading.device == "host"
    assert reading.utilization_pct is not None
    assert 0 < reading.utilization_pct <= 100
    assert reading.memory_total_bytes is not None
    assert reading.memory_used_bytes is not None
    assert 0 < reading.memory_used_bytes < reading.memory_total_bytes


def test_a_reader_gives_whole_rows_only(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.csv"
    reader = RowReader(path)
    assert list(reader.rows()) == []
    path.write_text("time,device,power_w\nT1,gpu0,5")
    assert list(reader.rows()) == []
    with open(path, "a") as file:
        file.write("0.5\nT2,gpu0,\nT3")
    assert list(reader.rows()) == [
        {"time": "T1", "device": "gpu0", "power_w": 50.5},
        {"time": "T2", "device": "gpu0", "power_w": None},
    ]


def test_the_bindings_never_see_pcie_throughput() -> None:
    """nvmlDeviceGetPcieThroughput blocks for 21 ms a direction."""
    from tui.engine.telemetry import nvml

    assert "PcieThroughput" not in Path(nvml.__file__).read_text()


ROWS = """\
time,boottime_s,device,utilization_pct,power_w,throttle_bits,energy_j,ecc_corrected
T,10.0,gpu0,0,100.0,1,1000.0,3
T,11.0,gpu0,90,500.0,4,,
T,11.5,gpu0,90,500.0,4,1550.0,3
T,12.5,gpu0,90,500.0,12,,
T,13.5,gpu0,30,300.0,0,2450.0,4
"""


def test_a_span_has_its_means_over_time_its_energy_and_its_reasons(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(ROWS)
    found = summarize(tmp_path / "t.csv", [Span(10.5, 13.0)])
    assert found is not None
    (span,) = found["spans"]
    gpu = span["gpu0"]
    assert gpu["readings"] == 3
    assert gpu["utilization_pct_mean"] == 90
    # 1550 J at 11.5 s; a second before at 500 W; 2450 J at 13.5 s, half a second later at 300 W
    assert gpu["energy_j"] == pytest.approx(2450 - 0.5 * 300 - (1550 - 1.0 * 500))
    assert gpu["throttled_pct"] == {"power cap": 100.0, "hardware slowdown": 50.0}
    assert gpu["ecc_corrected_growth"] == 1
    assert found["devices"]["gpu0"]["energy_j"] == 1450


def test_a_counter_that_went_back_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(ROWS.replace("2450.0", "50.0").replace(",4\n", ",0\n"))
    found = summarize(tmp_path / "t.csv")
    assert found is not None
    assert found["devices"]["gpu0"]["energy_j"] is None
    assert found["devices"]["gpu0"]["ecc_corrected_growth"] is None


def test_a_recorded_h100_is_summed_up() -> None:
    """Our own record of BF16 GEMMs on an H100 80GB HBM3, 30 s between its phases."""
    found = summarize(DATA / "gpu/h100-gemm.csv", [Span(BUSY[0], BUSY[1])])
    assert found is not None
    (span,) = found["spans"]
    gpu, host = span["gpu0"], span["host"]
    assert gpu["utilization_pct_mean"] > 99
    assert 690 < gpu["power_w_mean"] < 705
    assert gpu["energy_j"] == pytest.approx(gpu["power_w_mean"] * (BUSY[1] - BUSY[0]), rel=0.02)
    assert gpu["throttled_pct"] == {"power cap": 100.0}
    assert gpu["power_throttled_s_growth"] == pytest.approx(30, abs=0.5)
    assert (gpu["pcie_gen"], gpu["pcie_width"], gpu["ecc_uncorrected_growth"]) == (5, 16, 0)
    assert gpu["memory_total_bytes"] == 85_520_809_984
    assert "steal_pct_mean" not in gpu
    assert "power_w_mean" not in host


def test_a_recorded_idle_h100_has_the_energy_of_its_mean_power() -> None:
    found = summarize(DATA / "gpu/h100-idle.csv", [Span(*IDLE)])
    assert found is not None
    gpu = found["spans"][0]["gpu0"]
    assert gpu["utilization_pct_max"] == 0
    assert gpu["energy_j"] == pytest.approx(gpu["power_w_mean"] * (IDLE[1] - IDLE[0]), rel=0.02)


def test_the_stub_gives_the_keys_that_a_real_card_gave(gpu: Callable[..., Any]) -> None:
    real = json.loads((DATA / "gpu/h100-gemm.json").read_text())
    stub = json.loads(gpu(GPUS, "--json").stdout)
    assert stub.keys() == real.keys()
    assert stub["devices"][0].keys() == real["devices"][0].keys()
    assert stub["host"].keys() == real["host"].keys()
