"""An examination: all at once, each in its time, none takes another down; before a run; fixes."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.conftest import spec_of, wait_for
from tests.fakes.machine import AT, HEALTHY, SOMEBODY, Machine, card
from tui.engine import doctor, mlcflow, process
from tui.engine.doctor import CHECKS, Check
from tui.engine.doctor.check import Finding, by_hand, check, ok, ours
from tui.engine.doctor.examination import run_checks
from tui.engine.doctor.here import Here
from tui.engine.process import output_of
from tui.engine.telemetry.gpus import GpuSnapshot
from tui.engine.telemetry.reading import Reading


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@check("fine", "a fine one", "It is fast.")
def fine(here: Here) -> Finding:
    return ok("fine")


@check("broken", "a broken one", "It has a bug.")
def broken(here: Here) -> Finding:
    raise KeyError("MemTotal")


NEVER = threading.Event()


@check("hangs", "one that hangs", "It waits for ever.", limit_s=0.3)
def hangs(here: Here) -> Finding:
    NEVER.wait()
    return ok("at last")


def test_one_that_hangs_is_unknown_and_holds_nobody_up(machine: Machine) -> None:
    begun, seen = time.monotonic(), {}
    for one in run_checks([hangs, fine, broken], machine.outside()):
        seen[one.id] = (time.monotonic() - begun, one)
    assert list(seen)[-1] == "hangs"
    assert seen["fine"][0] < 0.25
    assert 0.3 <= seen["hangs"][0] < 1.0
    assert seen["hangs"][1].status == "unknown"
    assert seen["hangs"][1].found == "no answer within 0.3 s"


def test_a_bug_in_one_check_is_told_as_unknown(machine: Machine) -> None:
    (found,) = run_checks([broken], machine.outside())
    assert found.status == "unknown"
    assert found.found == "the check itself failed: KeyError: 'MemTotal'"


def test_one_that_hangs_does_not_hold_up_the_end_of_the_program() -> None:
    code = (
        "import time\n"
        "from pathlib import Path\n"
        "from tui.engine.doctor.check import check\n"
        "from tui.engine.doctor.examination import run_checks\n"
        "from tui.engine.doctor.here import Outside\n"
        "@check('x', 'x', 'x.', limit_s=0.2)\n"
        "def x(here): time.sleep(600)\n"
        "print([one.status.value for one in run_checks([x], Outside(Path('/tmp'), None))])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.stdout == "['unknown']\n"
    assert done.returncode == 0


def test_a_driver_that_hangs_leaves_the_machine_known(machine: Machine) -> None:
    release = threading.Event()

    class Hanging:
        def sample(self, *, counters: bool = True) -> GpuSnapshot:
            release.wait()
            return GpuSnapshot(None, None, ())

        def close(self) -> None:
            """Never."""

    try:
        found = {one.id: one for one in doctor.examine(machine.outside(nvml=Hanging))}
    finally:
        release.set()
    assert found["machine"].status == "ok"
    assert found["driver"].status == "unknown"
    assert found["driver"].found == "the NVIDIA driver gives no answer"
    assert found["driver"].fix is not None
    assert found["gpu-busy"].found == "the NVIDIA driver gives no answer"
    assert found["gpu-busy"].applies


def test_this_machine_is_examined_in_three_seconds(root: Path) -> None:
    begun = time.monotonic()
    found = list(doctor.examine(doctor.outside(root, ())))
    assert time.monotonic() - begun < 3.0
    assert {one.id for one in found} == {one.id for one in CHECKS}
    assert [one for one in found if "the check itself failed" in one.found] == []


def test_the_real_bindings_are_asked(
    root: Path, stub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through pynvml to the stub library, in a process that has it in its path."""
    told = tmp_path / "gpus"
    told.write_text(
        "ngpu 1\ndriver 580.159.04\ncuda 13000\n0.name NVIDIA H100 80GB HBM3\n0.virt 1\n"
        f"0.mem_total 85000000000\n0.mem_used 9000000000\n0.pids {os.getpid()}\n"
        "0.ecc 1\n0.ecc_pending 0\n0.persistence 0\n0.compute_mode 3\n0.rows_failed 1\n"
        "0.remapped 1\n0.pcie_width 8\n0.pcie_width_max 16\n0.reasons 8\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "tui", "doctor"],
        env={**os.environ, "LD_LIBRARY_PATH": str(stub), "NVML_STUB": str(told)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr
    for words in (
        "580.159.04: NVIDIA H100 80GB HBM3",
        f"GPU 0: pid {os.getpid()} of ",
        "GPU 0 will change at the next restart",
        "compute mode exclusive-process",
        "a memory row could not be replaced",
        "hardware slowdown; GPU 0: 8 of 16 PCIe lanes",
        "sudo nvidia-smi -pm 1",
        "GPU passed through",
    ):
        assert words in done.stdout, words


# --- before a run -----------------------------------------------------------------------------


def before(machine: Machine, device: str, *, embedded: bool = False) -> list[Check]:
    found = machine.official().installation
    if embedded:
        found = mlcflow.embedded(machine.runs)
    assert found is not None
    spec = spec_of(["mlcr"], device=device, installation=found.name)
    begun = time.monotonic()
    problems = doctor.before_run(spec, found, machine.outside())
    assert time.monotonic() - begun < 0.9
    return problems


def test_before_a_run_where_all_is_well_there_is_nothing_to_say(machine: Machine) -> None:
    machine.install()
    assert before(machine, "cuda") == []


def test_before_a_run_only_what_concerns_it_is_said(machine: Machine) -> None:
    machine.install()
    machine.tools.remove("cmake")
    machine.cards = [(card(0, processes=(SOMEBODY,)), HEALTHY)]
    machine.remember_python(machine.root / "usr/bin/python3.9", "3.9.1")
    machine.write("proc/pressure/cpu", "some avg10=31.00 avg60=1 avg300=1 total=1")
    ids = {
        "official, cuda": [one.id for one in before(machine, "cuda")],
        "official, cpu": [one.id for one in before(machine, "cpu")],
        "embedded, cuda": [one.id for one in before(machine, "cuda", embedded=True)],
        "embedded, cpu": [one.id for one in before(machine, "cpu", embedded=True)],
    }
    assert ids == {
        "official, cuda": ["cached-python", "prerequisites", "load", "gpu-busy"],
        "official, cpu": ["cached-python", "prerequisites", "load"],
        "embedded, cuda": ["load", "gpu-busy"],
        "embedded, cpu": ["load"],
    }


def test_a_run_on_cuda_without_a_gpu_is_warned_of(machine: Machine) -> None:
    machine.install()
    machine.cards = None
    (found,) = before(machine, "cuda")
    assert (found.id, found.status.value) == ("driver", "fail")
    assert before(machine, "cpu") == []


def test_before_a_run_nothing_is_waited_for(machine: Machine) -> None:
    """A driver that hangs costs 0.7 s, and is no reason not to start."""
    machine.install()
    release = threading.Event()
    machine.about["nvml"] = lambda: release.wait() and None
    try:
        assert before(machine, "cuda") == []
    finally:
        release.set()


# --- fixes ------------------------------------------------------------------------------------


def test_a_safe_fix_runs_in_the_installations_own_environment(machine: Machine) -> None:
    folder = machine.install()
    machine.remember_python(machine.root / "usr/bin/python3.9", "3.9.1")
    mlc = folder / "mlc/bin/mlc"
    mlc.write_text('#!/bin/sh\necho "$MLC_REPOS $VIRTUAL_ENV $@" > "$MLC_REPOS/said"\ncat\n')
    (found,) = (one for one in doctor.examine(machine.outside()) if one.id == "cached-python")
    assert found.fix is not None
    assert found.fix.is_safe
    assert found.fix.command == (
        f"MLC_REPOS=/{AT}/MLC/repos /{AT}/mlc/bin/mlc rm cache --tags=get,python3 -f"
    )
    assert doctor.repair(found.fix) == ""
    said = (folder / "MLC/repos/said").read_text()
    assert said == f"{folder}/MLC/repos {folder}/mlc rm cache --tags=get,python3 -f\n"


def test_a_left_over_audit_config_is_deleted(machine: Machine) -> None:
    machine.install()
    place = machine.cache("get-mlperf-inference-src_1", "inference/vision/x/audit.config")
    (found,) = (one for one in doctor.examine(machine.outside()) if one.id == "audit-config")
    assert found.fix is not None
    assert doctor.repair(found.fix) == ""
    assert not place.exists()
    assert doctor.repair(found.fix).startswith("it ended with 1: rm: cannot remove")


def test_nothing_with_sudo_and_nothing_outside_is_ever_run() -> None:
    fix = by_hand("Install it.", "sudo apt-get install -y cmake")
    assert not fix.is_safe
    assert doctor.repair(fix) == "it needs root's rights, and mlperf-tui never takes them by itself"
    gone = ours("x", "mlc rm", ("/nonexistent/mlc", "rm"), {})
    assert doctor.repair(gone) == "/nonexistent/mlc: No such file or directory"


# --- a command that is asked ------------------------------------------------------------------


def test_a_command_that_ends_tells_its_output_and_status() -> None:
    found = output_of(["sh", "-c", "echo out; echo err >&2; cat; exit 3"], 10)
    assert (found.code, found.text, found.last_line) == (3, "out\nerr\n", "err")
    assert output_of(["sh", "-c", "echo $X"], 10, {"X": "y"}).text == "y\n"


def test_a_command_that_hangs_is_killed_with_all_it_started(tmp_path: Path) -> None:
    begun, mark = time.monotonic(), f"sleep 4{os.getpid()}"
    found = output_of(["sh", "-c", f"echo begun; {mark} & {mark}"], 0.3)
    assert time.monotonic() - begun < 2
    assert (found.code, found.text) == (None, "begun\n")
    wait_for(lambda: not any(mark in _command(one.pid) for one in process.all_processes()))


def test_a_command_that_leaves_its_pipe_to_another_is_over_in_time() -> None:
    """A daemon that keeps stdout open must not be waited for."""
    begun = time.monotonic()
    found = output_of(["sh", "-c", "echo done; sleep 300 &"], 1.0)
    assert time.monotonic() - begun < 3
    assert found.text == "done\n"


def test_of_endless_output_the_beginning_is_kept() -> None:
    found = output_of(["sh", "-c", "yes"], 0.5)
    assert found.code is None
    assert len(found.text) == process.MOST_OUTPUT


def test_a_file_that_cannot_be_run_is_an_error(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/nonexistent/python\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(FileNotFoundError):
        output_of([str(script)], 1)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def test_readings_that_nobody_tells_are_no_problem(machine: Machine) -> None:
    """A vGPU tells little: that is unknown, or no fault, and never a crash."""
    silent = card(0, uuid=None, pci_bus_id=None, processes=None)
    silent = type(silent)(**{**{f: getattr(silent, f) for f in silent.__dataclass_fields__},
                             "reading": Reading("gpu0")})  # fmt: skip
    machine.cards = [(silent, type(HEALTHY)())]
    found = [one for one in doctor.examine(machine.outside()) if one.id.startswith(("gpu", "ecc"))]
    assert {one.status.value for one in found} <= {"ok", "unknown"}
