"""What the machine must have before anything is installed; all that is missing is told at once."""

from __future__ import annotations

import getpass
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tui.engine.packages import LIBRARIES, TOOLS, apt_line
from tui.engine.setup.place import Place
from tui.engine.setup.problem import Problem
from tui.engine.setup.python import NEWEST, OLDEST, HostPython

SHORT_BYTES, FULL_BYTES = 5 * 10**9, 45 * 10**9
"""Free space for `_short` runs; for `_full` ones on ImageNet (archive and preprocessed images)."""


def missing(
    python: HostPython | None, which: Callable[[str], str | None] = shutil.which
) -> dict[str, str]:
    """What official runs need and this machine lacks -> the package that has it."""
    found = {tool: package for tool, package in TOOLS.items() if which(tool) is None}
    if python is None:
        return {
            **found,
            "python3": "python3",
            "Python.h": "python3-dev",
            "ensurepip": "python3-venv",
        }
    prefix = _package_prefix(python)
    if not python.has_header:
        found["Python.h"] = f"{prefix}-dev"
    if not (python.has_ensurepip or python.has_pip):
        found["ensurepip"] = f"{prefix}-venv"
    return {**found, **{name: LIBRARIES[name] for name in python.lacks}}


def _package_prefix(python: HostPython) -> str:
    """Debian's packages of the default Python have no number in their names."""
    is_default = os.path.basename(python.command) == "python3"
    return "python3" if is_default else "python{}.{}".format(*python.version)


def prerequisites(lacks: dict[str, str]) -> Problem | None:
    """One sentence and one line for all that is missing."""
    if not lacks:
        return None
    line = apt_line(lacks.values())
    line = line.removeprefix("sudo ") if os.geteuid() == 0 else line
    has_apt = shutil.which("apt-get") is not None
    fix = "install it" if has_apt else "install these; the line is for Debian and Ubuntu"
    return Problem(f"official runs need what is missing here: {', '.join(lacks)}", fix, line)


def version(python: HostPython | None) -> Problem | None:
    """Is there a Python that LoadGen has a wheel for?"""
    if python is None or python.is_fit:
        return None
    oldest, newest = (".".join(map(str, one)) for one in (OLDEST, NEWEST))
    sudo = "" if os.geteuid() == 0 else "sudo "
    wanted = f"python{newest}"
    return Problem(
        f"{python.command} is {python.name}, but LoadGen has wheels for {oldest} to {newest} only",
        f"install one of those; {wanted} is looked for on the PATH",
        f"{sudo}apt-get install -y {wanted} {wanted}-venv {wanted}-dev",
    )


def standing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def writable(place: Place) -> Problem | None:
    """May we write there, or make the folder?"""
    base = standing(place.folder)
    parts = [one for one in (place.venv, place.repos) if one.is_dir()]
    locked = next((one for one in (base, *parts) if not os.access(one, os.W_OK | os.X_OK)), None)
    if locked is None:
        return None
    folder, user = place.folder, getpass.getuser()
    return Problem(
        f"{locked} cannot be written by {user}",
        "make the folder yours, or name another one",
        f"sudo mkdir -p {folder} && sudo chown -R {user} {folder}",
    )


def space(place: Place, free: Callable[[Path], int], *, is_new: bool) -> Problem | None:
    """Is there room for what is installed and for short runs?"""
    found = free(standing(place.folder))
    if not is_new or found >= SHORT_BYTES:
        return None
    return Problem(
        f"{found / 1e9:.1f} GB are free at {place.folder}; the installation and short runs need "
        f"{SHORT_BYTES / 1e9:.0f} GB",
        "make room, or name a folder on another disk",
    )


def space_note(place: Place, free: Callable[[Path], int]) -> str | None:
    """Enough for short runs alone is said, once."""
    found = free(standing(place.folder))
    if found >= FULL_BYTES:
        return None
    return (
        f"{found / 1e9:.0f} GB are free: enough for _short runs; _full ones on ImageNet need "
        f"{FULL_BYTES / 1e9:.0f} GB"
    )


def free_bytes(folder: Path) -> int:
    """Free space where that folder lies."""
    return shutil.disk_usage(folder).free
