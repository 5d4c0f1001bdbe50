"""The keys of one profile file, read one by one; a wrong one is a ProfileError that says where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tui.engine.errors import ProfileError

LARGEST = 1e18
T = TypeVar("T")


class Fields:
    """The keys of one profile file; each read takes one, `end` refuses what is left."""

    def __init__(self, path: Path, found: Any, inside: str = "") -> None:
        self._path, self._inside = path, inside
        if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
            raise self._wrong("", "is not a list of `key: value` lines")
        self._left = dict(found)
        self._known: list[str] = []

    def text(self, key: str, default: str | None = None) -> str:
        """A non-empty string; where `default` is None, the key must be there."""
        value = self._take(key, default)
        if not isinstance(value, str) or (not value and default is None):
            raise self._wrong(key, f"is {value!r}, not a text")
        return value

    def optional_text(self, key: str) -> str | None:
        """A string, or None where the key is missing."""
        return self.text(key) if key in self._left else self._take(key, None, optional=True)

    def word(self, key: str) -> str:
        """A text or number, as a command line has it; true and false as yes and no."""
        value = self._take(key, None)
        if isinstance(value, bool):
            return "yes" if value else "no"
        if not isinstance(value, (str, int, float)) or value == "":
            raise self._wrong(key, f"is {value!r}, not a text or number")
        return str(value)

    def number(self, key: str, default: float | None) -> float | None:
        """A number, or `default` where the key is missing."""
        value: float | None = self._take(key, default, optional=True)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if value is not None and not (is_number and abs(value) < LARGEST):
            raise self._wrong(key, f"is {value!r}, not a number")
        return value

    def count(self, key: str, default: int | None = None) -> int | None:
        """A whole number from 0 on, however large, or `default` where the key is missing."""
        value: int | None = self._take(key, default, optional=True)
        if value is not None and (type(value) is not int or value < 0):
            raise self._wrong(key, f"is {value!r}, not a whole number")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self._take(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, f"is {value!r}; allowed: true, false")
        return value

    def texts(self, key: str, allowed: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A list of strings, each one of `allowed` where that is given; () where missing."""
        value = self._take(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self._wrong(key, f"is {value!r}, not a list of texts")
        for one in value:
            if allowed and one not in allowed:
                raise self._wrong(key, f"has {one!r}; allowed: {', '.join(allowed)}")
        return tuple(value)

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        """One of `allowed`."""
        value = self.text(key)
        if value not in allowed:
            raise self._wrong(key, f"is {value!r}; allowed: {', '.join(allowed)}")
        return value

    def has(self, key: str) -> bool:
        """The key is there and nobody has read it yet."""
        return key in self._left

    def part(self, key: str) -> Fields:
        """The keys below `key`; none where it is missing."""
        return Fields(self._path, self._take(key, {}), f"{self._inside}{key}.")

    def map(
        self, key: str, read: Callable[[Fields, str], T], allowed: tuple[str, ...] | None = None
    ) -> dict[str, T]:
        """What `read` gives for each name below `key`; only those of `allowed`, where given."""
        part = self.part(key)
        names = list(part._left) if allowed is None else allowed
        found = {name: read(part, name) for name in names if name in part._left}
        part._known = list(names)
        part.end()
        return found

    def text_map(self, key: str, allowed: tuple[str, ...] | None = None) -> dict[str, str]:
        """Names and texts below `key`."""
        return self.map(key, Fields.text, allowed)

    def number_map(self, key: str, allowed: tuple[str, ...] | None = None) -> dict[str, float]:
        """Names and numbers below `key`."""
        return self.map(key, Fields._some_number, allowed)

    def end(self) -> None:
        """Refuse every key that nobody asked for."""
        for key in self._left:
            raise self._wrong(key, f"is not a key; allowed: {', '.join(self._known)}")

    def _some_number(self, key: str) -> float:
        value = self.number(key, None)
        if value is None:
            raise self._wrong(key, "is empty, not a number")
        return value

    def _take(self, key: str, default: Any, *, optional: bool = False) -> Any:
        self._known.append(key)
        if key not in self._left and default is None and not optional:
            raise self._wrong(key, "is missing")
        return self._left.pop(key, default)

    def _wrong(self, key: str, problem: str) -> ProfileError:
        where = f"{self._inside}{key}".rstrip(".")
        return ProfileError(f"{self._path}: {where + ' ' if where else ''}{problem}")
