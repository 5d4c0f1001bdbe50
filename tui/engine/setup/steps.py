"""The plan of a setup: all its steps in their order, with what each would run."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tui.engine import mirror
from tui.engine.errors import SpecError, UsageError
from tui.engine.setup import automations, packages, place, proof, venv
from tui.engine.setup.place import Place
from tui.engine.setup.python import HostPython, host_python
from tui.engine.setup.step import TITLES, Request, Step

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+-]*")
"""Of a branch, a tag, a commit: nothing that git would take for an option."""


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
    env_vars = _mlc_variables(here, request.mirror or mirror.remembered(here.folder))
    steps = (
        venv.step(here, python),
        packages.mlcflow_step(here),
        packages.engines_step(here, with_gpu=_with_gpu(request)),
        _automations(here, request, env_vars),
        proof.step(here, env_vars),
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


def _mlc_variables(here: Place, source: Path | None) -> dict[str, str]:
    """What mlc and mlcr need around them."""
    return {
        "MLC_REPOS": str(here.repos),
        "PATH": f"{here.venv}/bin:{os.environ.get('PATH', os.defpath)}",
        "VIRTUAL_ENV": str(here.venv),
        "PYTHONUNBUFFERED": "1",
        "GIT_TERMINAL_PROMPT": "0",
        **(mirror.env_vars(source) if source is not None else {}),
    }


def _automations(here: Place, request: Request, env_vars: Mapping[str, str]) -> Step:
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
