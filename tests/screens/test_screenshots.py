"""The pictures of README and docs are what the app shows; `make screenshots` makes them anew.

Compared on one Python and one Textual only: both draw some details otherwise in other versions.
"""

from __future__ import annotations

import os
import re
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.screens import made_up
from tests.screens.looks import shown, until
from tui.app import MlperfTui
from tui.engine import catalog
from tui.engine.setup import place, python, steps, work
from tui.engine.store import RunStore
from tui.screens.run import RunScreen

PICTURES = Path(__file__).parents[2] / "docs/screens"
SAME = sys.version_info[:2] == (3, 11) and version("textual") == "8.2.8"
SMALL, LARGE = (80, 24), (200, 50)
PATH = ["slash" if one == "/" else one for one in "tests/data/published"]
TYPED = ("enter", "ctrl+u", "t", "f", "enter")
REFUSED = ("down", "down", "f", "down", "down", *TYPED)
STATES = {
    "benchmarks": ((), "1 running", SMALL),
    "benchmarks-wide": ((), "1 running", LARGE),
    "launch": (("down", "f", *["down"] * 6), "* mode", SMALL),
    "launch-wide": (("down", "f", *["down"] * 6), "* mode", LARGE),
    "launch-refused": (REFUSED, "does not go with", SMALL),
    "launch-presets": (("t",), "guide-small-batch", SMALL),
    "runs": (("2",), "5 runs", SMALL),
    "runs-wide": (("2",), "5 runs", LARGE),
    "run-live": (("2", "enter"), "▶ LoadGen", SMALL),
    "run-live-wide": (("2", "enter"), "▶ LoadGen", LARGE),
    "run-valid": (("2", "down", "enter"), "✔ VALID", SMALL),
    "run-invalid": (("2", "down", "down", "enter"), "✖ INVALID", SMALL),
    "run-failed": (("2", "end", "up", "enter"), "✖ failed", SMALL),
    "run-why": (("2", "enter", "w"), "What is known", SMALL),
    "run-checks": (("2", "down", "enter", "enter"), "Would it count?", SMALL),
    "results": (("2", "i", *PATH, "enter", "end"), "102 903 Tokens/s", SMALL),
    "results-wide": (("2", "i", *PATH, "enter", "end"), "102 903 Tokens/s", LARGE),
    "gpu": (("4",), "lost", SMALL),
    "gpu-wide": (("4",), "lost", LARGE),
    "probe": (("5",), "▲ suspect", SMALL),
    "probe-wide": (("5",), "▲ suspect", LARGE),
    "doctor": (("6",), "seen 0 s ago", SMALL),
    "doctor-wide": (("6",), "seen 0 s ago", LARGE),
    "setup": (("i",), "what Enter runs", SMALL),
    "setup-live": (("i", "enter"), "downloading opencv", SMALL),
    "setup-live-wide": (("i", "enter"), "downloading opencv", LARGE),
    "setup-failed": (("i", "enter"), "✖ failed", SMALL),
    "record": (("2", "down", "enter", "p", *["left"] * 9, *["plus"] * 2), "at ", SMALL),
    "record-wide": (("2", "down", "enter", "p"), "whole run", LARGE),
}


@pytest.fixture
def made(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    """A made-up data root, in UTC; paths are typed as seen from the checkout."""
    monkeypatch.chdir(PICTURES.parents[1])
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setattr("tui.engine.mlcflow.OFFICIAL_DEFAULT", root / "nowhere")
    time.tzset()
    return RunStore(root)


@pytest.mark.skipif(
    not SAME and "CI" not in os.environ,
    reason="pictures are compared on Python 3.11, Textual 8.2.8",
)
@pytest.mark.parametrize("name", STATES)
async def test_the_picture_is_what_the_app_shows(
    made: RunStore, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, words, size = STATES[name]
    if name.startswith("setup"):
        set_up(tmp_path, monkeypatch, fails=name.endswith("failed"))
    runs = made_up.make_all(made.root)
    if name in ("launch", "launch-wide", "launch-refused"):
        made_up.with_installation(made.root, monkeypatch)
    if name.startswith("probe"):
        made_up.make_probes(made.root)
    machine = made_up.machine(made.root.parent / "machine")
    outside = {**made_up.outside(), "outside": machine.outside}
    app = MlperfTui(catalog.load(), made, made_up.FACTS, **outside)
    with made_up.watched(runs["live"]):
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: "H100" in shown(app))
            for key in keys:
                await pilot.press(key)
                if isinstance(screen := app.screen, RunScreen):
                    await until(pilot, lambda screen=screen: screen._live.phase)
                await settled(app, pilot)
            await until(pilot, lambda: words in shown(app))
            await settled(app, pilot)
            picture = normalized(app.export_screenshot(title="mlperf-tui"))
    check(PICTURES / f"{name}.svg", picture)


def set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, fails: bool) -> None:
    """A machine with a Python of its own, and a setup that goes on or has failed."""
    monkeypatch.setattr("tui.engine.mlcflow.OFFICIAL_DEFAULT", Path("/mnt/data/mlperf-official"))
    host = python.HostPython("/usr/bin/python3", (3, 12, 3), True, True, True, ())
    made = made_up.SetupWork(tmp_path, fails=fails)
    monkeypatch.setattr(steps, "host_python", lambda: host)
    monkeypatch.setattr(steps.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(work, "run", made)
    monkeypatch.setattr(place.Place, "log", made.log)


async def settled(app: MlperfTui, pilot: object) -> None:
    """Until two looks a moment apart show the same."""
    import asyncio

    last, same = "", 0
    for _ in range(200):
        await asyncio.sleep(0.1)
        now = shown(app)
        same = same + 1 if now == last else 0
        last = now
        if same >= 3:
            return
    raise AssertionError("it does not come to rest:\n" + last)


def normalized(svg: str) -> str:
    """Without fonts from elsewhere, and with a name instead of a checksum in its ids."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"terminal-\d+", "terminal", svg)
    svg = svg.replace("Fira Code", "monospace")
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def check(path: Path, picture: str) -> None:
    if os.environ.get("UPDATE_SCREENSHOTS"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(picture)
        return
    if not SAME:
        return  # drawn, and by that tried; compared elsewhere
    assert path.exists(), "make screenshots"
    assert picture == path.read_text(), f"{path.name} is another one; look at it: make screenshots"
