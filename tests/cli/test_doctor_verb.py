"""`doctor`: text that fits 80 columns, JSON as the contract has it, exit codes."""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
import sys
from pathlib import Path

from tests.conftest import Cli
from tui.engine.doctor import CHECKS

KEYS = {"id", "title", "status", "found", "why", "fix"}
NOTHING = {"CUDA_HOME": "", "CUDA_PATH": ""}


def test_json_is_the_contracts(cli: Cli) -> None:
    done = cli("doctor", "--json", env=NOTHING)
    found = json.loads(done.stdout)
    assert {one["id"] for one in found} == {one.id for one in CHECKS}
    for one in found:
        assert one.keys() == KEYS
        assert one["status"] in ("ok", "warning", "fail", "unknown")
        assert all(isinstance(one[name], str) and one[name] for name in KEYS - {"fix"})
        assert one["fix"] is None or one["fix"].keys() == {"text", "command"}
    order = [one["status"] for one in found if one["status"] in ("fail", "warning")]
    assert order == sorted(order)  # fail before warning
    assert done.returncode == ("fail" in order)


def test_a_failed_check_gives_1_and_is_the_first_line(cli: Cli) -> None:
    done = cli("doctor", env={"CUDA_HOME": "/nonexistent/cuda"})
    assert done.returncode == 1
    first, second, *_ = done.stdout.splitlines()
    assert "failed" in first
    assert second.startswith("CUDA toolkit")
    assert "$ export CUDA_HOME=/usr/local/cuda" in done.stdout


def test_warnings_alone_give_0(cli: Cli) -> None:
    """No installation and no GPU: the embedded benchmark works."""
    done = cli("doctor", env={**NOTHING, "LANG": "C", "LC_ALL": "C"})
    assert done.returncode == 0, done.stdout
    assert "! C: not UTF-8" in done.stdout
    assert done.stdout.isascii()


def test_it_examines_the_installation_that_runs_would_take(cli: Cli, tmp_path: Path) -> None:
    done = cli("doctor", env={**NOTHING, "MLPERF_TUI_INSTALLATION": str(tmp_path)})
    assert done.returncode == 1
    assert f"no mlcr at {tmp_path}/mlc/bin/mlcr" in done.stdout
    assert f"$ mlperf-tui setup {shlex.quote(str(tmp_path))}" in done.stdout


def test_json_needs_no_terminal_library(root: Path) -> None:
    """Nor is anything imported whose version is told."""
    code = (
        "import sys\n"
        "from tui.cli import run\n"
        "run(['doctor', '--json'])\n"
        "print(*sorted({m.split('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    loaded = set(done.stderr.split())
    assert "tui" in loaded
    assert not loaded & {"textual", "rich", "numpy", "mlc", "cupy", "onnxruntime"}


def test_the_network_is_asked_only_when_it_is_wanted(cli: Cli) -> None:
    assert "network" not in {one["id"] for one in json.loads(cli("doctor", "--json").stdout)}
    env = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
    found = json.loads(cli("doctor", "--network", "--json", env=env).stdout)
    (network,) = (one for one in found if one["id"] == "network")
    assert network["status"] == "warning"
    assert "127.0.0.1:9 (Connection refused)" in network["found"]


def test_on_a_terminal_the_text_has_80_columns(root: Path) -> None:
    ours, theirs = pty.openpty()
    env = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "LANG": "C.UTF-8", "TERM": "xterm"}
    env.pop("LC_ALL", None)
    argv = [sys.executable, "-m", "tui", "doctor"]
    with subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, env=env):
        os.close(theirs)
        text = b""
        try:
            while part := os.read(ours, 65536):
                text += part
        except OSError:
            os.close(ours)  # the other end is closed
    lines = text.decode().replace("\r\n", "\n").splitlines()
    assert len(lines) > len(CHECKS) / 2
    long = [one.split() for one in lines if len(one) > 80]
    # commands and paths stay whole, so that they can be copied
    assert [words for words in long if words[0] != "$" and len(words) > 1] == []
