"""A run's record read back: whole or in part, while it grows, damaged; and the last hour."""

from __future__ import annotations

from pathlib import Path

from tui.engine.telemetry.history import KEPT, History
from tui.engine.telemetry.reading import Reading
from tui.engine.telemetry.record import Overview, Record, RowReader, detail
from tui.engine.telemetry.recorder import Writer

BEGIN = 5000.0


def write(folder: Path, seconds: int, pace: int = 10, first: float = BEGIN) -> None:
    """Two GPUs and the host; the power of gpu1 is the tenth of a second since BEGIN."""
    writer = Writer(folder, report=print)
    for n in range(seconds * pace):
        at = first + n / pace
        readings = [Reading("gpu0", power_w=100.0), Reading("gpu1", power_w=(at - BEGIN) * 10)]
        if n % pace == 0:
            readings.append(Reading("host", utilization_pct=5.0))
        writer.add([(at, "2026-11-24T14:00:00.000Z", one) for one in readings])
    writer.end()


def test_a_stretch_is_exactly_what_was_written_in_it(tmp_path: Path) -> None:
    write(tmp_path, 2000)
    path = tmp_path / "telemetry.csv"
    for begin, end in ((0.0, 3.0), (997.35, 1000.05), (1998.0, 2500.0), (-50.0, 0.25)):
        points = detail(path, "gpu1", BEGIN + begin, BEGIN + end)["power_w"]
        wanted = [n for n in range(20000) if begin <= n / 10 < end]
        assert [round(one[0] - BEGIN, 1) for one in points] == [n / 10 for n in wanted]
        assert [round(one[1] or 0) for one in points] == wanted
    assert detail(path, "gpu7", BEGIN, BEGIN + 9)["power_w"] == []
    assert detail(tmp_path / "none", "gpu0", BEGIN, BEGIN + 9)["power_w"] == []


def test_a_long_stretch_comes_from_the_summary_a_short_one_in_full(tmp_path: Path) -> None:
    write(tmp_path, 2000)
    record = Record(tmp_path)
    assert record.span == (BEGIN, BEGIN + 1999.9)
    whole, gap_s = record.curves("gpu1", BEGIN, BEGIN + 2000)
    assert gap_s == 30
    assert len(whole["power_w"]) == 200
    at, mean, most = whole["power_w"][50]
    assert abs((mean or 0) - (at - BEGIN) * 10) < 2
    assert most is not None
    assert most - (mean or 0) > 45
    short, gap_s = record.curves("gpu1", BEGIN + 100, BEGIN + 160)
    assert gap_s == 3
    assert len(short["power_w"]) == 600
    assert record.devices == ["gpu0", "gpu1", "host"]


def test_a_record_is_read_on_as_it_grows_and_half_a_line_is_left_for_later(tmp_path: Path) -> None:
    write(tmp_path, 60)
    overview = Overview(tmp_path / "telemetry-10s.csv")
    overview.read()
    before = len(overview.curves["gpu0"]["power_w"])
    reader = RowReader(tmp_path / "telemetry.csv")
    assert len(list(reader.rows())) == 60 * 21
    with open(tmp_path / "telemetry.csv", "a") as file:
        file.write("2026-11-24T14:00:00.000Z,5061.000,gpu0,1")
    assert list(reader.rows()) == []
    with open(tmp_path / "telemetry.csv", "a") as file:
        file.write("\nnot a row at all\n")
    assert list(reader.rows()) == []  # too few cells
    write(tmp_path, 60, first=BEGIN + 70)
    overview.read()
    assert len(overview.curves["gpu0"]["power_w"]) == 2 * before
    span = Record(tmp_path).span
    assert span is not None
    assert span[1] == BEGIN + 129.9


def test_an_empty_or_damaged_record_is_no_record(tmp_path: Path) -> None:
    assert Record(tmp_path).span is None
    assert Record(tmp_path).devices == []
    (tmp_path / "telemetry.csv").write_bytes(b"")
    (tmp_path / "telemetry-10s.csv").write_bytes(b"\x00\xff\n,,,\n")
    record = Record(tmp_path)
    assert record.span is None
    assert record.limits("gpu0") == (None, None)
    assert not any(record.curves("gpu0", 0, 5000)[0].values())
    assert not any(record.curves("gpu0", 0, 50)[0].values())


def test_the_last_hour_is_kept_and_no_more() -> None:
    history = History()
    for second in range(KEPT + 100):
        history.add(float(second), [Reading("gpu0", power_w=float(second))])
    points = history.curves("gpu0", 0.0)["power_w"]
    assert len(points) == KEPT
    assert points[0][0] == 100.0
    assert len(history.curves("gpu0", KEPT + 40.0)["power_w"]) == 60
    assert history.curves("gpu5", 0.0)["power_w"] == []
