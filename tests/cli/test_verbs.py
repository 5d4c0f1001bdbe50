"""The verbs: what they print, and that each is documented."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import DATA, Cli, finished, python, running, submit

from tui.cli import parser
from tui.engine import mlcflow
from tui.engine.store import RunStore

README = Path(__file__).parents[2] / "README.md"
VERBS = list(parser()._subparsers._group_actions[0].choices)  # type: ignore[union-attr, arg-type]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_and_is_in_the_readme(cli: Cli, verb: str) -> None:
    done = cli(verb, "--help")
    assert done.returncode == 0
    assert f"mlperf-tui {verb}" in done.stdout
    assert f"`{verb}" in README.read_text()


def test_the_readme_names_no_verb_that_is_not_there() -> None:
    named = set(re.findall(r"^\| `(\w+)", README.read_text(), re.MULTILINE))
    assert named == set(VERBS)


@pytest.mark.parametrize(
    "arguments", [("runs",), ("benchmarks",), ("gpu",), ("results", str(DATA / "loadgen"))]
)
def test_json_needs_no_terminal_library(root: Path, arguments: tuple[str, ...]) -> None:
    """Start-up time is a feature: importing textual alone costs more than all the rest."""
    code = (
        "import sys, json\n"
        "from tui.cli import run\n"
        "code = run(sys.argv[1:])\n"
        "print(json.dumps([code, sorted(set(sys.modules) & set(sys.argv[0].split()) |"
        " {m for m in sys.modules if m.split('.')[0] in ('textual', 'rich', 'numpy', 'mlc')})]),"
        " file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--json"], capture_output=True, text=True
    )
    json.loads(done.stdout)
    assert json.loads(done.stderr.splitlines()[-1]) == [0, []]


def test_dry_run_prints_the_exact_command_and_starts_nothing(cli: Cli, store: RunStore) -> None:
    done = cli("run", "smoke", "--scenario", "Server", "--set", "min-duration=3", "--dry-run")
    assert done.returncode == 0
    command = done.stdout.splitlines()[-1]
    assert "/mlcr run-mlperf,inference,_performance-only,_full,_r5.1-dev --quiet" in command
    assert "--scenario=Server" in command
    assert "--min_duration=3" in command
    assert "export MLC_REPOS=" in done.stdout
    assert store.ids() == []


def test_the_dry_run_is_what_the_run_then_does(cli: Cli, store: RunStore) -> None:
    asked = ("run", "smoke", "--scenario", "Server", "--mode", "accuracy", "--json")
    planned = json.loads(cli(*asked, "--dry-run").stdout)
    assert cli(*asked).returncode == 0
    made = store.open("latest")

    def plain(text: str) -> str:
        return re.sub(r"\d{8}T\d{6}Z-smoke-Server-[0-9a-f]{4}", "RUN", text)

    for key in ("argv", "env_vars", "cwd", "mode", "environment"):
        assert plain(json.dumps(planned[key])) == plain(json.dumps(made.stored_spec[key]))


def test_a_dry_run_can_be_pasted_into_a_shell(cli: Cli, root: Path) -> None:
    mlcflow.register(mlcflow.embedded(root))
    planned = cli("run", "smoke", "--scenario", "Server", "--mode", "accuracy", "--dry-run").stdout
    done = subprocess.run(["bash", "-e"], input=planned, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "accuracy=98.400%" in done.stdout


def test_benchmarks_as_json_has_the_contracts_keys(cli: Cli) -> None:
    (smoke,) = (one for one in cli.json("benchmarks") if one["name"] == "smoke")
    keys = {"name", "title", "area", "task", "dataset", "retired", "scenarios", "targets", "needs"}
    assert keys <= smoke.keys()
    assert smoke["scenarios"] == {
        "datacenter": [],
        "edge": ["SingleStream", "MultiStream", "Server", "Offline"],
    }
    assert smoke["official"] is False


def test_runs_and_show_as_json_have_the_contracts_keys(cli: Cli, store: RunStore) -> None:
    older = finished(submit(store, python("raise SystemExit(3)")))
    newer = finished(
        submit(
            store,
            python("import time; print('INFO:main:starting TestScenario.Offline'); time.sleep(1)"),
        )
    )
    listed = cli.json("runs")
    assert [one["id"] for one in listed] == [newer.id, older.id]
    assert set(listed[0]) == {
        "id",
        "created",
        "kind",
        "benchmark",
        "scenario",
        "mode",
        "environment",
        "installation",
        "series",
        "repeat",
        "state",
        "phase",
        "verdict",
        "metric",
    }
    shown = cli.json("show", newer.id)
    assert {key: shown[key] for key in listed[0]} == listed[0]
    assert shown["spec"]["id"] == newer.id
    assert shown["state_detail"]["cause"]["code"] == "no-result"
    assert [one["name"] for one in shown["phases"]] == ["loadgen"]
    assert shown["results"] == []
    assert shown["telemetry"]["devices"]["host"]["memory_total_bytes"] > 0
    assert cli.json("show", "latest") == cli.json("show", newer.id)


def test_an_empty_history_says_how_to_fill_it(cli: Cli) -> None:
    assert cli.json("runs") == []
    assert "mlperf-tui run smoke" in cli("runs").stderr


def test_logs_are_the_raw_bytes(cli: Cli, store: RunStore) -> None:
    data = bytes(range(256)) * 4 + "é\r\n\x1b[31m".encode()
    run = finished(submit(store, python(f"import sys; sys.stdout.buffer.write({data!r})")))
    done = subprocess.run([*Cli.argv, "logs", run.id], capture_output=True, check=True)
    assert done.stdout == data


def test_results_in_every_form(cli: Cli) -> None:
    path = str(DATA / "loadgen/server_valid")
    (found,) = cli.json("results", path)
    value = found["metric"]["value"]
    (row,) = csv.DictReader(io.StringIO(cli("results", path, "--csv").stdout))
    assert float(row["value"]) == value
    table = cli("results", path, "--markdown").stdout.splitlines()
    assert len(table) == 3
    assert str(value) in table[2]
    text = cli("results", path).stdout
    assert "VALID" in text
    assert "Unverified local run, not an official MLPerf result." in text


def test_gpu_without_a_driver_says_so_and_shows_the_host(cli: Cli) -> None:
    found = cli.json("gpu")
    assert found["host"]["memory_total_bytes"] > 0
    if not found["devices"]:
        assert found["error"]
        assert found["driver"] is None


def test_version_is_the_installed_one(cli: Cli) -> None:
    assert re.fullmatch(r"mlperf-tui \d+\.\d+\.\d+\n", cli("--version").stdout)


def test_without_a_verb_and_a_terminal_there_is_an_overview_in_lines(
    cli: Cli, store: RunStore
) -> None:
    empty = cli()
    assert empty.returncode == 0
    assert "No runs yet. Start one: mlperf-tui run smoke --scenario Offline" in empty.stdout
    assert "this is in lines" in empty.stderr
    over = finished(submit(store, python("pass")))
    live = running(submit(store, python("import time; time.sleep(60)")))
    waiting = submit(store, python("pass"))
    told = cli().stdout
    assert f"running   {live.id}" in told
    assert f"queued   {waiting.id}" in told
    assert over.id in told
    assert "\x1b" not in told
