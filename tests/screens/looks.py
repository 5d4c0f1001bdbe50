"""To wait for what an app shows, and to read it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot

from tests.conftest import PATIENCE_S


async def until(pilot: Pilot[None], claim: Callable[[], Any], seconds: float = PATIENCE_S) -> Any:
    """What `claim` gives as soon as that is true; the app goes on meanwhile."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await pilot.pause()
        if found := claim():
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {seconds} s:\n" + shown(pilot.app))


def shown(app: Any) -> str:
    """The screen as a terminal shows it."""
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in lines)
