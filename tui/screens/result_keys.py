"""What one can do with a result, wherever it is shown: checks, raw logs, a picture of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from tui.engine import home
from tui.present import result as present_result
from tui.screens.frame import FrameScreen
from tui.screens.raw import RawScreen
from widgets.dialog import Sheet
from widgets.panel import panel_lines
from widgets.rows import Tone

SHEET_WIDTH = 92
EXPORTS = "exports"
"""Where pictures go, below the data root."""


class ResultKeys(FrameScreen):
    """Keys for the results that a screen shows now."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,ctrl+j", "checks", "checks", priority=True),
        Binding("m", "raw('summary')", "summary"),
        Binding("M", "raw('detail')", "detail"),
        Binding("e", "export", "export"),
    ]

    @property
    def results_here(self) -> Sequence[Mapping[str, Any]]:
        """The results that are shown, as the contract's objects."""
        return ()

    @property
    def export_root(self) -> Path:
        """The data root: pictures go below it."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only where there is a result."""
        if action in ("checks", "raw", "export") and not self.results_here:
            return False
        return super().check_action(action, parameters)

    def action_checks(self) -> None:
        """Every official check of the results, in a sheet."""
        width = max(10, min(SHEET_WIDTH, self.app.size.width - 6))
        lines: list[Text] = []
        for one in self.results_here:
            if lines:
                lines.append(Text(""))
            if len(self.results_here) > 1:
                lines.append(Text(present_result.panel(one).title))
            lines += panel_lines(present_result.checks_panel(one), width)
        self.app.push_screen(Sheet("Would it count?", lines))

    async def action_raw(self, which: str) -> None:
        """The summary or the detail log, as LoadGen wrote it."""
        for one in self.results_here:
            path = Path(one["path"])
            other = path.with_name(re.sub("detail|summary", which, path.name))
            if other.is_file():
                await self.app.push_screen(RawScreen(other))
                return
        self.say(f"there is no {which} log here", Tone.WARNING)

    def action_export(self) -> None:
        """What is seen, as an SVG picture below the data root."""
        first = self.results_here[0]
        words = [str(first[key]) for key in ("benchmark", "scenario", "kind") if first[key]]
        stem = re.sub(r"[^\w.-]+", "-", "-".join(words)) or "result"
        folder = self.export_root / EXPORTS
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            path = _free(folder, stem)
            home.write_atomic(path, self.app.export_screenshot(title="mlperf-tui"))
        except OSError as error:
            self.say(f"{folder}: {error.strerror}", Tone.BAD)
        else:
            self.say(f"wrote {path}")


def _free(folder: Path, stem: str) -> Path:
    """A name that is not taken: nothing is written over."""
    path, number = folder / f"{stem}.svg", 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.svg"
    return path
