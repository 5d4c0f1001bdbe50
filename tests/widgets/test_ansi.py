"""One raw line as a terminal would show it, and nothing that could harm one."""

from __future__ import annotations

from pathlib import Path

import pyte
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.conftest import DATA
from widgets.ansi import MOST_COLUMNS, parse_line, plain_text, select_graphic

TOKENS = st.lists(
    st.sampled_from(
        [
            *("a", "bc", "Ж", "界", "e\u0301", " ", "%", "50"),
            *("\r", "\b", "\t", "\x00", "\x07", "\x7f", "\x9b"),
            *("\x1b[31m", "\x1b[0m", "\x1b[m", "\x1b[1;38;5;200m", "\x1b[48;2;1;2;300m"),
            *("\x1b[38;5m", "\x1b[99m", "\x1b[?25l", "\x1b[K", "\x1b[1K", "\x1b[2K"),
            *("\x1b[3C", "\x1b[2D", "\x1b[5G", "\x1b[2J", "\x1b[1;1H", "\x1b[999999999C"),
            *("\x1b]0;title\x07", "\x1b]8;;http://x\x1b\\", "\x1bP1$r\x1b\\", "\x1b(B", "\x1b"),
        ]
    ),
    max_size=30,
).map("".join)


def harmless(raw: bytes) -> None:
    pieces = parse_line(raw)
    for text, _ in pieces:
        assert not any(ord(one) < 32 or 0x7F <= ord(one) <= 0x9F for one in text), pieces
    assert sum(len(text) for text, _ in pieces) <= 9 * MOST_COLUMNS


@given(st.binary(max_size=200))
@settings(max_examples=2000, deadline=None)
@example(b"\x1b]0;never ended")
@example(b"\xff\xfe\x1b[" + b"1;" * 500 + b"m")
def test_no_control_character_comes_out_of_any_bytes(raw: bytes) -> None:
    harmless(raw.replace(b"\n", b""))


@given(TOKENS)
@settings(max_examples=2000, deadline=None)
def test_no_control_character_comes_out_of_any_sequences(text: str) -> None:
    harmless(text.encode())


def by_pyte(raw: bytes) -> str:
    screen = pyte.Screen(600, 3)
    stream = pyte.Stream(screen)
    stream.feed(raw.rstrip(b"\r").decode(errors="replace"))
    return screen.display[0].rstrip()


SIMPLE = st.lists(
    st.sampled_from(
        [
            *("a", "bc", "defg", " ", "\r", "\b", "\x1b[K", "\x1b[1K", "\x1b[2K"),
            *("\x1b[3C", "\x1b[2D", "\x1b[5G", "\x1b[31m", "\x1b[0m"),
        ]
    ),
    max_size=30,
).map("".join)


@given(SIMPLE)
@settings(max_examples=1000, deadline=None)
def test_a_line_looks_as_in_a_terminal_emulator(text: str) -> None:
    assert plain_text(text.encode()).rstrip() == by_pyte(text.encode())


def compare_with_pyte(path: Path) -> tuple[int, int]:
    """How many lines of a recording were compared, and how many differ."""
    compared = different = 0
    for line in path.read_bytes().split(b"\n"):
        if b"\x00" in line or len(line) > 500:  # NUL is shown here, on purpose
            continue
        compared += 1
        different += plain_text(line).rstrip() != by_pyte(line)
    return compared, different


def test_recorded_streams_look_as_in_a_terminal_emulator(corpus: Path) -> None:
    found = [compare_with_pyte(path) for path in sorted((corpus / "logs/mlcr").glob("*.raw"))]
    assert sum(compared for compared, _ in found) > 3000
    assert sum(different for _, different in found) <= 2


def test_the_small_recordings_look_as_in_a_terminal_emulator() -> None:
    streams = list(DATA.rglob("*.raw"))
    assert streams
    for path in streams:
        assert compare_with_pyte(path)[1] <= 1, path


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"\r 10 %\r 20 %\r100 %\r", "100 %"),
        (b"abc\x1b[2Kd", "   d"),
        (b"tab\tx", "tab     x"),
        (b"a\x00b", "a\N{REPLACEMENT CHARACTER}b"),
        ("\u754c\ra".encode(), "a "),
        ("a\u754c\r\x1b[2Cb".encode(), "a b"),
        (b"\x1b]0;t\x07text", "text"),
    ],
)
def test_what_is_shown(raw: bytes, shown: str) -> None:
    assert plain_text(raw) == shown


def test_colours_are_kept_and_clamped() -> None:
    (red, plain) = parse_line(b"\x1b[1;31mred\x1b[0m plain")
    assert (red[1].bold, red[1].color and red[1].color.name, red[0]) == (True, "red", "red")
    assert (plain[1].bold, plain[1].color) == (None, None)
    assert select_graphic((), "38;5;999") == (("color", "color(255)"),)
    assert select_graphic((), "48;2;1;2;300") == (("bgcolor", "#0102ff"),)
    assert select_graphic((("bold", "on"),), "22") == ()


def test_a_line_is_cut_at_its_columns_however_wide_its_characters() -> None:
    assert plain_text(("界" * 9000).encode()).rstrip() == "界" * (MOST_COLUMNS // 2)
    assert len(plain_text(b"x" * 9000)) == MOST_COLUMNS
