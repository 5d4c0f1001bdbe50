"""What keeps a setup from going on, with what to do about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """What is wrong, what to do, and the command that does it where one does."""

    text: str
    fix: str | None = None
    command: str | None = None
    """To be copied into a shell."""

    def to_json(self) -> dict[str, Any]:
        """As `setup --json` prints it."""
        return asdict(self)
