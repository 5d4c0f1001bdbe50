"""Checks of our own environment: its Python, what it needs, whether it is ours alone."""

from __future__ import annotations

import shlex
import sys
from importlib.machinery import PathFinder
from pathlib import Path

from tui.engine import mlcflow
from tui.engine.doctor.check import OUR_VENV, Finding, by_hand, check, fail, ok, warning
from tui.engine.doctor.here import Here
from tui.engine.errors import InstallationError

FIRST, LAST = (3, 9), (3, 13)
"""LoadGen has wheels for these."""
LEAST = (3, 10)
"""We run on it."""
NEEDED = {
    "mlcommons-loadgen": "LoadGen", "onnxruntime": "onnxruntime", "numpy": "numpy",
    "mlcflow": "mlcr", "nvidia-ml-py": "NVML's bindings", "psutil": "psutil",
}  # fmt: skip
OUR_FOLDERS = ("tui", "widgets", "profiles")


def numbers(version: str) -> tuple[int, ...]:
    """A version as numbers, for comparing."""
    return tuple(int(part) for part in version.split(".") if part.isdigit())


@check(
    "python",
    "Python",
    "mlperf-tui runs on 3.10 to 3.13, for which LoadGen has wheels; the official installation has "
    "a Python of its own.",
)
def python(here: Here) -> Finding:
    """The version that runs us."""
    version = here.outside.version
    found = ".".join(map(str, version))
    fix = by_hand("Make the environment anew with another Python:", "python3.12 -m venv .venv",
                  "it runs mlperf-tui itself")  # fmt: skip
    if version[:2] < LEAST:
        return fail(f"{found} is too old", fix)
    if version[:2] > LAST:
        return warning(f"{found}: LoadGen has no wheel for it and must be compiled", fix)
    return ok(found)


@check(
    "embedded",
    "embedded benchmark",
    "`smoke` runs by the mlcr, LoadGen and onnxruntime beside mlperf-tui.",
    before=("embedded",),
)
def embedded(here: Here) -> Finding:
    """Is everything installed that it needs."""
    missing = [name for name in NEEDED if here.outside.package(name) is None]
    if missing:
        line = f"{shlex.quote(sys.executable)} -m pip install {' '.join(missing)}"
        fix = by_hand(
            "Install what is missing; where LoadGen has no wheel, g++ and python3-dev come first.",
            line,
            OUR_VENV,
        )
        return fail(f"missing: {', '.join(NEEDED[name] for name in missing)}", fix)
    try:
        mlcflow.embedded(here.outside.data_root)
    except InstallationError as error:
        return fail(str(error))
    versions = (f"{NEEDED[name]} {here.outside.package(name)}" for name in list(NEEDED)[:4])
    return ok(", ".join(versions))


@check(
    "packages",
    "our own packages",
    "tui and widgets are common names: a package that brings its own overwrites ours without a "
    "word.",
)
def packages(here: Here) -> Finding:
    """The three folders lie side by side."""
    return side_by_side(sys.path)


def side_by_side(path: list[str]) -> Finding:
    """Where a program that is started now would find our three packages."""
    places = {}
    for name in OUR_FOLDERS:
        found = PathFinder.find_spec(name, path)
        places[name] = Path(found.origin).parents[1] if found and found.origin else None
    home = Path(__file__).parents[3]
    strange = [name for name, place in places.items() if place is not None and place != home]
    if None in places.values() and all(found is None for found in places.values()):
        return ok("found by their own finder")
    strange += [name for name, place in places.items() if place is None]
    if not strange:
        return ok("tui, widgets and profiles lie side by side")
    line = "uv tool install --reinstall mlperf-tui"
    fix = by_hand("Install mlperf-tui as a tool, in an environment of its own.", line,
                  "it replaces the program that runs")  # fmt: skip
    named = ", ".join(f"{name} from {places[name] or 'nowhere'}" for name in strange)
    return fail(f"{named}, and not from {home}", fix)
