"""What each step runs, and by what it is seen that it is done."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tui.engine import home, mirror
from tui.engine.errors import SpecError, UsageError
from tui.engine.setup import automations, place
from tui.engine.setup.look import Command, Look
from tui.engine.setup.options import BRANCH
from tui.engine.setup.place import Place
from tui.engine.setup.problem import Problem
from tui.engine.setup.python import (
    NEWEST,
    OLDEST,
    HostPython,
    host_python,
    packages,
    venv_python,
)

ENGINES = {
    "mlcommons-loadgen": "mlperf_loadgen",
    "onnxruntime": "onnxruntime",
    "onnx": "onnx",
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "numpy": "numpy",
}
"""Distribution -> module."""
ON_GPU = "onnxruntime-gpu"
BARE = {"bin", "include", "lib", "lib64", "share", "pyvenv.cfg", ".gitignore"}
PIP_VARIABLES = {"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
TITLES = {
    "venv": "a Python environment of its own",
    "mlcflow": "MLCFlow, the automation of MLCommons",
    "engines": "LoadGen, ONNX Runtime and what they need",
    "automations": "MLPerf's automation scripts",
    "proof": "mlcr runs a first script",
}
"""The steps, in their order."""
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+-]*")
PROOF = "detect-os_*/mlc-cached-state.json"


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    folder: Path
    mirror: Path | None = None
    """A folder with clones of mlperf-automations and inference, in place of GitHub."""
    branch: str = BRANCH
    checkout: str | None = None
    """A commit or tag of the automations, in place of the branch's newest."""
    force: bool = False
    """Pull the automations where they are there already; put local changes aside meanwhile."""
    has_gpu: bool = False
    """The machine has an NVIDIA driver."""


@dataclass(frozen=True)
class Step:
    """One step: what it would run on an empty folder, and how to see what is left of it to do."""

    name: str
    title: str
    commands: tuple[Command, ...]
    env_vars: Mapping[str, str]
    """What we set in its commands' environment."""
    look: Callable[[], Look]
    """What is there? Asked before, and again after."""
    needs: str = ""
    """What its commands fetch from: index, git; "": nothing."""
    refresh: tuple[Command, ...] = ()
    """What is run although it is done, because the user asked for that."""
    confirm: Callable[[Sequence[str]], Problem | None] = field(default=lambda _: None)
    """Does what the commands printed show that they did their work?"""


@dataclass(frozen=True)
class Plan:
    """All that is known before anything is started."""

    request: Request
    place: Place
    python: HostPython | None
    steps: tuple[Step, ...]
    notes: tuple[str, ...]


def plan(request: Request) -> Plan:
    """What a setup would do; writes nothing, and starts nothing but Python to ask its version.

    Raises:
        InstallationError: the folder cannot be an installation.
        UsageError: the mirror is none, or a branch's name cannot be one.
    """
    here = place.at(request.folder)
    for option, value in (("--branch", request.branch), ("--checkout", request.checkout)):
        if value is not None and not NAME.fullmatch(value):
            raise SpecError(option, f"{value!r} is no name of a branch, tag or commit")
    if request.mirror is not None:
        _require_mirror(request.mirror)
    python = host_python()
    steps = (
        _venv(here, python),
        _mlcflow(here),
        _engines(here, with_gpu=_with_gpu(request)),
        _automations(here, request),
        _proof(here, request),
    )
    return Plan(request, here, python, steps, tuple(_notes(here, request)))


def _require_mirror(folder: Path) -> None:
    if mirror.repository(folder, mirror.AUTOMATIONS) is None:
        raise UsageError(
            f"--from-mirror: {folder} holds no clone of {mirror.AUTOMATIONS}; make it, where there "
            f"is a network, with: git clone --bare {mirror.URL.format(mirror.AUTOMATIONS)}.git "
            f"{folder}/{mirror.AUTOMATIONS}.git"
        )


def _with_gpu(request: Request) -> bool:
    """The index has a GPU build for this CPU alone."""
    return request.has_gpu and platform.machine() == "x86_64"


def _notes(here: Place, request: Request) -> list[str]:
    found = []
    if others := place.others(here):
        named = ", ".join(others[:3]) + (" and more" if len(others) > 3 else "")
        found.append(f"{here.folder} holds other things ({named}): they stay as they are")
    if _with_gpu(request):
        found.append(
            "this machine has an NVIDIA driver: onnxruntime-gpu is installed, because plain "
            "onnxruntime takes --device=cuda and measures the CPU without a word"
        )
    elif request.has_gpu:
        found.append(
            f"onnxruntime has no GPU build for {platform.machine()} in the package index: what it "
            "runs with --device=cuda is measured on the CPU"
        )
    source = request.mirror or mirror.remembered(here.folder)
    if source is not None and mirror.repository(source, mirror.INFERENCE) is None:
        found.append(
            f"{source} holds no clone of {mirror.INFERENCE}: the first run clones it from GitHub"
        )
    return found


# --- the steps ----------------------------------------------------------------------------------


def _venv(here: Place, python: HostPython | None) -> Step:
    return Step(
        "venv",
        TITLES["venv"],
        _make_venv(here, python),
        PIP_VARIABLES,
        partial(_look_at_venv, here, python),
        needs="" if python is None or python.has_ensurepip else "index",
    )


def _make_venv(here: Place, python: HostPython | None, *options: str) -> tuple[Command, ...]:
    command = python.command if python is not None else "python3"
    if python is None or python.has_ensurepip:
        return ((command, "-I", "-m", "venv", *options, str(here.venv)),)
    return (
        (command, "-I", "-m", "venv", "--without-pip", *options, str(here.venv)),
        (command, "-I", "-m", "pip", "--python", str(here.python), "install", "pip"),
    )


def _look_at_venv(here: Place, python: HostPython | None) -> Look:
    if not (here.venv / "pyvenv.cfg").is_file():
        return Look()
    is_bare = not here.packages() and {one.name for one in here.venv.iterdir()} <= BARE
    again = Look(commands=_make_venv(here, python, "--clear"))
    version, words = venv_python(here.python)
    if version is None:
        # Half of a venv, and nothing in it that one could miss: it is made anew.
        return again if is_bare else Look(problem=_broken(here, f"does not work: {words}"))
    if not OLDEST <= version <= NEWEST:
        oldest, newest = (".".join(map(str, one)) for one in (OLDEST, NEWEST))
        why = f"has Python {words}, and LoadGen has wheels for {oldest} to {newest}"
        return Look(problem=_broken(here, why))
    if packages(here.python, {"pip": "pip"})["pip"][1] is not None:
        own = (str(here.python), "-I", "-m", "ensurepip", "--default-pip")
        return again if is_bare else Look(commands=(own,))
    return Look(is_done=True, words=f"Python {words}")


def _broken(here: Place, why: str) -> Problem:
    return Problem(
        f"the venv {here.venv} {why}",
        "move it away, and run setup again",
        f"mv {here.venv} {here.venv}.old",
    )


def _pip(here: Place, *words: str) -> Command:
    return (str(here.python), "-I", "-m", "pip", *words)


def _mlcflow(here: Place) -> Step:
    return Step(
        "mlcflow",
        TITLES["mlcflow"],
        (_pip(here, "install", "mlcflow"),),
        PIP_VARIABLES,
        partial(_look_at_mlcflow, here),
        needs="index",
    )


def _look_at_mlcflow(here: Place) -> Look:
    if not here.python.exists():
        return Look()
    version, why = packages(here.python, {"mlcflow": ""})["mlcflow"]
    scripts = [here.venv / "bin" / name for name in ("mlc", "mlcr")]
    if version is not None and all(os.access(one, os.X_OK) for one in scripts):
        return Look(is_done=True, words=version)
    if why == "missing":
        return Look(words="no mlcflow in the venv")
    again = _pip(here, "install", "--ignore-installed", "mlcflow")
    return Look(words=f"mlcflow: {why or 'its commands are missing'}", commands=(again,))


def _engines(here: Place, *, with_gpu: bool) -> Step:
    wanted = {ON_GPU if with_gpu and name == "onnxruntime" else name: module
              for name, module in ENGINES.items()}  # fmt: skip
    return Step(
        "engines",
        TITLES["engines"],
        (_pip(here, "install", *wanted),),
        PIP_VARIABLES,
        partial(_look_at_engines, here, wanted),
        needs="index",
    )


def _look_at_engines(here: Place, wanted: Mapping[str, str]) -> Look:
    if not here.python.exists():
        return Look()
    found = packages(here.python, {**ENGINES, **wanted, ON_GPU: "onnxruntime"})
    has_gpu_build = found[ON_GPU][1] is None
    lacks = {name: why for name in wanted if (why := found[name][1]) is not None}
    if has_gpu_build:
        lacks.pop("onnxruntime", None)  # it is the same module, and more of it
    install = _pip(here, "install", *wanted)
    if ON_GPU in wanted and found["onnxruntime"][1] != "missing":
        # They share their files: whichever goes takes the other's along.
        remove = _pip(here, "uninstall", "--yes", "onnxruntime", ON_GPU)
        return Look(words="onnxruntime would measure the CPU", commands=(remove, install))
    if not lacks:
        engine = ON_GPU if has_gpu_build else "onnxruntime"
        loadgen = found["mlcommons-loadgen"][0]
        return Look(is_done=True, words=f"loadgen {loadgen}, {engine} {found[engine][0]}")
    words = "; ".join(f"{name}: {why}" for name, why in lacks.items())
    broken = [name for name, why in lacks.items() if why != "missing"]
    if not broken:
        return Look(words=words)
    again = _pip(here, "install", "--ignore-installed", "--no-deps", *broken)
    return Look(words=words, commands=(again, install))


def mlc_variables(here: Place, source: Path | None) -> dict[str, str]:
    """What mlc and mlcr need around them."""
    return {
        "MLC_REPOS": str(here.repos),
        "PATH": f"{here.venv}/bin:{os.environ.get('PATH', os.defpath)}",
        "VIRTUAL_ENV": str(here.venv),
        "PYTHONUNBUFFERED": "1",
        "GIT_TERMINAL_PROMPT": "0",
        **(mirror.env_vars(source) if source is not None else {}),
    }


def _automations(here: Place, request: Request) -> Step:
    env_vars = mlc_variables(here, request.mirror or mirror.remembered(here.folder))
    wanted = automations.Wanted(request.branch, request.checkout, request.force)
    return Step(
        "automations",
        TITLES["automations"],
        automations.clone(here, wanted),
        env_vars,
        partial(automations.look, here, wanted, place.clean_environment(env_vars)),
        needs="git",
        refresh=automations.update(here, wanted),
    )


def _proof(here: Place, request: Request) -> Step:
    return Step(
        "proof",
        TITLES["proof"],
        ((str(here.venv / "bin/mlcr"), "detect,os", "--quiet"),),
        mlc_variables(here, request.mirror or mirror.remembered(here.folder)),
        partial(_look_at_proof, here),
        confirm=partial(_confirm_proof, here),
    )


def _versions(here: Place) -> dict[str, str | None]:
    """What a proof holds for."""
    return {
        "commit": automations.head(here),
        "mlcflow": packages(here.python, {"mlcflow": ""})["mlcflow"][0],
    }


def _detected(here: Place) -> str:
    """The operating system as mlcr's script has found it; "" where it has found none."""
    for file in (here.repos / "local/cache").glob(PROOF):
        found = home.read_json(file)
        told = found.get("new_env") if isinstance(found, dict) else None
        if isinstance(told, dict) and told.get("MLC_HOST_OS_TYPE"):
            names = ("FLAVOR", "VERSION", "MACHINE")
            words = (told.get(f"MLC_HOST_OS_{name}") for name in names)
            return " ".join(str(one) for one in words if one) or str(told["MLC_HOST_OS_TYPE"])
    return ""


def _look_at_proof(here: Place) -> Look:
    # The only step that leaves nothing by which it could be told of what it was a proof.
    proved = here.state().get("proved")
    if not proved or not (words := _detected(here)) or proved != _versions(here):
        return Look(words="not proved yet")
    return Look(is_done=True, words=f"it finds {words}")


def _confirm_proof(here: Place, lines: Sequence[str]) -> Problem | None:
    log = "the log has all it printed"
    if not any("* mlcr detect,os" in line for line in lines):
        return Problem("mlcr ended without having run the script detect,os", log)
    if wrong := next((line for line in lines if " ERROR" in line.partition(" - ")[0]), None):
        return Problem(f"mlcr says: {wrong.partition(' - ')[2]}", log)
    if not _detected(here):
        return Problem("mlcr ran detect,os, but it has found no operating system", log)
    here.remember(proved=_versions(here))
    return None
