"""The folder of an installation: where its parts lie, and which folders cannot be one."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tui.engine import home, mirror, mlcflow
from tui.engine.errors import InstallationError

SAFE = re.compile(r"[A-Za-z0-9/._+@%=-]+")
"""mlcr puts paths into shell commands as they are, and refuses what is not ASCII."""
LONGEST = 100
"""The first line of a script, `#!DIR/mlc/bin/python`, has 127 bytes in older kernels."""
ASTRAY = (
    *("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "VIRTUAL_ENV", "MLC_REPOS"),
    *("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_PYTHON", "PIP_DRY_RUN"),
)
"""Variables that would lead into another Python, or another installation."""
LEAVES = re.compile(r"(pip|setuptools|pkg_resources|_distutils_hack|distutils-precedence)\b.*")
"""What a new venv holds by itself."""


@dataclass(frozen=True)
class Place:
    """An installation's folder and what lies where in it."""

    folder: Path

    @property
    def venv(self) -> Path:
        """The environment of mlcr: official scripts rewrite it."""
        return self.folder / "mlc"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.venv / "bin/python"

    @property
    def repos(self) -> Path:
        """MLC_REPOS: repositories, their index, the cache."""
        return self.folder / "MLC/repos"

    @property
    def automations(self) -> Path:
        """The clone of the automation repository."""
        return self.repos / "mlcommons@mlperf-automations"

    @property
    def log(self) -> Path:
        """Every command and all it printed; locked while a setup works."""
        return self.folder / mlcflow.SETUP_LOG

    @property
    def state_file(self) -> Path:
        """What was done, when, from which mirror."""
        return self.folder / mirror.STATE

    @cached_property
    def mark(self) -> str:
        """By this in their environment the processes of a setup of this folder are known."""
        return f"setup:{self.folder.resolve()}"

    def packages(self) -> list[str]:
        """What lies in the venv's site-packages beside what a new venv has."""
        return [
            one.name
            for folder in self.venv.glob("lib/python*/site-packages")
            for one in folder.iterdir()
            if not LEAVES.fullmatch(one.name) and one.name != "__pycache__"
        ]

    def state(self) -> dict[str, Any]:
        """The state file; empty where there is none."""
        found = home.read_json(self.state_file)
        return found if isinstance(found, dict) else {}

    def remember(self, **about: Any) -> None:
        """Change some of the state file."""
        home.write_atomic(self.state_file, home.to_json({**self.state(), "schema": 1, **about}))


def chosen_folder() -> Path | None:
    """The installation that the user has named for all runs; None: none, or the embedded one."""
    named = os.environ.get("MLPERF_TUI_INSTALLATION") or home.read_settings().get("installation")
    return mlcflow.folder_of(str(named)) if named and named != mlcflow.EMBEDDED else None


def default_folder() -> Path:
    """Where an installation is made when no folder is named: where one is looked for."""
    return chosen_folder() or mlcflow.OFFICIAL_DEFAULT


def is_default(folder: Path) -> bool:
    """Official runs use this folder when none is named."""
    return default_folder().resolve() == folder.resolve()


def can_become_default(folder: Path) -> bool:
    """It is not the default one, and a setting would make it that."""
    return not is_default(folder) and not os.environ.get("MLPERF_TUI_INSTALLATION")


def at(folder: Path) -> Place:
    """The place, where that folder can be an installation.

    Raises:
        InstallationError: it cannot, whatever is done.
    """
    if (why := _refused(folder)) is not None:
        raise InstallationError(why)
    place = Place(folder)
    for part in (place.venv, folder / "MLC", place.repos):
        if os.path.lexists(part) and not part.is_dir():
            raise InstallationError(
                f"{part} is there and no folder; move it away, or name another folder"
            )
    if place.venv.is_dir() and not (place.venv / "pyvenv.cfg").is_file() and _has_files(place.venv):
        raise InstallationError(
            f"{place.venv} is a folder but no venv; what is in it is left alone. Move it away, or "
            "name another folder"
        )
    return place


def _refused(folder: Path) -> str | None:
    text = str(folder)
    if not folder.is_absolute() or folder == Path("/"):
        return f"{text}: name a folder by its whole path, such as {mlcflow.OFFICIAL_DEFAULT}"
    if not SAFE.fullmatch(text):
        wrong = "".join(sorted({one for one in text if not SAFE.fullmatch(one)}))
        return (
            f"{text!r}: {wrong!r} in a path breaks mlcr, which puts paths into shell commands as "
            "they are; take ASCII letters, digits and . _ - alone"
        )
    if len(text) > LONGEST:
        return f"{text} is too long: a script's first line has room for {LONGEST} letters of it"
    if os.path.lexists(folder) and not folder.is_dir():
        return f"{text} is there and no folder; name another one"
    if _is_ours(folder) or _is_ours(folder / "mlc"):
        return (
            f"{text}: that is the environment that mlperf-tui runs in, and official scripts "
            "rewrite theirs; name another folder"
        )
    return None


def _is_ours(folder: Path) -> bool:
    ours, found = Path(sys.prefix).resolve(), folder.resolve()
    return sys.prefix != sys.base_prefix and (found == ours or ours in found.parents)


def _has_files(folder: Path) -> bool:
    return any(names for _, _, names in os.walk(folder))


def others(place: Place) -> list[str]:
    """What else lies in the folder, by name."""
    known = {"mlc", "MLC", mlcflow.SETUP_LOG, mirror.STATE, ".mlc-log.txt", "results"}
    try:
        return sorted(one.name for one in place.folder.iterdir() if one.name not in known)
    except OSError:
        return []


def clean_environment(env_vars: Mapping[str, str]) -> dict[str, str]:
    """Our environment without what would lead into another Python, and with these."""
    kept = {name: value for name, value in os.environ.items() if name not in ASTRAY}
    return {**kept, **env_vars}
