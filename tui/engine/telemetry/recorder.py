"""telemetry.csv, a reading a second; telemetry-10s.csv, min, mean, max of every ten seconds."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tui.engine import home
from tui.engine.process import boottime
from tui.engine.telemetry.reading import MEASURES, Reading, Source, SourceUnavailable

PERIOD_S = 1.0
SUMMARY_READINGS = 10
COLUMNS = ("time", "boottime_s", "device", *MEASURES)
SUMMARY_COLUMNS = (
    "time",
    "boottime_s",
    "device",
    *(f"{kind}_{name}" for name in MEASURES for kind in ("min", "mean", "max")),
)


class Recorder:
    """Records in a thread of its own, so that a hanging driver call stops nothing else.

    Args:
        folder: the run's folder.
        sources: what makes a source; one that raises SourceUnavailable is reported and left out.
        report: takes one sentence a problem; called from the recorder's thread.
        period_s: seconds between readings.
    """

    def __init__(
        self,
        folder: Path,
        sources: Iterable[Callable[[], Source]],
        report: Callable[[str], None],
        period_s: float = PERIOD_S,
    ) -> None:
        self._folder, self._makers, self._report = folder, tuple(sources), report
        self._period_s = period_s
        self._stop = threading.Event()
        self._window: dict[str, list[Reading]] = {}
        self._dropped = 0
        self._thread = threading.Thread(target=self._record, name="telemetry", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, with the last summary; waits two seconds at most for a hanging driver."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(2)

    def _record(self) -> None:
        try:
            self._read_until_stopped()
        except Exception as error:  # whatever a driver does, the run goes on and says so
            self._report(f"telemetry ended: {error!r}")

    def _read_until_stopped(self) -> None:
        sources = list(self._available())
        due = boottime()
        while not self._stop.is_set():
            self._write([one for source in sources for one in source.read()])
            due = max(due + self._period_s, boottime())
            self._stop.wait(due - boottime())
        self._summarize(home.utc_now(), boottime())

    def _available(self) -> Iterable[Source]:
        for make in self._makers:
            try:
                yield make()
            except SourceUnavailable as error:
                self._report(f"no GPU telemetry: {error}")

    def _write(self, readings: Sequence[Reading]) -> None:
        time, since = home.utc_now(), boottime()
        rows = [
            (time, f"{since:.3f}", one.device, *(getattr(one, name) for name in MEASURES))
            for one in readings
        ]
        self._append("telemetry.csv", COLUMNS, rows)
        for one in readings:
            self._window.setdefault(one.device, []).append(one)
        if any(len(some) >= SUMMARY_READINGS for some in self._window.values()):
            self._summarize(time, since)

    def _summarize(self, time: str, since: float) -> None:
        rows = []
        for device, readings in self._window.items():
            cells: list[Any] = []
            for name in MEASURES:
                values = [getattr(one, name) for one in readings if getattr(one, name) is not None]
                cells += (
                    [min(values), sum(values) / len(values), max(values)] if values else [None] * 3
                )
            rows.append((time, f"{since:.3f}", device, *cells))
        self._window.clear()
        self._append("telemetry-10s.csv", SUMMARY_COLUMNS, rows)

    def _append(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Append whole rows; on a full disk they are counted and the run goes on."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        path = self._folder / name
        if not path.exists() or not path.stat().st_size:
            writer.writerow(columns)
        writer.writerows([_cell(value) for value in row] for row in rows)
        try:
            home.append_whole(path, text.getvalue().encode())
        except OSError as error:
            if not self._dropped:
                self._report(f"telemetry is not written: {error.strerror}")
            self._dropped += len(rows)


def _cell(value: Any) -> Any:
    return f"{value:.2f}" if isinstance(value, float) else value


class RowReader:
    """Reads a telemetry file as it grows, whole rows only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._columns: list[str] = []

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows since the last call: by column, numbers as numbers, unknown None."""
        try:
            with open(self._path, "rb") as file:
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


def _value(column: str, cell: str) -> str | float | None:
    if column in ("time", "device"):
        return cell
    try:
        return float(cell)
    except ValueError:
        return None  # empty: the card does not tell


def summarize(path: Path) -> dict[str, Any] | None:
    """What a run's telemetry.csv tells: for each device mean and max of every measure.

    Returns:
        {"readings": n, "devices": {device: {"utilization_pct_mean": x, …}}}, or None without any.
    """
    rows = [row for row in RowReader(path).rows() if row.get("device")]
    if not rows:
        return None
    devices: dict[str, dict[str, Any]] = {}
    for device in dict.fromkeys(row["device"] for row in rows):
        mine = [row for row in rows if row["device"] == device]
        facts: dict[str, Any] = {"readings": len(mine)}
        for name in MEASURES:
            values = [row[name] for row in mine if row.get(name) is not None]
            facts[f"{name}_mean"] = round(sum(values) / len(values), 3) if values else None
            facts[f"{name}_max"] = max(values) if values else None
        devices[device] = facts
    return {"readings": len(rows), "devices": devices}
