"""Reads a YAML file that a user may have written: a wrong one is one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


class NotYaml(Exception):
    """The file cannot be read; the text says why, in one line."""


class _Loader(yaml.CSafeLoader):
    """Refuses a key that stands twice in one place: the first would be lost in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = next((one for n, one in enumerate(names) if one in names[:n]), None)
        if twice is not None:
            place = node.start_mark
            raise NotYaml(f"the key {twice} stands there twice (after line {place.line + 1})")
        return super().construct_mapping(node, deep)


def loads(text: str) -> Any:
    """The document in a text.

    Raises:
        NotYaml: it is none, or holds a value that cannot be.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    # PyYAML lets out whatever int(), float() and date() say of a value that cannot be.
    except (
        yaml.YAMLError, ValueError, KeyError, AttributeError, TypeError, RecursionError,
    ) as error:  # fmt: skip
        raise NotYaml(" ".join(str(error).split())) from error


def load(path: Path) -> Any:
    """The document in a file.

    Raises:
        NotYaml: it cannot be read, is none, or holds a value that cannot be.
    """
    try:
        return loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise NotYaml(str(error)) from error
