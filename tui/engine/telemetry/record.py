"""Reads a run's telemetry back: row by row as it grows, and as curves over any stretch of time."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

Point = tuple[float, float | None, float | None]
"""CLOCK_BOOTTIME, mean and most."""
CHARTED = ("utilization_pct", "power_w", "memory_used_bytes", "temperature_c")
TAIL_BYTES = 1 << 16
SHORTEST_LINE = 24
IN_FULL_S = 900.0
"""Up to so long a stretch is read in full."""


class RowReader:
    """Reads a telemetry file as it grows, whole rows only.

    Args:
        path: the file.
        from_end: begin with its last rows (some dozens), however long it is.
    """

    def __init__(self, path: Path, *, from_end: bool = False) -> None:
        self._path = path
        self._offset = 0
        self._columns: list[str] = []
        self._skips = from_end

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows since the last call: by column, numbers as numbers, unknown None."""
        try:
            with open(self._path, "rb") as file:
                if self._skips:
                    self._skip(file)
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        for cells in csv.reader(whole.decode(errors="replace").splitlines()):
            if not self._columns:
                self._columns = cells
            elif len(cells) == len(self._columns):
                yield {name: _value(name, cell) for name, cell in zip(self._columns, cells)}

    def _skip(self, file: BinaryIO) -> None:
        """Take the columns' names, then go to the last rows."""
        heading = file.readline()
        size = file.seek(0, 2)
        if not heading.endswith(b"\n"):
            return
        self._skips = False
        self._columns = heading.decode(errors="replace").rstrip("\n").split(",")
        self._offset = len(heading)
        if size - self._offset > TAIL_BYTES:
            file.seek(size - TAIL_BYTES)
            self._offset = size - TAIL_BYTES + len(file.readline())


def _value(column: str, cell: str) -> str | float | None:
    if column in ("time", "device"):
        return cell
    return _number(cell)


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None  # empty: the card does not tell


class Overview:
    """The whole run as curves, from telemetry-10s.csv; reads on as that grows.

    `curves[device][measure]` are the points, one for ten seconds, at the middle of those.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._places: dict[str, tuple[int, int]] = {}
        self._width = 0
        self._limits: list[int | None] = []
        self.curves: dict[str, dict[str, list[Point]]] = {}
        self.limits: dict[str, tuple[float | None, float | None]] = {}
        """Power limit (W) and memory (bytes) of each device, as last told."""

    def read(self) -> None:
        """Read what is new."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return
        lines = data[: data.rfind(b"\n") + 1].decode(errors="replace").splitlines()
        self._offset += data.rfind(b"\n") + 1
        if lines and not self._width:
            columns = lines.pop(0).split(",")
            self._width = len(columns)
            self._limits = [
                columns.index(f"max_{name}") if f"max_{name}" in columns else None
                for name in ("power_limit_w", "memory_total_bytes")
            ]
            self._places = {
                name: (columns.index(f"mean_{name}"), columns.index(f"max_{name}"))
                for name in CHARTED
                if f"mean_{name}" in columns and f"max_{name}" in columns
            }
        for line in lines:
            self._take(line.split(","))

    def _take(self, cells: list[str]) -> None:
        if len(cells) != self._width or (end_s := _number(cells[1])) is None:
            return
        curves = self.curves.get(cells[2])
        if curves is None:
            curves = self.curves[cells[2]] = {name: [] for name in self._places}
        power, memory = (_number(cells[n]) if n is not None else None for n in self._limits)
        self.limits[cells[2]] = (power, memory)
        for name, (mean, most) in self._places.items():
            curves[name].append((end_s - 5.0, _number(cells[mean]), _number(cells[most])))


class Record:
    """A run's telemetry: the whole of it in tens of seconds, any short stretch in full.

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._full = folder / "telemetry.csv"
        self.overview = Overview(folder / "telemetry-10s.csv")

    @property
    def span(self) -> tuple[float, float] | None:
        """First and last moment; None where there is nothing."""
        first = last = None
        try:
            with open(self._full, "rb") as file:
                file.readline()
                first = _time_of(file.readline())
                file.seek(max(0, file.seek(0, 2) - TAIL_BYTES))
                tail = file.read()
        except FileNotFoundError:
            return None
        for line in reversed(tail[: tail.rfind(b"\n") + 1].splitlines()):
            last = _time_of(line)
            if last is not None:
                break
        return (first, last) if first is not None and last is not None else None

    @property
    def devices(self) -> list[str]:
        """GPUs in order, then the host."""
        self.overview.read()  # one that was lost long ago is in no late row
        found = set(self.overview.curves)
        for row in RowReader(self._full, from_end=True).rows():
            found.add(str(row["device"]))
        return sorted((one for one in found if "/" not in one), key=_order)

    def limits(self, device: str) -> tuple[float | None, float | None]:
        """Power limit (W) and memory (bytes) of a device, as last told."""
        for row in reversed(list(RowReader(self._full, from_end=True).rows())):
            if row["device"] == device:
                return row.get("power_limit_w"), row.get("memory_total_bytes")
        return self.overview.limits.get(device, (None, None))

    def curves(
        self, device: str, begin_s: float, end_s: float, in_full_s: float = IN_FULL_S
    ) -> tuple[dict[str, list[Point]], float]:
        """The device's curves over that stretch, and the gap above which nothing is known.

        Args:
            device: as in the record.
            begin_s: from, CLOCK_BOOTTIME.
            end_s: to.
            in_full_s: up to so long a stretch is read in full.
        """
        if end_s - begin_s <= in_full_s:
            return detail(self._full, device, begin_s, end_s), 3.0
        self.overview.read()
        known = self.overview.curves.get(device, {})
        return {
            name: [one for one in points if begin_s - 10 <= one[0] <= end_s + 10]
            for name, points in known.items()
        }, 30.0


def _order(device: str) -> tuple[int, str]:
    digits = device.removeprefix("gpu")
    return (int(digits), "") if digits.isdigit() else (1000, device)


def _time_of(line: bytes) -> float | None:
    cells = line.split(b",", 2)
    return _number(cells[1].decode(errors="replace")) if len(cells) > 1 else None


def detail(
    path: Path, device: str, begin_s: float, end_s: float, names: Sequence[str] = CHARTED
) -> dict[str, list[Point]]:
    """One device between two moments, from telemetry.csv: only that part of the file is read."""
    curves: dict[str, list[Point]] = {name: [] for name in names}
    try:
        file = open(path, "rb")  # noqa: SIM115
    except FileNotFoundError:
        return curves
    with file:
        columns = file.readline().decode(errors="replace").rstrip("\n").split(",")
        places = [(name, columns.index(name)) for name in names if name in columns]
        begin, end = _place_of(file, begin_s), _place_of(file, end_s)
        file.seek(begin)
        wanted = device.encode()
        for line in file.read(max(0, end - begin)).split(b"\n"):
            if line.split(b",", 3)[2:3] != [wanted]:
                continue
            cells = line.decode(errors="replace").split(",")
            at_s = _number(cells[1])
            if at_s is None or len(cells) != len(columns):
                continue
            for name, place in places:
                value = _number(cells[place])
                curves[name].append((at_s, value, value))
    return curves


def _place_of(file: BinaryIO, moment_s: float) -> int:
    """Where the first line begins that is not older than that; by halving, lines rise in time."""
    file.seek(0)
    low = len(file.readline())
    high = size = file.seek(0, 2)
    while high - low > SHORTEST_LINE:
        middle = (low + high) // 2
        file.seek(middle)
        begin = middle + len(file.readline())
        line = file.readline()
        at_s = _time_of(line)
        if at_s is None or begin >= high:
            high = middle
        elif at_s < moment_s:
            low = begin + len(line)
        else:
            high = middle
    file.seek(low)
    while low < size:  # the lines that halving left
        line = file.readline()
        at_s = _time_of(line)
        if at_s is not None and at_s >= moment_s:
            break
        low += len(line)
    return low
