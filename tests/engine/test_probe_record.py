"""The probe's protocol: lines as they come, whatever else stands between them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import DATA
from tui.engine.probe import record
from tui.engine.probe.record import ProbeReader

FULL = DATA / "probe/h100-full-1.jsonl"


def read(text: bytes, tmp_path: Path) -> record.Measured:
    path = tmp_path / "console.log"
    path.write_bytes(text)
    return record.read(path)


def test_a_real_probe_is_read_whole() -> None:
    found = record.read(FULL)
    assert found.error is None
    assert found.seconds is not None
    assert found.device is not None
    assert found.device["name"] == "NVIDIA H100 80GB HBM3"
    assert found.driver == "580.159.04"
    assert found.cupy == [{"name": "cupy-cuda13x", "version": "14.2.0"}]
    assert (found.step, found.nth, found.of) == ("sustained", 8, 8)
    assert {one["when"] for one in found.gpu} == {"before", "transfer", "load", "after"}
    assert {one["name"] for one in found.checks} == {
        "transfer", "pattern", "gemm_fp64", "gemm_fp32", "gemm_tf32", "gemm_fp16", "gemm_bf16",
    }  # fmt: skip
    assert [one["name"] for one in found.curves] == ["h2d_pinned", "d2h_pinned"]
    assert len(found.metrics) == 19


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_steps_are_told_as_they_begin_however_the_bytes_come(size: int) -> None:
    data, reader, told = FULL.read_bytes(), ProbeReader(), []
    for at in range(0, len(data), size):
        told += list(reader.feed(data[at : at + size]))
    told += list(reader.end())
    assert [one.name for one in told] == [
        "start", "alloc", "launch", "transfer", "memory", "pattern", "gemm", "sustained",
    ]  # fmt: skip
    lines = data.split(b"\n")
    for one in told:
        assert data[one.offset :].startswith(lines[one.line - 1])
        assert f'"{one.name}"'.encode() in lines[one.line - 1]
    assert reader.lines == len(data.splitlines())


def test_garbage_between_the_lines_changes_nothing(tmp_path: Path) -> None:
    garbage = [
        b"Traceback (most recent call):", b"\xff\xfe\x00\x01", b"{", b"[1, 2]", b'{"probe": 3}',
        b'{"probe": "unheard of"}', b'{"probe": "metric", "name": "d2d", "value": NaN}',
        b'{"probe": "metric", "name": "d2d", "value": "fast", "min": 1, "max": 1, "cv": 0}',
        b'{"probe": "metric", "name": "d2d", "value": 1, "min": 1, "max": 1, "cv": -1}',
        b'{"probe": "end", "seconds": ' + b"9" * 400 + b"}",
        b'{"probe": "metric", "value": 1, "min": 1, "max": 1, "cv": 0}',
        b'{"probe": "step", "name": "gemm", "nth": true, "of": 8}', b'{"probe": "busy"}',
        b"{" * 100_000, b"x" * 3_000_000,
    ]  # fmt: skip
    whole = FULL.read_bytes().splitlines()
    mixed = []
    for nth, line in enumerate(whole):
        mixed += [garbage[nth % len(garbage)], line]
    assert read(b"\n".join(mixed), tmp_path) == record.read(FULL)


def test_readings_of_another_kind_are_left_out(tmp_path: Path) -> None:
    line = (
        b'{"probe": "gpu", "when": "after", "ecc_corrected": "x", "lost": 3, "sm_clock_mhz": 345}'
    )
    (found,) = read(line, tmp_path).gpu
    assert found == {"when": "after", "sm_clock_mhz": 345}


def test_the_last_line_counts_without_a_newline(tmp_path: Path) -> None:
    assert read(b'{"probe": "end", "seconds": 6.5}', tmp_path).seconds == 6.5


def test_half_a_probe_is_what_it_told_so_far(tmp_path: Path) -> None:
    data = FULL.read_bytes()
    found = read(data[: data.index(b'"step", "name": "gemm"') + 10], tmp_path)
    assert found.seconds is None
    assert found.step == "pattern"
    assert [one["name"] for one in found.metrics][-1] == "pattern_verify"
