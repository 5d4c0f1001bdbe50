"""The Python that an installation gets, and what is in a venv: asked of the interpreters."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui.engine import process
from tui.engine.packages import LIBRARIES
from tui.engine.setup.place import clean_environment

OLDEST, NEWEST = (3, 9), (3, 13)
"""LoadGen has wheels for these."""
"""OpenCV cannot be imported without them."""
FACTS = f"""
import ctypes, importlib.util, json, os, sys, sysconfig
def loads(name):
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
print(json.dumps(dict(
    version=list(sys.version_info[:3]),
    base=getattr(sys, "_base_executable", sys.executable),
    executable=sys.executable,
    venv=sys.prefix != sys.base_prefix,
    header=os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")),
    ensurepip=importlib.util.find_spec("ensurepip") is not None,
    pip=importlib.util.find_spec("pip") is not None,
    lacks=[name for name in {tuple(LIBRARIES)!r} if not loads(name)],
)))
"""
PACKAGES = """
import importlib, importlib.metadata as metadata, json, os, sys
found = {}
for name, module in json.loads(sys.argv[1]).items():
    try:
        one = metadata.distribution(name)
        files = one.files
        lost = None if files is None else [str(f) for f in files if not f.locate().exists()]
        lost = lost and [f for f in lost if not f.endswith(".pyc")]
        if files is None or lost:
            found[name] = [None, "only a part of it is there"]
            continue
        if module:
            importlib.import_module(module)
        found[name] = [one.version or None, None]
    except metadata.PackageNotFoundError:
        found[name] = [None, "missing"]
    except Exception as error:
        found[name] = [None, f"cannot be imported: {error}"]
print(json.dumps(found))
"""


@dataclass(frozen=True)
class HostPython:
    """An interpreter outside of the installation, and what the system has around it."""

    command: str
    version: tuple[int, int, int]
    has_header: bool
    has_ensurepip: bool
    has_pip: bool
    lacks: tuple[str, ...]
    """Shared libraries that cannot be loaded."""

    @property
    def is_fit(self) -> bool:
        """LoadGen has a wheel for it."""
        return OLDEST <= self.version[:2] <= NEWEST

    @property
    def name(self) -> str:
        """Version as text."""
        return "Python " + ".".join(map(str, self.version))


def host_python() -> HostPython | None:
    """The Python to make a venv with: `python3` where LoadGen has a wheel for it, else another.

    Returns:
        None where there is no Python at all; where none is fit, the first.
    """
    numbered = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    ours = str(getattr(sys, "_base_executable", None) or sys.executable)
    first: HostPython | None = None
    for name in ("python3", *numbered, ours):
        if (command := shutil.which(name)) is not None and (found := _asked(command)) is not None:
            if found.is_fit:
                return found
            first = first or found
    return first


def _asked(command: str) -> HostPython | None:
    told = _json(process.ask([command, "-I", "-c", FACTS], env=clean_environment({})))
    if told is None:
        return None
    base = str(told["base"])
    if told["venv"] and base != command and os.access(base, os.X_OK):
        return _asked(base)  # of a venv's Python (ours, say) the one that it was made from
    return _made(str(told["executable"]) or command, told)  # not by way of a shim


def _made(command: str, told: dict[str, Any]) -> HostPython:
    major, minor, patch = told["version"]
    return HostPython(
        command,
        (major, minor, patch),
        bool(told["header"]),
        bool(told["ensurepip"]),
        bool(told["pip"]),
        tuple(told["lacks"]),
    )


def venv_python(python: Path) -> tuple[tuple[int, int] | None, str]:
    """A venv's version, and why it does not work where it does not."""
    code = "import sys; print(*sys.version_info[:3])"
    said = process.ask([str(python), "-I", "-c", code], env=clean_environment({}))
    words = said.text.split()
    if said.code != 0 or len(words) != 3:
        return None, said.text.strip().rpartition("\n")[2] or "it does not start"
    return (int(words[0]), int(words[1])), ".".join(words)


def packages(python: Path, wanted: dict[str, str]) -> dict[str, tuple[str | None, str | None]]:
    """Of each distribution its version, or why it is of no use.

    Args:
        python: the venv's interpreter.
        wanted: distribution -> the module to be imported; "": none.
    """
    argv = [str(python), "-I", "-c", PACKAGES, json.dumps(wanted)]
    told = _json(process.ask(argv, env=clean_environment({}), seconds=120.0))
    if told is None:
        return dict.fromkeys(wanted, (None, "missing"))
    return {name: (told[name][0], told[name][1]) for name in wanted}


def _json(said: process.Output) -> dict[str, Any] | None:
    try:
        found = json.loads(said.text.strip().rpartition("\n")[2])
    except ValueError:
        return None
    return found if said.code == 0 and isinstance(found, dict) else None
