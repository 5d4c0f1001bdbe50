"""What mlcr takes, and presets, as rows."""

from __future__ import annotations

from collections.abc import Iterator

from tui.engine.catalog import Preset
from tui.engine.checks import FIXED
from tui.engine.mlcr_options import FIRST_NAMES, MlcrOptions
from tui.present import metrics

COLUMNS = ("key", "values", "default", "what it does")
PRESET_COLUMNS = ("preset", "benchmark", "scenario", "mode", "what it is")
WIDEST = 40
"""Characters of the values in a table; --json has all."""
TYPES = {
    "count": "a whole number",
    "number": "a number",
    "flag": "yes, no",
    "folder": "a folder",
    "file": "a file",
    "path": "a file or folder",
}


def rows(takes: MlcrOptions) -> Iterator[tuple[str, str, str, str]]:
    """One row a key of --set, then one a variation."""
    for name in sorted(takes.keys):
        if name in FIXED or name in FIRST_NAMES:
            continue
        key = takes.keys[name]
        some = metrics.one_line(values(takes, name), WIDEST)
        yield name, some, key.default or metrics.NOTHING, key.about or ""
    for one in takes.variations.values():
        default = "yes" if one.is_default else ""
        yield f"_{one.name}", one.group or "", default, "a variation: --variation"


def values(takes: MlcrOptions, name: str) -> str:
    """What a key takes, in words."""
    found = takes.values(name)
    if found:
        return ", ".join(found)
    kind = takes.keys[name].type if name in takes.keys else None
    return TYPES.get(kind or "", "any text")


def preset_row(one: Preset) -> tuple[str, str, str, str, str]:
    """Name, benchmark, scenario, mode, what it is."""
    return one.name, one.benchmark, one.scenario, one.mode, one.title
