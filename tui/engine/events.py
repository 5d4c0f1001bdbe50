"""events.jsonl: what happened to a run, one JSON object a line, appended by whoever saw it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tui.engine.home import utc_now

PHASE = "phase"
ALERT = "alert"
STOP = "stop"
LIMITS = "limits"


def append(path: Path, kind: str, **about: Any) -> None:
    """Append one event; a line is written whole or not at all.

    Raises:
        OSError: the disk is full or not writable.
    """
    line = json.dumps({"time": utc_now(), "kind": kind, **about}, ensure_ascii=False) + "\n"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        data = line.encode()
        written = os.write(handle, data)
        if written < len(data):
            os.ftruncate(handle, os.fstat(handle).st_size - written)
            raise OSError(28, "No space left on device")
    finally:
        os.close(handle)


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
        if isinstance(event, dict) and isinstance(event.get("kind"), str):
            found.append(event)
    return found, offset + len(whole)
