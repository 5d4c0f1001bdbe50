"""events.jsonl: what happened to a run, one JSON object a line, appended by whoever saw it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tui.engine.home import append_whole, utc_now

PHASE = "phase"
ALERT = "alert"
STOP = "stop"
LIMITS = "limits"
GPU_USED = "gpu_used"
GPUS = "gpus"
DOING = "doing"
SILENCE = "silence"


def append(path: Path, kind: str, **about: Any) -> None:
    """Append one event; a line is written whole or not at all.

    Raises:
        OSError: the disk is full or not writable.
    """
    line = json.dumps({"time": utc_now(), "kind": kind, **about}) + "\n"
    append_whole(path, line.encode())


def read(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The whole events from byte `offset` on, and the offset to go on from."""
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    whole = data[: data.rfind(b"\n") + 1]
    found = []
    for line in whole.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue  # half a line of a full disk
        if isinstance(event, dict) and _is_whole(event):
            found.append(event)
    return found, offset + len(whole)


def _is_whole(event: dict[str, Any]) -> bool:
    """It has what its readers count on; another version may have written it."""
    needed = {PHASE: ("phase", str), ALERT: ("text", str), LIMITS: ("min_duration_s", float)}
    needed |= {SILENCE: ("seconds", float), DOING: ("what", str)}
    needed |= {GPU_USED: ("answer", str), GPUS: ("devices", list)}
    name, kind = needed.get(event.get("kind", ""), ("kind", str))
    since = event.get("boottime_s")
    return (
        isinstance(event.get("kind"), str)
        and isinstance(event.get(name), kind)
        and (since is None or isinstance(since, (int, float)))
        and isinstance(event.get("line", 0), int)
    )
