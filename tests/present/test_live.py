"""A run's events -> the rows of its screen."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from tui.engine import follow
from tui.engine.store import Cause, RunState
from tui.present import charts
from tui.present.live import LiveRun
from tui.present.log import line_look
from widgets.rows import Tone

SPEC: dict[str, Any] = {
    "benchmark": "resnet50",
    "scenario": "Offline",
    "mode": "performance",
    "environment": "bare-metal",
    "environment_label": "baseline (KVM guest)",
}
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=timezone.utc)


def phase(name: str, at: float, mode: str | None = None) -> follow.PhaseChanged:
    return follow.PhaseChanged(name, "Offline", mode, at, 1)


def live(*events: follow.RunEvent, **spec: Any) -> LiveRun:
    run = LiveRun({**SPEC, **spec})
    run.take(events)
    return run


RUNNING = follow.StateChanged(RunState("running", started_boottime_s=100.0))


def test_loadgens_time_stands_against_its_minimum() -> None:
    run = live(RUNNING, phase("start", 100), phase("loadgen", 120), follow.Limits(600.0))
    start, now = run.steps(378)
    assert (start.name, start.time, start.tone) == ("start", "0:20", Tone.GOOD)
    assert (now.name, now.time, now.here) == ("LoadGen", "4:18 of ≥10:00", True)
    share, words = run.progress(378, NOON)
    assert (round(share or 0, 3), words) == (0.43, "43 %  not done before 12:05")
    assert run.progress(800, NOON)[0] == 1.0
    assert run.badge(378, None).text == "running 4:38"
    ascii_run = LiveRun(SPEC, at_least=">=")
    ascii_run.take([RUNNING, phase("loadgen", 120), follow.Limits(600.0)])
    assert ascii_run.steps(378)[0].time == "4:18 of >=10:00"


def test_without_a_minimum_or_outside_loadgen_there_is_no_progress() -> None:
    silent = live(RUNNING, phase("loadgen", 120)).progress(378, NOON)
    assert silent == (None, "LoadGen prints nothing until it ends")
    assert live(RUNNING, phase("build", 120), follow.Limits(9.0)).progress(378, NOON) == (None, "")
    assert live().steps(5)[0].name.startswith("It waits for its turn")


def test_a_failed_run_marks_the_phase_it_failed_in() -> None:
    ended = RunState(
        "failed",
        ended="2026-11-24T12:00:00.000Z",
        ended_boottime_s=131.0,
        cause=Cause("x", "no such file", "look for it"),
    )
    run = live(phase("start", 100), phase("dependencies", 104), follow.StateChanged(ended))
    first, last = run.steps(9999)
    assert (first.tone, last.tone, last.time, last.here) == (Tone.GOOD, Tone.BAD, "0:27", False)
    told = run.explain(9999, [])
    assert told.reasons[0].text == "no such file"
    assert told.reasons[0].fix == "look for it"


def test_no_gpu_is_said_in_words_and_is_no_alert() -> None:
    run = live(
        follow.Alert("no GPU telemetry: no NVIDIA driver here"), follow.Alert("disk is full")
    )
    assert run.alerts == ["disk is full"]
    assert run.meters()[0].level.text == "no NVIDIA driver here"


def test_readings_become_meters_and_curves_and_unknown_is_a_dash() -> None:
    readings = [
        follow.Reading(
            {"device": "gpu0", "boottime_s": at, "utilization_pct": used, "power_w": None}
        )
        for at, used in ((1.0, 10.0), (2.0, None), (3.0, 90.0))
    ]
    host = follow.Reading(
        {"device": "host", "boottime_s": 3.0, "utilization_pct": 34.0, "steal_pct": 0.04}
    )
    run = live(*readings, host)
    gpu, last = run.meters()
    assert (gpu.name, gpu.level.share, gpu.level.text) == ("GPU 0", 0.9, " 90 %")
    assert gpu.facts == ("–", "–", "–", "–")
    assert last.facts[0] == "steal 0.0 %"
    assert run.recent("gpu0")["utilization_pct"] == [
        (1.0, 10.0, 10.0),
        (2.0, None, None),
        (3.0, 90.0, 90.0),
    ]
    assert run.devices == ["gpu0", "host"]
    side = charts.side(run, {}, [], (0.0, 10.0))
    assert [one.name for one in side.curves] == ["GPU 0 utilization", "host cpu"]
    old, _ = run.meters(now=10.0)
    assert old.badge is not None
    assert old.badge.text == "no answer for 7 s"


def test_both_modes_say_which_one_measures() -> None:
    run = live(RUNNING, phase("loadgen", 100, "performance"), phase("loadgen", 160, "accuracy"),
               mode="both")  # fmt: skip
    assert [one.name for one in run.steps(170)] == ["LoadGen (performance)", "LoadGen (accuracy)"]


def test_lines_of_the_log_stand_as_their_level_says() -> None:
    info = line_look("[2026-11-24 14:22:07,123 module.py      :4574 INFO ] - * mlcr get,python3")
    assert (info.tone, info.instead) == (Tone.PLAIN, "[14:22:07] ")
    wrong = line_look("[2026-11-24 14:22:07,123 module.py      :4574 ERROR] - gone")
    assert (wrong.tone, wrong.instead) == (Tone.BAD, "[14:22:07] ERROR ")
    older = line_look("[2025-02-01 10:00:00,001 module.py:574 WARN] - careful")
    assert (older.tone, older.instead) == (Tone.WARNING, "[10:00:00] WARN ")
    assert line_look("INFO:main:starting TestScenario.Offline").tone is Tone.PLAIN
    assert line_look("WARNING:root:slow").tone is Tone.WARNING
    for text in (
        "Traceback (most recent call last):",
        "ValueError: no",
        "./run.sh: line 30: 7 Killed   python3 main.py",
        "Native run script failed (return code = 256)",
    ):
        assert line_look(text).tone is Tone.BAD, text
    assert line_look("0 errors, return code = 0").tone is Tone.PLAIN
