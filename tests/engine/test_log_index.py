"""The lines of a growing log: every window is what a split would give."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.engine import log_index
from tui.engine.log_index import LogIndex

TEXT = st.lists(
    st.sampled_from([b"a", b"bc", b"\n", b"\n\n", b"Error:", b"needle", b"x" * 50, b"\r"]),
    max_size=60,
).map(b"".join)


def lines_of(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


@given(parts=st.lists(TEXT, max_size=8), limit=st.integers(1, 200), first=st.integers(0, 50))
@settings(max_examples=300, deadline=None)
def test_every_window_is_what_a_split_gives(parts: list[bytes], limit: int, first: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        index = LogIndex(path, block=64)
        whole = b""
        for part in parts:
            with path.open("ab") as file:
                file.write(part)
            whole += part
            while index.poll(limit):
                assert index.lines <= len(lines_of(whole))
            lines = lines_of(whole)
            assert index.lines == len(lines)
            assert index.window(0, len(lines) + 5) == lines
            assert index.window(first, 3) == lines[first : first + 3]
            for number in range(len(lines)):
                assert index.line_at(index.offset(number)) == number
            places = [at for at in range(len(whole)) if whole.startswith(b"Error:", at)]
            assert index.marks == places
            assert index.is_last_open == (bool(whole) and not whole.endswith(b"\n"))
        index.close()


def found(index: LogIndex, word: bytes, line: int, *, backwards: bool = False) -> int | None:
    return list(index.search(word, line, backwards=backwards))[-1][0]


@given(data=TEXT, start=st.integers(0, 30), backwards=st.booleans())
@settings(max_examples=300, deadline=None)
def test_search_finds_the_nearest_line(data: bytes, start: int, backwards: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        path.write_bytes(data)
        index = LogIndex(path, block=64)
        index.poll()
        having = [n for n, line in enumerate(lines_of(data)) if b"needle" in line]
        if backwards:
            wanted = max((n for n in having if n <= start), default=None)
        else:
            wanted = min((n for n in having if n >= start), default=None)
        assert found(index, b"NEEDLE", start, backwards=backwards) == wanted
        index.close()


def test_a_word_across_two_pieces_of_a_search_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_index, "SEARCH_BYTES", 10)
    path = tmp_path / "log"
    path.write_bytes(b"0123456\nneedle\n" + b"z\n" * 40)
    index = LogIndex(path)
    index.poll()
    steps = list(index.search(b"needle", 0))
    assert steps[-1] == (1, 1.0)
    missing = list(index.search(b"not there", 0))
    assert missing[-1] == (None, 1.0)
    assert [share for _, share in missing] == sorted(share for _, share in missing)
    assert found(index, b"needle", 41, backwards=True) == 1


def test_a_long_line_shows_its_head_or_the_tail_that_overwrote_it(tmp_path: Path) -> None:
    path = tmp_path / "log"
    bar = b"".join(b"\r%7d %%" % n for n in range(50_000))
    path.write_bytes(b"first\n" + b"h" * 300_000 + b"\n" + bar + b"\nlast\n")
    index = LogIndex(path)
    index.poll()
    first, head, tail, last = index.window(0, 10)
    assert (first, last) == (b"first", b"last")
    assert head == b"h" * log_index.LONGEST
    assert tail.endswith(b"  49999 %")
    assert len(tail) == log_index.LONGEST


def test_a_log_that_shrinks_is_read_anew_and_one_that_is_missing_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "log"
    index = LogIndex(path)
    assert not index.poll()
    assert (index.lines, index.window(0, 5)) == (0, [])
    path.write_bytes(b"a\nb\nc\n")
    index.poll()
    assert index.lines == 3
    os.truncate(path, 0)
    with path.open("ab") as file:
        file.write(b"new")
    index.poll()
    assert index.window(0, 5) == [b"new"]
    index.close()


def test_marks_lead_from_failure_to_failure(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"fine\nValueError: no\nfine\n[x ERROR] ERROR - gone\nfine\n")
    index = LogIndex(path)
    index.poll()
    assert index.next_mark(0) == 1
    assert index.next_mark(1) == 3
    assert index.next_mark(3) is None
    assert index.next_mark(3, backwards=True) == 1
    assert index.next_mark(1, backwards=True) is None


def test_the_index_of_a_large_log_is_small(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        for _ in range(20):
            file.write(b"x" * 99 + b"\n" * 1 + (b"y" * 149 + b"\n") * 20_000)
    index = LogIndex(path)
    while index.poll():
        pass
    assert index.lines == 20 * 20_001
    assert index.window(index.lines - 1, 5) == [b"y" * 149]
    assert len(index._before) * 8 < 0.001 * index.size
