"""One line of a program's raw output -> styled text, as a terminal would show it.

Understood within the line: carriage return, backspace, tab, erase in line (K), cursor forward, back
and to a column (C, D, G), colours and attributes (m). Every other control sequence is dropped; no
control character ever comes out.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.style import Style

SEQUENCE = re.compile(
    r"\x1b\[(?P<params>[0-9:;<=>?]*)[ -/]*(?P<final>[@-~])"  # CSI
    r"|\x1b[PX^_\]].*?(?:\x07|\x1b\\|$)"  # DCS, SOS, PM, APC, OSC: with all they carry
    r"|\x1b[ -/]*[0-~]?"  # charset, keypad …
    r"|[\x00-\x1f\x7f-\x9f]",
    re.DOTALL,
)
TAB = 8
NUL = "\N{REPLACEMENT CHARACTER}"
DOT = "·"
"""In place of a control character that means nothing here."""
MOST_COLUMNS = 4096
PLAIN = Style.null()
NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
ATTRIBUTES = {
    1: ("bold", True),
    2: ("dim", True),
    3: ("italic", True),
    4: ("underline", True),
    7: ("reverse", True),
    9: ("strike", True),
    22: ("bold dim", None),
    23: ("italic", None),
    24: ("underline", None),
    27: ("reverse", None),
    29: ("strike", None),
}
Pieces = list[tuple[str, Style]]
State = tuple[tuple[str, str], ...]
"""What is set, by name: color, bgcolor, attributes. Sorted, so that equal states are equal."""


def parse_line(raw: bytes, columns: int = MOST_COLUMNS) -> Pieces:
    """The line in pieces of one style each.

    Args:
        raw: its bytes, without the newline.
        columns: what lies further right is cut.
    """
    text = raw.rstrip(b"\r").decode(errors="replace")
    if not SEQUENCE.search(text):
        return [(_cut(text, columns), PLAIN)] if text else []
    line = _Line(columns)
    at = 0
    for found in SEQUENCE.finditer(text):
        line.write(text[at : found.start()])
        at = found.end()
        if found["final"]:
            line.control(found["final"], found["params"])
        elif len(found[0]) == 1:
            line.character(found[0])
    line.write(text[at:])
    return line.pieces()


def plain_text(raw: bytes) -> str:
    """The line without style."""
    return "".join(text for text, _ in parse_line(raw))


class _Line:
    """Cells of one line and a cursor. A wide character takes two cells, the second empty."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._cells: list[tuple[str, State]] = []
        self._at = 0
        self._state: State = ()

    def write(self, text: str) -> None:
        for character in text:
            width = cell_len(character)
            if width == 0:
                self._combine(character)
                continue
            if self._at + width > self._columns:
                return
            self._pad(self._at + width)
            self._clear(self._at, self._at + width)
            self._cells[self._at] = (character, self._state)
            if width == 2:
                self._cells[self._at + 1] = ("", self._state)
            self._at += width

    def character(self, one: str) -> None:
        if one == "\r":
            self._at = 0
        elif one == "\b":
            self._at = max(0, self._at - 1)
        elif one == "\t":
            self._at = min(self._columns - 1, (self._at // TAB + 1) * TAB)
        else:
            self.write(NUL if one == "\x00" else DOT)

    def control(self, final: str, params: str) -> None:
        number = _number(params)
        if final == "m":
            if not params.startswith(("<", "=", ">", "?")):  # private: no colour
                self._state = select_graphic(self._state, params)
        elif final == "K":
            self._erase(number or 0)
        elif final == "C":
            self._at = min(self._columns - 1, self._at + max(1, number or 1))
        elif final == "D":
            self._at = max(0, self._at - max(1, number or 1))
        elif final == "G":
            self._at = min(self._columns - 1, max(1, number or 1) - 1)

    def pieces(self) -> Pieces:
        found: list[tuple[list[str], State]] = []
        for character, state in self._cells:
            if found and found[-1][1] == state:
                found[-1][0].append(character)
            else:
                found.append(([character], state))
        return [("".join(some), _style(state)) for some, state in found]

    def _pad(self, length: int) -> None:
        missing = length - len(self._cells)
        if missing > 0:
            self._cells += [(" ", ())] * missing

    def _clear(self, start: int, end: int) -> None:
        """Of a wide character that is overwritten by half, the other half becomes a space."""
        if self._cells[start][0] == "" and start > 0:
            self._cells[start - 1] = (" ", self._cells[start - 1][1])
        if end < len(self._cells) and self._cells[end][0] == "":
            self._cells[end] = (" ", self._cells[end][1])

    def _combine(self, character: str) -> None:
        """A combining character belongs to the cell before; without one it is dropped."""
        at = min(self._at, len(self._cells)) - 1
        while at > 0 and self._cells[at][0] == "":
            at -= 1
        if at >= 0 and self._cells[at][0] and len(self._cells[at][0]) < 8:
            self._cells[at] = (self._cells[at][0] + character, self._cells[at][1])

    def _erase(self, how: int) -> None:
        if how == 0:
            if self._at < len(self._cells):
                self._clear(self._at, len(self._cells))
            del self._cells[self._at :]
        elif how == 1:
            end = min(self._at + 1, len(self._cells))
            if end < len(self._cells) and self._cells[end][0] == "":
                end += 1
            self._cells[:end] = [(" ", ())] * end
        elif how == 2:
            self._cells.clear()


def _cut(text: str, columns: int) -> str:
    return text if len(text) * 2 <= columns or cell_len(text) <= columns else _clip(text, columns)


def _clip(text: str, columns: int) -> str:
    return set_cell_size(text[:columns], columns).rstrip()


def _number(params: str) -> int | None:
    first = params.split(";")[0]
    return min(int(first), MOST_COLUMNS) if first.isascii() and first.isdigit() else None


@lru_cache(maxsize=1024)
def select_graphic(state: State, params: str) -> State:
    """The state after `CSI params m`; what is out of range or not known changes nothing."""
    now = dict(state)
    codes = [int(one) if one.isascii() and one.isdigit() else 0 for one in params.split(";")]
    while codes:
        code = codes.pop(0)
        if code == 0:
            now.clear()
        elif code in ATTRIBUTES:
            names, value = ATTRIBUTES[code]
            for name in names.split():
                now.pop(name, None)
                if value:
                    now[name] = "on"
        elif code in (38, 48):
            _extended("color" if code == 38 else "bgcolor", codes, now)
        elif code in (39, 49):
            now.pop("color" if code == 39 else "bgcolor", None)
        else:
            _named(code, now)
    return tuple(sorted(now.items()))


def _named(code: int, now: dict[str, str]) -> None:
    for start, place, prefix in (
        (30, "color", ""),
        (40, "bgcolor", ""),
        (90, "color", "bright_"),
        (100, "bgcolor", "bright_"),
    ):
        if start <= code < start + 8:
            now[place] = prefix + NAMES[code - start]


def _extended(place: str, codes: list[int], now: dict[str, str]) -> None:
    """38;5;n and 38;2;r;g;b, clamped; takes what it needs of `codes`."""
    kind = codes.pop(0) if codes else 0
    if kind == 5 and codes:
        now[place] = f"color({min(codes.pop(0), 255)})"
    elif kind == 2 and len(codes) >= 3:
        red, green, blue = (min(codes.pop(0), 255) for _ in range(3))
        now[place] = f"#{red:02x}{green:02x}{blue:02x}"


@lru_cache(maxsize=1024)
def _style(state: State) -> Style:
    colours = {name: value for name, value in state if name in ("color", "bgcolor")}
    attributes = {name: True for name, _ in state if name not in colours}
    return Style(**colours, **attributes)  # type: ignore[arg-type]
