"""What all tests share: a data root of their own, the command line as a real process, runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import nvml
from tui.engine import mlcflow, process
from tui.engine.runners.local import LocalRunner
from tui.engine.spec import RunSpec
from tui.engine.store import Run, RunStore

DATA = Path(__file__).parent / "data"
FAKES = Path(__file__).parent / "fakes"
IN_CI = os.environ.get("CI") == "true"
PATIENCE_S = 60.0


def need(tool: str) -> str:
    """The path of a tool; without it the test is skipped, in CI it fails."""
    found = shutil.which(tool)
    if found is None:
        missing(f"{tool} is not installed")
    return str(found)


def missing(reason: str) -> None:
    """Skip for that reason; in CI it is a failure."""
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a libnvidia-ml.so.1 without a GPU behind it."""
    need("gcc")
    return nvml.build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture(scope="session")
def bare_venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A venv with pip and nothing else."""
    from tests.fakes import installation
    from tui.engine.setup import python as interpreters

    host = interpreters.host_python()
    if host is None or not host.has_ensurepip:
        missing("Python has no ensurepip (python3-venv)")
    return installation.make_venv(tmp_path_factory.mktemp("venv") / "mlc")


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """Clones of a small mlperf-automations and of inference, for `setup --from-mirror`."""
    from tests.fakes import installation

    return installation.make_mirror(tmp_path / "mirror")


@pytest.fixture
def official_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path, bare_venv: Path
) -> Path:
    """A folder whose venv has all that a setup installs, on a machine that lacks nothing."""
    from tests.fakes import installation
    from tui.engine.setup import checks, packages

    monkeypatch.setattr(packages, "ENGINES", installation.ENGINES)
    monkeypatch.setattr(checks, "missing", lambda _: {})
    folder = tmp_path / "official"
    folder.mkdir()
    installation.furnish(bare_venv, folder / "mlc")
    return folder


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The recordings that are too big for the repository."""
    named = os.environ.get("MLPERF_TUI_CORPUS")
    if not named or not Path(named).is_dir():
        pytest.skip("MLPERF_TUI_CORPUS names no folder: the small copies in tests/data are tested")
    return Path(named)


def wait_for(claim: Callable[[], Any], seconds: float = PATIENCE_S) -> Any:
    """What `claim` gives as soon as that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = claim()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {claim}")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data root of this test's own; whatever still runs in it afterwards is ended."""
    folder = tmp_path / "home"
    monkeypatch.setenv("MLPERF_TUI_HOME", str(folder))
    monkeypatch.setenv("MLPERF_TUI_PROFILES", str(tmp_path / "profiles"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("MLPERF_TUI_INSTALLATION", raising=False)
    folder.mkdir()
    yield folder
    end_all(RunStore(folder))


def end_all(store: RunStore) -> None:
    """Kill whatever still runs."""
    for run in store if store.runs.is_dir() else ():
        if run.supervisor is not None and run.is_watched():
            os.kill(run.supervisor.pid, 9)
        for one in process.run_processes(run.id, run.identity("keeper")):
            os.kill(one.pid, 9)


@pytest.fixture
def store(root: Path) -> RunStore:
    """The run store of this test."""
    return RunStore(root)


def unprivileged() -> list[str]:
    """A prefix that takes root's right to write everywhere away; [] for who has none."""
    if os.geteuid():
        return []
    nobody = [need("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"]
    probe = [*nobody, sys.executable, "-c", "import tui.cli"]
    if subprocess.run(probe, cwd="/", capture_output=True).returncode == 0:
        return nobody
    # Python or the checkout lie where nobody else may read: stay root, without root's rights.
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]


class Cli:
    """The command line, as a process of its own."""

    argv = (sys.executable, "-m", "tui")

    def __call__(
        self, *arguments: str, env: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            [*self.argv, *arguments],
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
            **options,
        )

    def json(self, *arguments: str) -> Any:
        """What it prints with --json, which must be all it prints."""
        done = self(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start it and go on."""
        return subprocess.Popen(
            [*self.argv, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )


@pytest.fixture
def cli(root: Path) -> Cli:
    """The command line on this test's data root."""
    return Cli()


def embedded_mlcr(root: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The real mlcr on our own repository, its results below `folder`; all it prints as stdout."""
    installation = mlcflow.embedded(root)
    mlcflow.register(installation)
    return subprocess.run(
        [str(installation.mlcr), *arguments, "--quiet", f"--results_dir={folder}/results"],
        cwd=folder,
        env={**os.environ, **installation.env_vars},
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


def spec_of(argv: Sequence[str], **fields: Any) -> RunSpec:
    """A run of any command, as `plan` would make it."""
    values: dict[str, Any] = {
        "benchmark": "smoke",
        "scenario": "Offline",
        "mode": "performance",
        "device": "cpu",
        "installation": "embedded",
        "environment": "bare-metal",
        "target": "local",
        "runner": "local",
        "cwd": "{run}/work",
        "env_vars": {},
        "disk_bytes": 0,
    }
    return RunSpec(argv=tuple(argv), **{**values, **fields})


def submit(store: RunStore, argv: Sequence[str], **fields: Any) -> Run:
    """Start any command as a run."""
    run = store.create(spec_of(argv, **fields), {})
    LocalRunner().submit(run)
    return run


def python(code: str) -> list[str]:
    """The argv of a Python program."""
    return [sys.executable, "-c", code]


def finished(run: Run, seconds: float = PATIENCE_S) -> Run:
    """The run, once its state is final."""
    wait_for(lambda: run.stored_state.is_final, seconds)
    return run


def running(run: Run) -> Run:
    """The run, once its command runs and the state says so."""
    wait_for(lambda: run.stored_state.state == "running" and run.identity("command"))
    return run


def nothing_left(run: Run) -> bool:
    """No process of the run lives."""
    return not process.run_processes(run.id, run.identity("keeper"))


def replace_supervisor(run: Run) -> None:
    """What every viewer does: start a supervisor where one is missing."""
    LocalRunner().attend(run)
