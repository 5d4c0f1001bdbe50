"""The form of a run: how long until it is seen, from cached metadata and with the metadata cold."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from tui.engine import catalog, mlcr_options, sut
from tui.engine.launch import Request
from tui.engine.mlcflow import Installation
from tui.engine.store import RunStore

ROUNDS = 9


def measure(root: Path) -> None:
    """Opening the form, reading the metadata from the cache, and reading it from the scripts."""
    installation = _installation(root)
    if installation is None:
        print("form: no official installation here ($MLPERF_TUI_INSTALLATION)")
        return
    cold = _median(lambda: mlcr_options.read(installation, _empty(root)))
    mlcr_options.read(installation, root)
    cached = _median(lambda: mlcr_options.read(installation, root))
    opened = asyncio.run(_opened(root))
    print(f"form opens, cached metadata  {opened * 1e3:7.1f} ms   (asked: < 100)")
    print(f"  the metadata from the cache{cached * 1e3:7.1f} ms")
    print(
        f"  the metadata from 3 scripts{cold * 1e3:7.1f} ms   ratio {cold / cached:.0f}; "
        f"with it the form takes {(opened - cached + cold) * 1e3:.0f} ms"
    )
    everything = _all_scripts(installation)
    print(
        f"  all meta.yaml, as mlcr does{everything * 1e3:7.0f} ms   once; mlcr does it twice a call"
    )


def _installation(root: Path) -> Installation | None:
    from tui.engine import mlcflow
    from tui.engine.errors import InstallationError

    name, _ = mlcflow.choose(None)
    try:
        return None if name == mlcflow.EMBEDDED else mlcflow.locate(name, root)
    except InstallationError:
        return None


def _empty(root: Path) -> Path:
    for one in (root / "cache").glob("*.json"):
        one.unlink()
    return root


def _median(do: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        do()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def _all_scripts(installation: Installation) -> float:
    """One pass over every script's metadata with mlcr's own loader of YAML."""
    import yaml

    begin = time.perf_counter()
    for path in installation.script.parent.glob("*/meta.yaml"):
        yaml.safe_load(path.read_text(encoding="utf-8"))
    return time.perf_counter() - begin


async def _opened(root: Path) -> float:
    """From the key to the first picture, in a running app; the first time is left out."""
    from tui.app import MlperfTui
    from tui.screens.launch import LaunchScreen

    store, known, facts = RunStore(root), catalog.load(), sut.describe()
    app = MlperfTui(known, store, facts)
    times = []
    async with app.run_test(size=(80, 24)) as pilot:
        for _ in range(ROUNDS):
            screen = LaunchScreen(Request("resnet50", "Offline"), known, store, facts)
            seen = asyncio.Event()
            begin = time.perf_counter()
            await app.push_screen(screen)
            screen.call_after_refresh(seen.set)
            await seen.wait()
            times.append(time.perf_counter() - begin)
            await app.pop_screen()
            await pilot.pause()
    return statistics.median(times[1:])
