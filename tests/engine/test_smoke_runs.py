"""The whole job: the real mlcr, the real LoadGen, every scenario, performance and accuracy."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Cli, embedded_mlcr, finished, nothing_left, wait_for

from tui.engine import process
from tui.engine.store import RunStore

SHORT = ("--set", "min_duration=2")
UNITS = {"SingleStream": "ms", "MultiStream": "ms", "Server": "Queries/s", "Offline": "Samples/s"}


def last_event(text: str) -> dict[str, object]:
    events = [json.loads(line) for line in text.splitlines()]
    assert events[0]["event"] == "started"
    assert events[-1]["event"] == "finished"
    return dict(events[-1])


def installed() -> str:
    listing = (
        "import importlib.metadata as m\nprint(sorted((d.name, d.version, str(d._path)) "
        "for d in m.distributions()))"
    )
    return subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True).stdout


@pytest.mark.parametrize("scenario", UNITS)
def test_a_performance_run_is_valid(cli: Cli, scenario: str) -> None:
    done = cli("run", "smoke", "--scenario", scenario, *SHORT, "--json")
    run = last_event(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (run["state"], run["verdict"]) == ("finished", "VALID")
    (result,) = run["results"]  # type: ignore[misc]
    assert result["benchmark"] == "smoke"
    assert result["scenario"] == scenario
    assert result["metric"]["unit"] == UNITS[scenario]
    assert result["duration_s"] >= 2
    assert result["errors"] == 0
    assert result["official"] == {
        "ok": False,
        "checks": [{"id": "benchmark", "ok": False, "detail": "smoke is not an MLPerf benchmark"}],
    }
    phases = [one["name"] for one in run["phases"]]  # type: ignore[union-attr]
    assert phases == ["start", "scenario", "benchmark", "loadgen", "reporting", "results"]
    loadgen = run["phases"][3]  # type: ignore[index]
    assert loadgen["seconds"] >= 1.5  # phases are seen up to a quarter of a second late
    checks = {one["id"] for one in result["host_checks"]}
    assert checks == {"scheduler", "steal", "clock"} | (
        set() if scenario == "Offline" else {"tail"}
    )


@pytest.mark.parametrize("scenario", UNITS)
def test_an_accuracy_run_reaches_the_known_figure_exactly(cli: Cli, scenario: str) -> None:
    done = cli("run", "smoke", "--scenario", scenario, "--mode", "accuracy", "--json")
    assert done.returncode == 0, done.stderr
    (result,) = last_event(done.stdout)["results"]  # type: ignore[misc]
    assert result["kind"] == "accuracy"
    assert {key: result["accuracy"][key] for key in ("metric", "value", "target", "ok")} == {
        "metric": "acc",
        "value": 98.4,
        "target": 98.0,
        "ok": True,
    }
    assert "good=492, total=500" in Path(result["path"]).with_name("accuracy.txt").read_text()


def test_below_its_accuracy_target_a_run_ends_with_3(cli: Cli, tmp_path: Path) -> None:
    mine = tmp_path / "profiles/benchmarks"
    mine.mkdir(parents=True)
    shipped = Path(__file__).parents[2] / "profiles/benchmarks/smoke.yaml"
    (mine / "smoke.yaml").write_text(shipped.read_text().replace("98.0", "99.0"))
    done = cli("run", "smoke", "--scenario", "Offline", "--mode", "accuracy")
    assert done.returncode == 3, done.stderr
    assert "INVALID" in done.stdout
    assert "is 98.4, the target is 99" in done.stdout


def test_both_modes_in_one_run(cli: Cli) -> None:
    done = cli("run", "smoke", "--scenario", "Offline", "--mode", "both", *SHORT, "--json")
    run = last_event(done.stdout)
    assert done.returncode == 0, done.stderr
    assert sorted(one["kind"] for one in run["results"]) == [  # type: ignore[union-attr]
        "accuracy",
        "performance",
    ]


def test_an_invalid_run_ends_with_3_and_says_what_to_change(cli: Cli) -> None:
    done = cli("run", "smoke", "--scenario", "SingleStream", "--set", "test_query_count=10")
    assert done.returncode == 3
    assert "INVALID" in done.stdout
    assert "at least 64 are needed, 10 ran" in done.stdout
    assert "Raise test_query_count from 10 to 64" in done.stdout


def test_delay_slows_every_sample(cli: Cli) -> None:
    done = cli(
        "run",
        "smoke",
        "--scenario",
        "SingleStream",
        *SHORT,
        "--json",
        "--set",
        "delay_us=2000",
        "--set",
        "min_query_count=100",
    )
    (result,) = last_event(done.stdout)["results"]  # type: ignore[misc]
    assert result["latency_ns"]["min"] >= 2_000_000


def test_an_embedded_run_leaves_our_environment_as_it_was(cli: Cli) -> None:
    before = installed()
    assert "mlcflow" in before
    assert cli("run", "smoke", "--scenario", "Offline", *SHORT).returncode == 0
    assert installed() == before


def test_an_interrupted_run_verb_stops_the_run_and_ends_with_130(cli: Cli, root: Path) -> None:
    viewer = cli.start(
        *("run", "smoke", "--scenario", "Offline", "--set", "min_duration=60"),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # as in a terminal
    )
    run = wait_for(lambda: next(iter(RunStore(root)), None))
    wait_for(lambda: run.stored_state.phase == "loadgen")
    viewer.send_signal(signal.SIGINT)
    viewer.communicate(timeout=60)
    assert viewer.returncode == 130
    assert run.stored_state.state == "stopped"


def test_stop_in_the_middle_leaves_nothing(cli: Cli, root: Path) -> None:
    started = cli("run", "smoke", "--scenario", "Offline", "--set", "min_duration=60", "--detach")
    run = RunStore(root).open(started.stdout.strip())
    viewer = cli.start("run", "smoke", "--scenario", "Offline", *SHORT)
    wait_for(lambda: run.stored_state.phase == "loadgen")
    assert len(process.run_processes(run.id, run.identity("keeper"))) >= 5
    assert cli("stop", run.id).returncode == 0
    assert nothing_left(run)
    assert run.stored_state.state == "stopped"
    assert cli.json("show", run.id)["verdict"] in (None, "INCOMPLETE")
    _, queued = viewer.communicate(timeout=60)
    assert viewer.returncode == 0, queued  # it waited for its turn, then ran


def test_a_data_root_with_spaces(cli: Cli, tmp_path: Path) -> None:
    env = {"MLPERF_TUI_HOME": str(tmp_path / "my runs")}
    done = cli("run", "smoke", "--scenario", "Server", "--mode", "accuracy", env=env)
    assert done.returncode == 0, done.stderr + done.stdout
    env = {"MLPERF_TUI_HOME": str(tmp_path / "läufe")}
    done = cli("run", "smoke", "--scenario", "Server", "--mode", "accuracy", env=env)
    assert done.returncode == 1
    assert "mlcr takes no path that is not ASCII" in done.stderr


def test_the_run_goes_on_when_its_viewer_is_killed(cli: Cli, root: Path) -> None:
    viewer = cli.start("run", "smoke", "--scenario", "Offline", *SHORT)
    run = wait_for(lambda: next(iter(RunStore(root)), None))
    wait_for(lambda: run.stored_state.phase == "loadgen")
    viewer.kill()
    viewer.communicate()
    finished(run)
    assert run.result is not None
    assert run.result[0]["verdict"] == "VALID"


def test_a_killed_keeper_leaves_a_run_judged_by_loadgens_own_logs(cli: Cli, root: Path) -> None:
    viewer = cli.start("run", "smoke", "--scenario", "Offline", *SHORT)
    run = wait_for(lambda: next(iter(RunStore(root)), None))
    wait_for(lambda: run.stored_state.phase == "loadgen")
    import os

    os.kill(run.identity("keeper").pid, 9)
    out, _ = viewer.communicate(timeout=60)
    assert viewer.returncode == 0
    assert "exit code unknown" in out
    assert "VALID" in out
    assert run.stored_state.state == "finished"


def test_a_series_runs_one_after_the_other(cli: Cli, root: Path) -> None:
    done = cli("run", "smoke", "--scenario", "Server", *SHORT, "--repeat", "2")
    assert done.returncode == 0, done.stderr
    second, first = cli.json("runs")
    assert first["series"] == second["series"] is not None
    assert (first["repeat"], second["repeat"]) == (1, 2)
    runs = [RunStore(root).open(one["id"]) for one in (first, second)]
    ends = [run.exit for run in runs]
    assert ends[0] is not None
    assert ends[1] is not None
    assert ends[1]["started_boottime_s"] >= ends[0]["ended_boottime_s"]
    assert len({run.result[0]["path"] for run in runs if run.result}) == 2


def test_two_viewers_see_the_same_bytes(cli: Cli, root: Path) -> None:
    started = cli("run", "smoke", "--scenario", "Offline", *SHORT, "--detach")
    name = started.stdout.strip()
    viewers = [cli.start("logs", "-f", name) for _ in range(2)]
    outputs = [viewer.communicate(timeout=60)[0] for viewer in viewers]
    assert outputs[0] == outputs[1] == RunStore(root).open(name).console.read_text()
    assert "The MLPerf inference results are stored at" in outputs[0]


@pytest.mark.parametrize("name", ["C", "POSIX"])
def test_in_the_c_locale_signs_are_ascii(cli: Cli, name: str) -> None:
    env = {"LC_ALL": name, "LANG": name}
    done = cli("run", "smoke", "--scenario", "Server", "--mode", "accuracy", env=env)
    assert done.returncode == 0, done.stderr
    assert "+ VALID" in done.stdout
    for text in (done.stdout, cli("show", "latest", env=env).stdout, cli("runs", env=env).stdout):
        assert text.isascii()


def test_the_guides_command_line_runs_unchanged_on_the_embedded_repository(
    cli: Cli, root: Path, tmp_path: Path
) -> None:
    """Keys and variations of the user's guide; the device is the one this machine has."""
    done = embedded_mlcr(
        root,
        tmp_path,
        "run-mlperf,inference,_find-performance,_full,_r5.1-dev",
        "--model=resnet50",
        "--implementation=reference",
        "--framework=onnxruntime",
        "--category=edge",
        "--scenario=Offline",
        "--execution_mode=test",
        "--device=cpu",
        "--min_duration=1",
    )
    assert done.returncode == 0, done.stdout
    assert "model 'resnet50' is not here, 'smoke' is used. Not an MLPerf result." in done.stdout
    (result,) = cli.json("results", str(tmp_path / "results"))
    assert (result["benchmark"], result["verdict"]) == ("smoke", "VALID")
