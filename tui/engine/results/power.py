"""`spl.txt`: wall power of the whole system, as MLCommons' power analyzer logged it.

Formulas: `checks/power_check.py` of MLCommons' submission checker, the same in rounds v1.0 to v6.1.
"""

from __future__ import annotations

from pathlib import Path

from tui.engine.results import text
from tui.engine.results.model import Power, Result

NAME = "spl.txt"
MULTI_STREAM_SAMPLES = 8


def read(path: Path, result: Result) -> Power | None:
    """Mean power strictly between power_begin and power_end; None where nothing was logged then.

    Offline and Server are told in W, SingleStream and MultiStream in mJ a query: mean W times
    seconds times 1000, over the queries.

    Raises:
        OSError: it cannot be read.
    """
    begin, end = (result.log_values.get(name) for name in ("power_begin", "power_end"))
    if text.moment(begin) is None or text.moment(end) is None:
        return None
    watts = _watts(path, _sortable(str(begin)), _sortable(str(end)))
    if not watts:
        return None
    mean = sum(watts) / len(watts)
    if result.scenario not in ("SingleStream", "MultiStream"):
        return Power(mean, "W", "wall", mean)
    if not result.queries or result.duration_s is None:
        return None
    each = mean * result.duration_s * 1000 / result.queries
    inferred = None
    if result.scenario == "SingleStream":
        inferred = mean * result.duration_s * MULTI_STREAM_SAMPLES * 1000 / result.queries
    return Power(each, "mJ/query", "wall", mean, inferred)


def _watts(path: Path, begin: str, end: str) -> list[float]:
    """`Time,<moment>,Watts,<number>,…`, one line a second."""
    found = []
    for line in text.lines(path):
        parts = line[:200].split(b",", 4)
        if len(parts) < 4 or parts[0] != b"Time":
            continue
        if begin < _sortable(parts[1].decode(errors="replace")) < end:
            value = _number(parts[3])
            if value > 0:
                found.append(value)
    return found


def _sortable(moment: str) -> str:
    """`MM-DD-YYYY HH:MM:SS.mmm` with the year first: text that sorts as time does."""
    return (moment[6:10] + moment[:5] + moment[10:]).ljust(26, "0")


def _number(digits: bytes) -> float:
    try:
        found = float(digits)
    except ValueError:
        return 0.0
    return found if text.is_usable(found) else 0.0
