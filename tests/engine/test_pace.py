"""Silences, stalls, estimates, limits: how a run is told to go on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import spec_of

from tui.engine import events, learned, mlcflow, oom
from tui.engine.pace import Learned, Pace
from tui.engine.results import limits
from tui.engine.store import RunState, RunStore

BUILD = ("build", "Offline", "performance")


def test_the_longest_silence_of_a_phase_is_told_at_its_end() -> None:
    pace = Pace({})
    assert pace.enter(("start", None, None), 0.0) is None
    for line, at in ((1, 1.0), (7, 9.0), (8, 10.0)):
        pace.heard(at)
        pace.line = line
    silence = pace.enter(("dependencies", None, None), 11.0)
    assert silence is not None
    assert (silence.seconds, silence.line) == (8.0, 1)
    pace.heard(12.0)
    assert pace.enter(("scenario", "Offline", "performance"), 13.0) is None


def test_a_phase_far_longer_than_ever_is_told_once() -> None:
    pace = Pace({BUILD: Learned(60.0, 80.0, 3)})
    pace.enter(BUILD, 0.0)
    pace.heard(0.0)
    assert list(pace.alerts(150.0)) == []
    (text,) = pace.alerts(161.0)
    assert "build" in text
    assert "1:20" in text
    assert "3 runs" in text
    assert list(pace.alerts(400.0)) == []


def test_ten_minutes_without_a_sign_may_be_a_hang() -> None:
    pace = Pace({})
    pace.enter(("dependencies", None, None), 0.0)
    pace.heard(0.0)
    for at in (0.0, 300.0):
        pace.moved(int(at), at)
    assert list(pace.alerts(700.0)) == []  # bytes still moved at 300 s
    assert len(list(pace.alerts(901.0))) == 1


def test_loadgen_is_not_called_silent_but_slow() -> None:
    pace = Pace({})
    pace.enter(("loadgen", "Server", "performance"), 0.0)
    pace.heard(0.0)
    pace.moved(1, 0.0)
    assert list(pace.alerts(5000.0)) == []
    pace.expected_s = 600.0
    assert list(pace.alerts(1860.0)) == []
    (text,) = pace.alerts(1861.0)
    assert "10:00" in text
    pace.enter(("loadgen", "Offline", "performance"), 2000.0)  # the next scenario is another one
    pace.expected_s = 60.0
    assert len(list(pace.alerts(2300.0))) == 1


def made(store: RunStore, second: int, seconds: float, argv: list[str], state: str) -> str:
    run = store.create(spec_of(argv, scenario="Offline"), {})
    folder = store.runs / f"20250101T0000{second:02d}Z-smoke-Offline-000{second}"
    run.folder.rename(folder)
    at = 100.0
    for phase in ("start", "build", "loadgen"):
        events.append(
            folder / "events.jsonl",
            events.PHASE,
            phase=phase,
            scenario="Offline",
            mode="performance",
            boottime_s=at,
        )
        at += seconds
    (folder / "state.json").write_text(json.dumps(RunState(state, ended_boottime_s=at).to_json()))
    return folder.name


def test_durations_are_learned_from_finished_runs_that_are_alike(store: RunStore) -> None:
    test = ["mlcr", "x", "--execution_mode=test"]
    made(store, 1, 10.0, test, "finished")
    made(store, 2, 30.0, test, "finished")
    made(store, 3, 500.0, test, "failed")
    made(store, 4, 600.0, ["mlcr", "x", "--execution_mode=valid"], "finished")
    last = made(store, 5, 70.0, test, "finished")
    spec = store.open(last).stored_spec
    found = learned.durations(store, spec, last)
    assert found[BUILD] == Learned(20.0, 30.0, 2)
    assert learned.durations(store, {**spec, "device": "cuda"}, last) == {}


def test_a_phase_that_began_unwatched_teaches_nothing_nor_the_one_before(store: RunStore) -> None:
    run = store.create(spec_of(["mlcr"]), {})
    for phase, at in (("start", 0.0), ("dependencies", 5.0), ("build", 600.0), ("loadgen", 999.0)):
        late = {"late": True} if phase == "build" else {}
        events.append(run.events, events.PHASE, phase=phase, boottime_s=at, **late)
    assert learned.phase_seconds(run) == {("start", None, None): 5.0}


@pytest.mark.parametrize(
    ("scenario", "conf", "expected"),
    [
        ("Offline", {"min_duration": "600000", "target_qps": "100", "min_query_count": "66000"},
         (600.0, None, 660.0)),
        ("Offline", {"min_duration": "0", "target_qps": "1.0", "min_query_count": "10"},
         (0.0, None, 10.0)),
        ("SingleStream", {"min_duration": "0", "max_duration": "30000", "min_query_count": "10",
                          "target_latency": "1000"}, (0.0, 30.0, 10.0)),
        ("SingleStream", {"min_duration": "0", "max_duration": "30000", "min_query_count": "100",
                          "target_latency": "1000"}, (0.0, 30.0, 30.0)),
        ("Server", {"min_duration": "600000", "target_qps": "6", "min_query_count": "150"},
         (600.0, None, 600.0)),
        ("Offline", {"min_duration": "600000"}, (600.0, None, None)),
    ],
)  # fmt: skip
def test_limits_out_of_user_conf(
    scenario: str, conf: dict[str, str], expected: tuple[float, float | None, float | None]
) -> None:
    found = limits.of_user_conf(conf, scenario)
    assert found is not None
    assert (found.min_duration_s, found.max_duration_s, found.expected_s) == expected


@pytest.mark.parametrize("conf", [{}, {"min_duration": "soon"}, {"min_duration": "nan"}])
def test_without_a_minimum_there_are_no_limits(conf: dict[str, str]) -> None:
    assert limits.of_user_conf(conf, "Offline") is None


def test_the_kernel_tells_whom_it_killed(tmp_path: Path) -> None:
    log = tmp_path / "kmsg"
    lines = [
        "4,1,1000000,-;usb 1-1: new device",
        "3,2,99999999000000,-;Out of memory: Killed process 812 (python3) total-vm:9000kB, "
        "anon-rss:14680064kB, file-rss:0kB",
    ]
    log.write_text("\n".join(lines) + "\n")
    (found,) = oom.kills(0.0, str(log))
    assert (found.pid, found.command, found.held_bytes) == (812, "python3", 14680064 * 1024)
    assert "15.0 GB" in str(found)
    assert oom.kills(1e9, str(log)) == []


def test_a_control_group_counts_its_kills(tmp_path: Path) -> None:
    (tmp_path / "me").write_text("0::/user.slice/a\n")
    (tmp_path / "user.slice/a").mkdir(parents=True)
    (tmp_path / "user.slice/a/memory.events").write_text("low 0\nmax 3\noom_kill 2\n")
    assert oom.cgroup_kills(tmp_path, tmp_path / "me") == 2
    assert oom.cgroup_kills(tmp_path, tmp_path / "none") is None


def test_cudas_variables_are_set_where_cuda_lies_but_is_not_named(tmp_path: Path) -> None:
    nvcc = tmp_path / "cuda/bin/nvcc"
    nvcc.parent.mkdir(parents=True)
    nvcc.write_text("#!/bin/sh\n")
    nvcc.chmod(0o755)
    cuda = tmp_path / "cuda"
    outside = {"PATH": "/nowhere", "LD_LIBRARY_PATH": "/mine"}
    assert mlcflow.cuda_env_vars({}, outside, cuda) == {
        "CUDA_HOME": str(cuda),
        "PATH": f"/nowhere:{cuda}/bin",
        "LD_LIBRARY_PATH": f"{cuda}/lib64:/mine",
    }
    assert mlcflow.cuda_env_vars({"PATH": "/venv"}, outside, cuda)["PATH"] == f"/venv:{cuda}/bin"
    assert mlcflow.cuda_env_vars({}, {**outside, "CUDA_HOME": "/x"}, cuda) == {}
    assert mlcflow.cuda_env_vars({}, {"PATH": str(nvcc.parent)}, cuda) == {}
    assert mlcflow.cuda_env_vars({}, outside, tmp_path / "none") == {}
