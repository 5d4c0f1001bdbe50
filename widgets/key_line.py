"""The keys of the focused place, in the last line; a click on one does what the key does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.style import Style
from rich.text import Text
from textual.keys import format_key
from textual.screen import Screen

from widgets.text_view import TextView
from widgets.tones import KEY, STRONG

GAP = 2
ESSENTIAL = 3
TEXTUALS = ("scroll_", "page_left", "page_right", "app.focus", "screen.")
"""Actions that Textual binds everywhere."""
SHORT = {"question_mark": "?", "slash": "/", "enter": "Enter", "escape": "Esc"}


class KeyLine(TextView):
    """Keys and what they do. A message takes their place until the next key is pressed."""

    DEFAULT_CSS = """
    KeyLine { height: 1; dock: bottom; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._keys: tuple[tuple[str, str, str], ...] = ()
        """Key as shown, what it does, its name for a click."""
        self._message = Text()

    def on_mount(self) -> None:
        """Keep up with the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self._update)
        self._update(self.screen)

    def _update(self, screen: Screen[Any]) -> None:
        self._keys = tuple(_shown(screen))
        self.redraw()

    def say(self, message: Text) -> None:
        """Show a message in place of the keys; an empty one shows the keys again."""
        self._message = message
        self.redraw()

    @property
    def message(self) -> str:
        """What is said now."""
        return self._message.plain

    def lines(self, width: int) -> list[Text]:
        """The keys that have room. The last ones (back, help, quit) always have it."""
        if self._message:
            line = self._message.copy()
            line.truncate(width, overflow="ellipsis")
            return [line]
        parts = [_key_text(*one) for one in self._keys]
        first, last = parts[:-ESSENTIAL], parts[-ESSENTIAL:]
        while first and _length([*first, *last]) > width:
            first.pop()
        return [Text(" " * GAP, no_wrap=True).join([*first, *last])]


def _key_text(key: str, words: str, name: str) -> Text:
    meta = Style(meta={"@click": f"app.simulate_key({name!r})"})
    return Text.assemble((key, KEY + meta), (f" {words}", meta))


def _length(parts: list[Text]) -> int:
    return sum(one.cell_len for one in parts) + GAP * (len(parts) - 1)


def _shown(screen: Screen[Any]) -> Iterable[tuple[str, str, str]]:
    told = set()
    for active in screen.active_bindings.values():
        binding = active.binding
        if binding.show and active.enabled and binding.action not in told:
            told.add(binding.action)
            key = binding.key_display or SHORT.get(binding.key) or format_key(binding.key)
            yield key, binding.description, binding.key


def help_lines(screen: Screen[Any]) -> list[Text]:
    """Every key that works here and now, for a help sheet."""
    found: dict[str, tuple[list[str], str]] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if active.enabled and binding.description and not binding.action.startswith(TEXTUALS):
            key = binding.key_display or SHORT.get(binding.key) or format_key(binding.key)
            found.setdefault(binding.action, ([], binding.description))[0].append(key)
    return [
        Text.assemble((" ".join(keys).ljust(12), STRONG), " ", words)
        for keys, words in found.values()
    ]
