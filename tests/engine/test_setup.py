"""Setup without a network: it adopts what is there, says what cannot be, believes nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import python as sleeper
from tests.conftest import running, submit
from tests.fakes import installation
from tests.fakes.installation import git
from tui.engine import mlcflow, process
from tui.engine.errors import InstallationError, SpecError, StartError, UsageError
from tui.engine.runners.local import LocalRunner
from tui.engine.setup import (
    causes,
    checks,
    network,
    options,
    place,
    python,
    steps,
    told,
    venv,
    work,
)
from tui.engine.setup.place import Place
from tui.engine.setup.problem import Problem
from tui.engine.setup.python import HostPython
from tui.engine.setup.step import Request
from tui.engine.store import RunStore

HOST = HostPython("/usr/bin/python3", (3, 11, 2), True, True, True, ())


@pytest.fixture
def folder(official_folder: Path) -> Path:
    return official_folder


def run(request: Request, **outside: Any) -> list[told.Event]:
    return list(work.run(steps.plan(request), work.Outside(**outside)))


def is_ok(events: list[told.Event]) -> bool:
    return isinstance(events[-1], told.Finished) and events[-1].ok


def done(request: Request) -> None:
    """Do what is left of the clone, as a setup does, and nothing else."""
    step = steps.plan(request).steps[3]
    look = step.look()
    assert look.problem is None
    env = place.clean_environment(step.env_vars)
    for command in step.refresh if look.is_done else look.commands or step.commands:
        said = process.ask(command, env=env)
        assert said.code == 0, said.text
    assert step.look().is_done


def states(events: list[told.Event]) -> dict[str, str]:
    return {one.name: one.state for one in events if isinstance(one, told.StepChanged)}


def problems(events: list[told.Event]) -> list[Problem]:
    found = [one for one in events if isinstance(one, told.StepChanged)]
    return [problem for one in found for problem in one.problems]


def the_problem(events: list[told.Event]) -> Problem:
    (found,) = problems(events)
    assert not is_ok(events)
    return found


def printed(events: list[told.Event]) -> list[str]:
    return [one.text for one in events if isinstance(one, told.Printed)]


# --- a folder that has something ----------------------------------------------------------------


def test_what_is_there_is_taken_and_the_rest_is_made(folder: Path, mirror: Path) -> None:
    (folder / "results").mkdir()
    (folder / "notes.txt").write_text("mine")
    events = run(Request(folder, mirror))
    assert states(events) == {
        "checks": "done",
        "venv": "skipped",
        "mlcflow": "skipped",
        "engines": "skipped",
        "automations": "done",
        "proof": "done",
    }
    notes = [one.text for one in events if isinstance(one, told.Noted)]
    assert any("holds other things (notes.txt)" in one for one in notes)
    assert (folder / "notes.txt").read_text() == "mine"
    found = mlcflow.official(folder)
    assert found.script.is_relative_to(folder / "MLC/repos/mlcommons@mlperf-automations")
    assert f"url.file://{mirror}/inference.git.insteadOf" in found.env_vars.values()
    state = json.loads((folder / ".mlperf-tui-setup.json").read_text())
    assert state["commit"] == git(mirror / "work", "rev-parse", "HEAD")
    assert state["step"] is None
    assert set(state["done"]) == {"automations", "proof"}
    log = (folder / "setup.log").read_text()
    assert "mlc pull repo mlcommons@mlperf-automations --branch=dev" in log
    assert "* mlcr detect,os" in log


def test_a_second_call_does_nothing(folder: Path, mirror: Path) -> None:
    run(Request(folder, mirror))
    before = (folder / ".mlperf-tui-setup.json").read_text()
    events = run(Request(folder))
    assert set(states(events).values()) == {"done", "skipped"}
    assert states(events)["checks"] == "done"
    assert not printed(events)
    assert (folder / ".mlperf-tui-setup.json").read_text() == before


def test_the_proof_is_made_again_where_other_scripts_came(folder: Path, mirror: Path) -> None:
    assert is_ok(run(Request(folder, mirror)))
    newer = installation.add_commit(mirror)
    events = run(Request(folder, force=True))
    assert states(events)["automations"] == "done"
    assert states(events)["proof"] == "done"
    assert git(folder / "MLC/repos/mlcommons@mlperf-automations", "rev-parse", "HEAD") == newer


def test_a_clone_that_mlc_does_not_know_is_registered(folder: Path, mirror: Path) -> None:
    installation.add_clone(folder, mirror)
    (folder / "MLC/repos/repos.json").unlink()
    shutil.rmtree(mirror)  # nothing is fetched for that
    events = run(Request(folder))
    assert is_ok(events)
    assert any(" add repo " in line for line in printed(events))


@pytest.mark.parametrize("left", ["tmp-clone", "no commit", "empty"])
def test_a_clone_that_was_killed_is_made_anew(folder: Path, mirror: Path, left: str) -> None:
    clone = folder / "MLC/repos/mlcommons@mlperf-automations"
    half = clone if left != "tmp-clone" else clone.with_name(f"{clone.name}.tmp-clone")
    half.mkdir(parents=True)
    if left != "empty":
        git(half, "init", "-q")
    clone.with_name(f"{clone.name}.lock").touch()
    assert states(run(Request(folder, mirror)))["automations"] == "done"
    assert (clone / "script").is_dir()
    assert not (half / ".git/index.lock").exists()


def test_a_lock_that_a_killed_git_left_does_not_keep_setup_out(folder: Path, mirror: Path) -> None:
    clone = installation.add_clone(folder, mirror)
    git(clone, "checkout", "-q", "--detach")
    (clone / ".git/index.lock").touch()
    Place(folder).remember(step="automations")  # as a setup that was killed there leaves it
    done(Request(folder))
    assert git(clone, "branch", "--show-current") == "dev"


def test_another_branch_and_a_detached_head_are_changed_by_git(folder: Path, mirror: Path) -> None:
    clone = installation.add_clone(folder, mirror)
    first = git(clone, "rev-parse", "HEAD")
    git(clone, "switch", "-q", "empty")
    done(Request(folder))
    assert git(clone, "branch", "--show-current") == "dev"
    newer = installation.add_commit(mirror)
    done(Request(folder, force=True))
    assert git(clone, "rev-parse", "HEAD") == newer
    done(Request(folder, checkout=first[:12]))
    assert git(clone, "rev-parse", "HEAD") == first
    done(Request(folder))
    assert git(clone, "branch", "--show-current") == "dev"


def test_local_changes_stop_it_and_force_keeps_them(folder: Path, mirror: Path) -> None:
    clone = installation.add_clone(folder, mirror)
    git(clone, "switch", "-q", "empty")
    (clone / "meta.yaml").write_text("mine: true\n")
    said = the_problem(run(Request(folder)))
    assert "has local changes (meta.yaml) that keep it from dev" in said.text
    assert said.command == f"git -C {clone} stash"
    git(clone, "checkout", "-q", "meta.yaml")
    git(clone, "switch", "-q", "dev")
    (clone / "script/detect-os/meta.yaml").open("a").write("# mine\n")
    look = steps.plan(Request(folder)).steps[3].look()
    assert look.is_done  # the right branch: what was changed is nobody's business
    assert "with 1 local change" in look.words
    newer = installation.add_commit(mirror)
    done(Request(folder, force=True))
    assert git(clone, "rev-parse", "HEAD") == newer
    assert "# mine" in (clone / "script/detect-os/meta.yaml").read_text()
    git(clone, "switch", "-q", "-c", "mine")
    done(Request(folder, force=True))
    assert git(clone, "branch", "--show-current") == "dev"
    assert "# mine" in (clone / "script/detect-os/meta.yaml").read_text()


def test_a_pull_that_lied_is_caught(folder: Path, mirror: Path) -> None:
    installation.write_script(folder / "mlc/bin/mlc", "#!/bin/sh\necho pulled\nexit 0\n")
    said = the_problem(run(Request(folder, mirror)))
    assert "ended well, but there is no clone at" in said.text


def test_scripts_without_the_one_of_official_runs_are_refused(folder: Path, mirror: Path) -> None:
    said = the_problem(run(Request(folder, mirror, branch="empty")))
    assert "(empty at " in said.text
    assert "has no script run-mlperf-inference-app" in said.text
    assert "dev has it" in str(said.fix)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 0", "without having run the script"),
        ("echo '* mlcr detect,os'", "found no operating system"),
        ("echo '* mlcr detect,os'; echo '[x ERROR] - no'", "mlcr says: no"),
        ("echo '/bin/sh: 1: ld: not found'; exit 1", "ld is missing"),
        ("kill -9 $$", "ended by SIGKILL; that is what the kernel does"),
    ],
)
def test_a_proof_that_proves_nothing_fails(
    folder: Path, mirror: Path, script: str, words: str
) -> None:
    installation.write_script(folder / "mlc/bin/mlcr", f"#!/bin/sh\n{script}\n")
    assert words in the_problem(run(Request(folder, mirror))).text


def test_what_is_at_the_clones_place_is_left_alone(folder: Path, mirror: Path) -> None:
    clone = folder / "MLC/repos/mlcommons@mlperf-automations"
    (clone / "script").mkdir(parents=True)
    said = the_problem(run(Request(folder, mirror)))
    assert "is no git clone" in said.text
    assert said.command == f"mv {clone} {clone}.old"
    assert (clone / "script").is_dir()


# --- the venv -----------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["no pip", "half of pip", "no python", "empty folders"])
def test_half_of_a_venv_is_made_anew(folder: Path, bare_venv: Path, damage: str) -> None:
    made = folder / "mlc"
    shutil.rmtree(made)
    shutil.copytree(bare_venv, made, symlinks=True)
    (site,) = made.glob("lib/python*/site-packages")
    if damage == "no pip":
        shutil.rmtree(site)
        site.mkdir()
    elif damage == "half of pip":
        shutil.rmtree(site / "pip/_vendor/rich")
    elif damage == "no python":
        (made / "bin/python").unlink()
        (made / "bin/python").symlink_to("/nowhere/python3")
    else:
        shutil.rmtree(made)
        (made / "bin").mkdir(parents=True)
    step = steps.plan(Request(folder)).steps[0]
    look = step.look()
    assert not look.is_done
    (command,) = look.commands or step.commands
    assert command[1:4] == ("-I", "-m", "venv")
    assert ("--clear" in command) == (damage != "empty folders")
    if damage == "half of pip":  # the others would be made the same way
        assert process.ask(command, seconds=60).code == 0
        assert step.look().is_done


def test_a_broken_venv_with_packages_is_not_touched(folder: Path, mirror: Path) -> None:
    (folder / "mlc/bin/python").unlink()
    (folder / "mlc/bin/python").symlink_to("/nowhere/python3")
    said = the_problem(run(Request(folder, mirror)))
    assert "does not work" in said.text
    assert said.command == f"mv {folder}/mlc {folder}/mlc.old"
    assert not (folder / "setup.log").exists()


def test_a_venv_of_a_python_without_wheels_is_refused(folder: Path, mirror: Path) -> None:
    (folder / "mlc/bin/python").unlink()
    installation.write_script(folder / "mlc/bin/python", "#!/bin/sh\necho 3 8 18\n")
    said = the_problem(run(Request(folder, mirror)))
    assert "has Python 3.8.18, and LoadGen has wheels for 3.9 to 3.13" in said.text


def test_without_ensurepip_pip_comes_from_outside(folder: Path) -> None:
    here = Place(folder)
    without = replace(HOST, has_ensurepip=False)
    first, second = venv.make(here, without)
    assert first == ("/usr/bin/python3", "-I", "-m", "venv", "--without-pip", str(here.venv))
    assert second[3:] == ("pip", "--python", str(here.python), "install", "pip")


def test_a_package_of_which_a_part_is_missing_is_installed_again(folder: Path) -> None:
    (site,) = (folder / "mlc").glob("lib/python*/site-packages")
    broken = site / "numpy-1.0.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_text("Name: numpy\nVersion: 1.0\n")
    (broken / "RECORD").write_text("numpy/gone.py,,\n")
    look = steps.plan(Request(folder)).steps[2].look()
    assert not look.is_done
    assert look.commands is not None
    assert look.commands[0][-4:] == ("install", "--ignore-installed", "--no-deps", "numpy")


def test_plain_onnxruntime_is_replaced_where_there_is_a_gpu(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps.platform, "machine", lambda: "x86_64")
    assert steps.plan(Request(folder)).steps[2].look().is_done
    plan = steps.plan(Request(folder, has_gpu=True))
    assert any("measures the CPU without a word" in note for note in plan.notes)
    look = plan.steps[2].look()
    assert look.commands is not None
    remove, install = look.commands
    assert remove[-4:] == ("uninstall", "--yes", "onnxruntime", "onnxruntime-gpu")
    assert "onnxruntime-gpu" in install
    assert "onnxruntime" not in install
    monkeypatch.setattr(steps.platform, "machine", lambda: "aarch64")
    plan = steps.plan(Request(folder, has_gpu=True))
    assert any("no GPU build for aarch64" in note for note in plan.notes)
    assert "onnxruntime" in plan.steps[2].commands[0]


# --- what cannot be -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("with space", "' ' in a path breaks mlcr"),
        ("mlperf-öffentlich", "'ö' in a path breaks mlcr"),
        ("a;b", "';' in a path breaks mlcr"),
        ("x" * 120, "too long"),
    ],
)
def test_a_folder_that_would_break_mlcr_is_refused(name: str, words: str) -> None:
    with pytest.raises(InstallationError) as refused:
        place.at(Path("/somewhere") / name)
    assert words in str(refused.value)


def test_a_folder_that_is_something_else_is_refused(tmp_path: Path) -> None:
    for folder, words in {
        Path(sys.prefix): "the environment that mlperf-tui runs in",
        Path(sys.prefix) / "below": "the environment that mlperf-tui runs in",
        Path("relative"): "by its whole path",
        Path("/"): "by its whole path",
    }.items():
        with pytest.raises(InstallationError, match=words):
            place.at(folder)
    (tmp_path / "file").touch()
    with pytest.raises(InstallationError, match="is there and no folder"):
        place.at(tmp_path / "file")
    (tmp_path / "mlc").mkdir()
    (tmp_path / "mlc/thesis.tex").touch()
    with pytest.raises(InstallationError, match="no venv; what is in it is left alone"):
        place.at(tmp_path)
    shutil.rmtree(tmp_path / "mlc")
    (tmp_path / "mlc").symlink_to(sys.prefix)
    with pytest.raises(InstallationError, match="the environment that mlperf-tui runs in"):
        place.at(tmp_path)


def test_a_mirror_that_is_none_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="with: git clone --bare"):
        steps.plan(Request(tmp_path / "new", mirror=tmp_path))


@pytest.mark.parametrize("words", [["--branch=--upload-pack=x"], ["--checkout", "a b"]])
def test_a_name_that_git_would_take_for_an_option_is_refused(
    words: list[str], tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match="is no name of a branch"):
        steps.plan(options.parse([str(tmp_path / "new"), *words], has_gpu=False))


def test_the_words_of_a_request_ask_for_it(tmp_path: Path) -> None:
    asked = Request(tmp_path, tmp_path / "mirror", "other", "abc", force=True)
    assert options.parse(options.words(asked).split(), has_gpu=False) == asked
    with pytest.raises(UsageError, match="unrecognized arguments: --fast"):
        options.parse(["--fast"], has_gpu=False)


# --- what the machine must have -----------------------------------------------------------------


def test_all_that_is_missing_is_told_at_once_in_one_line() -> None:
    there = {"git", "make", "gcc"}
    bare = replace(
        HOST, has_header=False, has_ensurepip=False, has_pip=False, lacks=("libGL.so.1",)
    )
    lacks = checks.missing(bare, which=lambda tool: tool if tool in there else None)
    said = checks.prerequisites(lacks)
    assert said is not None
    assert "ld, g++, cmake, Python.h, ensurepip, libGL.so.1" in said.text
    assert str(said.command).endswith(
        "apt-get install -y build-essential cmake python3-dev python3-venv libgl1"
    )
    other = replace(bare, command="/usr/bin/python3.12", version=(3, 12, 1))
    assert "python3.12-dev" in checks.missing(other).values()
    assert "ensurepip" not in checks.missing(replace(bare, has_pip=True))
    assert checks.prerequisites({}) is None


def test_a_python_without_wheels_says_which_would_do() -> None:
    said = checks.version(replace(HOST, version=(3, 14, 0)))
    assert said is not None
    assert "is Python 3.14.0, but LoadGen has wheels for 3.9 to 3.13 only" in said.text
    assert "python3.13-venv" in str(said.command)
    assert checks.version(HOST) is None


def test_the_python_of_a_venv_is_not_taken_but_the_one_behind_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{folder}/mlc/bin:{os.environ['PATH']}")
    found = python.host_python()
    assert found is not None
    assert not found.command.startswith(str(folder))


def test_too_little_room_is_said_and_enough_for_short_runs_noted(
    folder: Path, mirror: Path, tmp_path: Path
) -> None:
    events = run(Request(tmp_path / "new", mirror), free_bytes=lambda _: 3 * 10**9)
    assert "3.0 GB are free" in the_problem(events).text
    assert not (tmp_path / "new").exists()
    events = run(Request(folder, mirror), free_bytes=lambda _: 3 * 10**9)  # it is there already
    notes = [one.text for one in events if isinstance(one, told.Noted)]
    assert any("_full ones on ImageNet need 45 GB" in one for one in notes)
    assert is_ok(events)


def test_a_folder_that_may_not_be_written_says_how_to_get_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks.os, "access", lambda *_: False)  # root may write everywhere
    said = checks.writable(Place(tmp_path / "new/official"))
    assert said is not None
    assert f"sudo mkdir -p {tmp_path}/new/official && sudo chown -R" in str(said.command)


# --- offline ------------------------------------------------------------------------------------


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Index and GitHub at a port where nobody listens."""
    for name in list(os.environ):
        if name.startswith(("PIP_", "GIT_CONFIG")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    config = tmp_path / "gitconfig"
    config.write_text('[url "http://127.0.0.1:9/"]\n  insteadOf = https://github.com/\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))


@pytest.fixture
def listener() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_offline_it_fails_at_once_with_sentences(
    folder: Path, tmp_path: Path, offline: None
) -> None:
    began = time.monotonic()
    events = run(Request(tmp_path / "new"))
    assert time.monotonic() - began < 3
    first, second = problems(events)
    assert "127.0.0.1:9 cannot be reached" in first.text
    assert "the packages are not here" in first.text
    assert "127.0.0.1:9 cannot be reached" in second.text
    assert "--from-mirror" in str(second.fix)
    assert not (tmp_path / "new").exists()


def test_a_name_that_cannot_be_resolved_is_said(
    offline: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://nowhere.invalid/simple")
    said = network.no_index(Place(tmp_path))
    assert said is not None
    assert "nowhere.invalid" in said.text


def test_only_what_is_needed_must_be_reachable(folder: Path, mirror: Path, offline: None) -> None:
    assert is_ok(run(Request(folder, mirror)))


def test_where_something_else_could_serve_nobody_concludes_offline(
    offline: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, listener: str
) -> None:
    here = Place(tmp_path)
    assert network.no_index(here) is not None
    for name, value in {
        "HTTP_PROXY": listener,
        "PIP_PROXY": listener,
        "PIP_FIND_LINKS": str(tmp_path),
        "PIP_EXTRA_INDEX_URL": f"{listener}/simple",
        "PIP_INDEX_URL": f"{listener}/simple",
    }.items():
        with monkeypatch.context() as context:
            context.setenv("NO_PROXY", "")
            context.setenv(name, value)
            assert network.no_index(here) is None, name
    with monkeypatch.context() as context:
        context.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
        context.delenv("PIP_INDEX_URL")
        (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {listener}/simple\n")
        assert network.no_index(here) is None
    with monkeypatch.context() as context:
        context.setenv("PIP_NO_INDEX", "1")
        said = network.no_index(here)
        assert said is not None
        assert "no index" in said.text


def test_a_dead_proxy_is_named(
    offline: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:10")
    monkeypatch.setenv("PIP_INDEX_URL", "https://pypi.org/simple")
    said = network.no_index(Place(tmp_path))
    assert said is not None
    assert "127.0.0.1:10 cannot be reached" in said.text


def test_a_mirror_that_git_does_not_take_is_said_before(folder: Path, mirror: Path) -> None:
    (mirror / "mlperf-automations.git/HEAD").write_text("nonsense\n")
    assert "mlperf-automations.git" in the_problem(run(Request(folder, mirror))).text


# --- one at a time, and ended -------------------------------------------------------------------


def test_two_setups_do_not_work_in_one_folder(folder: Path, mirror: Path) -> None:
    Place(folder).log.touch()
    lock = process.try_lock(Place(folder).log)
    assert lock is not None
    with pytest.raises(StartError, match="another setup works in"):
        run(Request(folder, mirror))
    os.close(lock)
    assert is_ok(run(Request(folder, mirror)))


def test_while_a_setup_works_no_run_begins_and_while_a_run_goes_on_no_setup(
    folder: Path, mirror: Path, store: RunStore
) -> None:
    installation.add_clone(folder, mirror)
    Place(folder).log.touch()
    lock = process.try_lock(Place(folder).log)
    assert lock is not None
    with pytest.raises(InstallationError, match="a setup works in"):
        mlcflow.locate(str(folder), store.root)
    os.close(lock)
    assert mlcflow.locate(str(folder), store.root).name == str(folder)
    going_on = running(
        submit(store, sleeper("import time; time.sleep(60)"), installation=str(folder))
    )
    said = the_problem(run(Request(folder), data_root=store.root))
    assert f"the run {going_on.id} uses this installation now" in said.text
    LocalRunner().stop(going_on, 30)
    assert is_ok(run(Request(folder), data_root=store.root))


def test_it_stops_when_it_is_told_to_and_leaves_nothing(folder: Path, mirror: Path) -> None:
    installation.write_script(
        folder / "mlc/bin/mlc", "#!/bin/sh\ntrap '' INT\nsleep 60 & echo begun\nwait\n"
    )
    stop = [False]
    events = []
    for event in work.run(
        steps.plan(Request(folder, mirror)), work.Outside(is_stopped=lambda: stop[0])
    ):
        events.append(event)
        stop[0] = (isinstance(event, told.Printed) and event.text == "begun") or stop[0]
    assert states(events)["automations"] == "stopped"
    assert isinstance(events[-1], told.Finished)
    assert events[-1].stopped
    assert not process.run_processes(Place(folder).mark, None)
    assert process.try_lock(Place(folder).log) is not None


def test_what_a_killed_setup_left_behind_is_ended_first(folder: Path, mirror: Path) -> None:
    left = process.Child(
        [sys.executable, "-c", "import time; time.sleep(60)"],
        env=dict(os.environ),
        cwd=folder,
        mark=Place(folder).mark,
    )
    Place(folder).log.touch()
    assert is_ok(run(Request(folder, mirror)))
    assert left.wait() in (-signal.SIGINT, -signal.SIGTERM)  # INT, where that is not ignored
    left.close()
    assert "ended 1 processes that an earlier setup left behind" in Place(folder).log.read_text()


# --- why a command failed -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words", "command"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full", None),
        ("fatal: unable to access 'x': Could not resolve host: github.com", "no DNS", None),
        ("ssl.SSLError: CERTIFICATE_VERIFY_FAILED", "certificate is not trusted", None),
        (
            "ERROR: No matching distribution found for mlcommons-loadgen",
            "has no mlcommons-loadgen for this Python",
            None,
        ),
        ("fatal: Remote branch nope not found in upstream origin", "no branch nope", None),
        (
            "fatal: detected dubious ownership in repository at '/m/a.git'",
            "/m/a.git belongs to another user",
            "git config --global --add safe.directory /m/a.git",
        ),
        ("ERROR: something new", "pip install ended with code 1: ERROR: something new", None),
        ("last words", "pip install ended with code 1: last words", None),
    ],
)
def test_a_failure_is_explained(line: str, words: str, command: str | None) -> None:
    said = causes.explain(["Collecting x", line], 1, "pip install")
    assert words in said.text
    assert said.command == command


def test_the_log_is_appended_and_shell_lines_can_be_pasted(folder: Path, mirror: Path) -> None:
    plan = steps.plan(Request(folder, mirror))
    line = told.shell_line(plan.steps[-1].commands[0], plan.steps[-1].env_vars)
    assert f"PATH={folder}/mlc/bin:$PATH" in line
    assert f"MLC_REPOS={folder}/MLC/repos" in line
    run(Request(folder, mirror))
    first = Place(folder).log.read_text()
    run(Request(folder))
    assert Place(folder).log.read_text().startswith(first)
