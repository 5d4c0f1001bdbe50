"""Bad input gets a sentence and an exit code, never a traceback; and nothing is started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Cli, finished, python, spec_of, submit, unprivileged, wait_for

from tui.engine.store import RunStore

SMOKE = ("run", "smoke", "--scenario", "Offline")

USAGE = [
    (("nonsense",), "invalid choice: 'nonsense'"),
    (("runs", "--nonsense"), "unrecognized arguments: --nonsense"),
    (("run",), "required: BENCHMARK, --scenario"),
    (("run", "smoke"), "required: --scenario"),
    (("run", "resnet51", "--scenario", "Offline"), "benchmark: 'resnet51' is not known"),
    (("run", "smoke", "--scenario", "offline"), "allowed: SingleStream, MultiStream, Server"),
    (("run", "smoke", "--scenario", "Interactive"), "'Interactive' is not offered by smoke"),
    ((*SMOKE, "--mode", "fast"), "--mode: 'fast' is not a mode; allowed: performance, accuracy"),
    (
        ("run", "smoke-resnet50", "--scenario", "Offline", "--device", "cpu"),
        "--device: smoke-resnet50 does not run on 'cpu'; allowed: cuda",
    ),
    ((*SMOKE, "--environment", "moon"), "--environment: 'moon' is not known; allowed: bare-metal"),
    ((*SMOKE, "--on", "moon"), "--on: 'moon' is not known; allowed: local"),
    ((*SMOKE, "--installation", "/nowhere"), "--installation: smoke runs on 'embedded' only"),
    ((*SMOKE, "--repeat", "0"), "--repeat: 0 is not between 1 and"),
    ((*SMOKE, "--repeat", "two"), "invalid int value: 'two'"),
    ((*SMOKE, "--set", "min_duration"), "--set: 'min_duration' is not KEY=VALUE"),
    ((*SMOKE, "--set", "=5"), "is not KEY=VALUE"),
    ((*SMOKE, "--set", "min_duratoin=5"), "'min_duratoin' is not a key"),
    ((*SMOKE, "--set", "min_duratoin=5"), "allowed: min_duration"),
    ((*SMOKE, "--set", "min_duration=long"), "min_duration=long is not a number"),
    ((*SMOKE, "--set", "min_query_count=-1"), "is not a whole number"),
    ((*SMOKE, "--set", "execution_mode=quick"), "allowed: test, fast, valid"),
    ((*SMOKE, "--set", "model=resnet50"), "'model' is given by BENCHMARK"),
    ((*SMOKE, "--set", "results_dir=/tmp"), "each run has a fresh one"),
    ((*SMOKE, "--set", "threads=２"), "(not ASCII)"),
    ((*SMOKE, "--set", "env.A=a\nb"), "characters that mlcr refuses"),
    (("gpu", "--watch", "0"), "--watch: 0 is not between"),
    (("gpu", "--watch", "-3"), "--watch: -3 is not between"),
    ((*SMOKE, "--set", "min_duration=1e999"), "min_duration=1e999 is not a number from 0 to"),
    ((*SMOKE, "--set", "min_query_count=99999999999999999999"), "is not a whole number from 0 to"),
    (("gpu", "--watch", "inf"), "--watch: inf is not between"),
    (("gpu", "--watch", "nan"), "--watch: nan is not between"),
    (("results",), "required: PATH"),
    (("results", "--csv", "--json", "x"), "not allowed with argument"),
]

NOT_FOUND = [
    ("show", "latest"),
    ("show", "2026"),
    ("show", ""),
    ("show", "../../etc"),
    ("logs", "latest"),
    ("logs", "-f", "nothing"),
    ("stop", "latest"),
    ("delete", "latest"),
    ("results", "/nowhere"),
    ("results", "no-such-run"),
    ("results", "x" * 5000),
]


def no_traceback(done: subprocess.CompletedProcess[str]) -> None:
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("mlperf-tui: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize(("arguments", "sentence"), USAGE)
def test_wrong_usage_ends_with_2(
    cli: Cli, root: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    done = cli(*arguments)
    assert done.returncode == 2, done.stderr
    no_traceback(done)
    assert sentence in done.stderr
    assert list(RunStore(root)) == []


@pytest.mark.parametrize("arguments", NOT_FOUND)
def test_what_is_not_there_ends_with_4(cli: Cli, arguments: tuple[str, ...]) -> None:
    done = cli(*arguments)
    assert done.returncode == 4, done.stderr
    no_traceback(done)


def test_results_of_a_folder_without_loadgen_output_end_with_4(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing here")
    for path in (tmp_path, tmp_path / "notes.txt"):
        done = cli("results", str(path))
        assert done.returncode == 4
        no_traceback(done)
        assert "no LoadGen output" in done.stderr


def test_an_ambiguous_prefix_lists_the_runs(cli: Cli, store: RunStore) -> None:
    runs = [store.create(spec_of(["true"]), {}) for _ in range(2)]
    done = cli("show", "20")
    assert done.returncode == 4
    assert all(run.id in done.stderr for run in runs)


def test_a_live_run_is_not_deleted(cli: Cli, store: RunStore) -> None:
    run = submit(store, python("import time; time.sleep(1000)"))
    done = cli("delete", "--yes", run.id)
    assert done.returncode == 2
    assert "stop it first" in done.stderr
    assert run.folder.is_dir()
    assert cli("stop", run.id).returncode == 0
    assert cli("delete", run.id).returncode == 2  # stdin is no terminal: never asked, never done
    assert run.folder.is_dir()
    assert cli("delete", "--yes", run.id, run.id).returncode == 0
    assert not run.folder.exists()


def test_stop_of_a_run_that_is_over_says_so(cli: Cli, store: RunStore) -> None:
    run = finished(submit(store, python("pass")))
    done = cli("stop", run.id)
    assert done.returncode == 0
    assert "is over already: failed" in done.stderr


def test_a_missing_mlcr_is_said_before_anything_starts(cli: Cli, root: Path) -> None:
    code = (
        "import sys, sysconfig\n"
        "sysconfig.get_path = lambda name: '/nowhere'\n"
        "from tui.cli import run\n"
        "sys.exit(run(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *SMOKE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    no_traceback(done)
    assert "the command mlcr is missing (/nowhere/mlcr)" in done.stderr
    assert list(RunStore(root)) == []


def test_an_mlcr_that_vanished_fails_the_run_with_its_name(store: RunStore) -> None:
    run = finished(submit(store, ["/nowhere/mlcr", "run-mlperf,inference"]))
    state = run.stored_state
    assert state.state == "failed"
    assert state.cause is not None
    assert state.cause.code == "not-started"
    assert "/nowhere/mlcr: No such file or directory" in state.cause.text


def test_a_failing_script_ends_with_1_and_names_the_cause(cli: Cli) -> None:
    done = cli(*SMOKE, "--set", "const.SMOKE_SCENARIO=Sideways")
    assert done.returncode == 1, done.stdout
    assert "Scenario Sideways is not one of" in done.stdout


def test_a_wrong_variation_of_a_profile_is_refused_and_named(cli: Cli, tmp_path: Path) -> None:
    mine = tmp_path / "profiles/benchmarks"
    mine.mkdir(parents=True)
    shipped = Path(__file__).parents[2] / "profiles/benchmarks/smoke.yaml"
    (mine / "smoke.yaml").write_text(shipped.read_text().replace("style: full", "style: fuul"))
    done = cli(*SMOKE)
    assert done.returncode == 2
    assert "'_fuul' is not a variation of this installation's mlcr; allowed: _full" in done.stderr


PROFILES = [
    ("benchmarks", "name: [", "cannot be read"),
    ("benchmarks", "- a", "is not a list of `key: value` lines"),
    ("benchmarks", "name: other", "name is 'other'; allowed: mine"),
    ("benchmarks", "name: mine", "title is missing"),
    ("environments", "name: mine\nlabel: x\ncolour: red", "colour is not a key; allowed: "),
    ("environments", "name: mine\nlabel: 5", "label is 5, not a text"),
    ("environments", "name: mine\nlabel: x\nbaseline: maybe", "allowed: true, false"),
    ("environments", "name: mine\nlabel: x\nrecognise: {dmi: x}", "recognise.dmi is not a key"),
    (
        "benchmarks",
        "name: mine\ntitle: x\narea: x\ntask: x\ndataset: x\nmlcr: {stile: full}",
        "mlcr.stile is not a key; allowed: model",
    ),
    (
        "benchmarks",
        "name: mine\ntitle: x\narea: x\ntask: x\ndataset: x\nscenarios: {edge: [x]}",
        "scenarios.edge has 'x'; allowed: SingleStream",
    ),
    (
        "benchmarks",
        "name: mine\ntitle: x\narea: x\ntask: x\ndataset: x\nneeds: {disk_bytes: .inf}",
        "needs.disk_bytes is inf, not a number",
    ),
    ("environments", "name: mine\nlabel: 2025-13-45", "cannot be read: month must be in 1..12"),
    ("environments", "name: mine\nlabel: " + "9" * 5000, "cannot be read: Exceeds the limit"),
    ("environments", "name: mine\nlabel: !!int x", "cannot be read: invalid literal for int()"),
    ("environments", "name: mine\nname: mine\nlabel: x", "the key name stands there twice"),
    ("environments", "", "is not a list of `key: value` lines"),
    ("environments", "null", "is not a list of `key: value` lines"),
    ("environments", "name: mine\nlabel: x\nrecognise: {file: /run/x}", "not a list of texts"),
    (
        "rounds",
        "name: mine\nsubmission_deadline: x\nbenchmarks: {nobody: {}}",
        "nobody is not a key",
    ),
    (
        "rounds",
        "name: mine\nsubmission_deadline: x\nseeds: {qsl_rng_seed: x}",
        "not a whole number",
    ),
    (
        "rounds",
        "name: mine\nsubmission_deadline: x\nbenchmarks: {smoke: {units: {Offline: km/h}}}",
        "benchmarks.smoke.units.Offline is 'km/h'; allowed: ms, s, Samples/s",
    ),
    ("targets", "name: mine\nlabel: x\nrunner: rocket", "runner is 'rocket'; allowed: local"),
]


@pytest.mark.parametrize(("kind", "text", "sentence"), PROFILES)
def test_a_wrong_profile_names_file_key_and_what_is_allowed(
    cli: Cli, tmp_path: Path, kind: str, text: str, sentence: str
) -> None:
    path = tmp_path / "profiles" / kind / "mine.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    done = cli("benchmarks")
    assert done.returncode == 2
    assert done.stderr.startswith(f"mlperf-tui: {path}: ")
    assert "Traceback" not in done.stderr
    assert sentence in done.stderr


@pytest.mark.parametrize("made", [True, False])
def test_an_unwritable_data_root_is_a_sentence(tmp_path: Path, made: bool) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    if made:
        (closed / "home").mkdir()
        (closed / "home").chmod(0o555)
    closed.chmod(0o555)
    done = subprocess.run(
        [*unprivileged(), *Cli.argv, *SMOKE],
        env={**os.environ, "MLPERF_TUI_HOME": str(closed / "home"), "HOME": str(tmp_path)},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    closed.chmod(0o755)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "set MLPERF_TUI_HOME to a folder that you may write" in done.stderr


def test_a_damaged_run_is_left_out_of_the_list_by_name(cli: Cli, store: RunStore) -> None:
    good = finished(submit(store, python("pass")))
    bad = store.create(spec_of(["true"]), {})
    (bad.folder / "run.json").write_text("{")
    done = cli("runs", "--json")
    assert done.returncode == 0
    assert good.id in done.stdout
    assert bad.id not in done.stdout
    assert f"left out: {bad.folder}/run.json is missing or damaged" in done.stderr


def test_a_reader_that_has_enough_is_no_error(cli: Cli, store: RunStore) -> None:
    run = finished(submit(store, python("print('x\\n' * 200_000)")))
    command = " ".join([*Cli.argv, "logs", run.id])
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | head -1"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "x\n", "")


def closed(redirection: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = " ".join([*Cli.argv, *arguments])
    return subprocess.run(
        ["bash", "-c", f"{command} {redirection}"], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_traceback(root: Path, redirection: str) -> None:
    for arguments, code in ((("benchmarks",), 0), (("runs",), 0), (("show", "x"), 4)):
        done = closed(redirection, *arguments)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr


def test_a_run_with_all_streams_closed_runs(store: RunStore) -> None:
    done = closed("<&- >&- 2>&-", *SMOKE, "--mode", "accuracy")
    run = store.open("latest")
    assert done.returncode == 0
    assert run.stored_state.state == "finished"
    assert (run.folder / "supervisor.log").read_text() == ""


def test_a_full_output_is_a_sentence(root: Path) -> None:
    done = closed(">/dev/full", "benchmarks")
    assert (done.returncode, done.stderr) == (1, "mlperf-tui: No space left on device\n")
    assert closed("2>/dev/full", "show", "x").returncode == 4


@pytest.mark.parametrize("name", ["runs", "queue", "embedded"])
def test_a_file_where_a_folder_belongs_is_a_sentence(cli: Cli, root: Path, name: str) -> None:
    (root / name).touch()
    done = cli(*SMOKE, "--set", "min_duration=1")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("mlperf-tui: ")  # the doctor may speak first
    if name == "queue":
        assert RunStore(root).open("latest").stored_state.state == "failed"
    else:
        assert RunStore(root).ids() == [] if name == "embedded" else True


def test_a_variable_that_is_not_text_is_handed_on(cli: Cli, store: RunStore) -> None:
    done = subprocess.run(
        [*Cli.argv, *SMOKE, "--mode", "accuracy"],
        env={**os.environb, b"PATH": os.environb[b"PATH"] + b":/x/\xff"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert cli("show", "latest", "--json").returncode == 0


@pytest.mark.parametrize("text", ["{}", '{"state": "dancing"}', '{"state": "failed", "cause": 5}'])
def test_a_run_of_another_version_takes_nothing_down(cli: Cli, store: RunStore, text: str) -> None:
    run = store.create(spec_of(["true"]), {})
    (run.folder / "state.json").write_text(text)
    (run.folder / "run.json").write_text('{"runner": "rocket"}')
    run.events.write_text('{"kind": "phase"}\n{"kind": 5}\n{"kind": "alert"}\n')
    (run.folder / "telemetry.csv").write_text("T1,host,5\n")
    assert cli("runs").returncode == 0
    assert cli("runs", "--json").returncode == 0
    done = cli("show", run.id)
    assert done.returncode == 4
    assert "runner 'rocket', which this version has not" in done.stderr
    assert cli("delete", "--yes", run.id).returncode == 0


def test_a_half_made_run_can_be_deleted(cli: Cli, store: RunStore) -> None:
    run = store.create(spec_of(["true"]), {})
    for name in ("run.json", "state.json"):
        (run.folder / name).unlink()
    assert cli("delete", "--yes", run.id).returncode == 0
    assert store.ids() == []


def test_an_interrupt_while_a_series_is_handed_over_stops_all_of_it(
    cli: Cli, store: RunStore
) -> None:
    process = cli.start(
        *SMOKE,
        "--repeat",
        "6",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_for(lambda: len(store.ids()) >= 2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 130
    states = {run.id: (run.stored_state, sorted(os.listdir(run.folder))) for run in store}
    assert {state.state for state, _ in states.values()} == {"stopped"}, states
