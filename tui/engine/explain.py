"""Any mlcr console log -> what happened: phases with their times, the outcome, the cause.

A log may be a run's own, the output that somebody saved, what `script` recorded (with its header
and footer) or an asciicast.
"""

from __future__ import annotations

import codecs
import json
import re
import tempfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from tui.engine import causes, events
from tui.engine.console import ConsoleReader, Findings, Phase
from tui.engine.errors import NotFoundError
from tui.engine.pace import Silence
from tui.engine.store import Cause, Run, RunState

READ_BYTES = 1 << 20
LOOK_BYTES = 16384
STAMP = re.compile(
    rb"(?:\x1b\[[0-9;?]*[A-Za-z]|\^C)*\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3})\d* "
)
EXIT = re.compile(r"(?:exit )?(\d{1,5})")
LONGEST_S = 1e9
FINISHED, FAILED, KILLED, INTERRUPTED, SKIPPED, RUNNING, UNKNOWN = OUTCOMES = (
    "finished", "failed", "killed", "interrupted", "skipped", "running", "unknown",
)  # fmt: skip


@dataclass(frozen=True)
class PhaseTime:
    """A phase, and how long it took."""

    name: str
    line: int
    seconds: float | None
    """None where the log does not tell."""
    scenario: str | None = None
    mode: str | None = None


@dataclass(frozen=True)
class Explanation:
    """What happened."""

    phases: tuple[PhaseTime, ...]
    outcome: str
    """One of `OUTCOMES`."""
    cause: Cause | None
    dependencies: int = 0
    """Scripts that mlcr ran for others."""
    deepest: int = 0
    silence: Silence | None = None

    def to_json(self) -> dict[str, Any]:
        """As the contract has it, and with scenario and mode beside each phase."""
        cause = self.cause
        return {
            "phases": [
                {
                    "name": one.name,
                    "line": one.line,
                    "seconds": one.seconds,
                    "scenario": one.scenario,
                    "mode": one.mode,
                }
                for one in self.phases
            ],
            "outcome": self.outcome,
            "cause": None
            if cause is None
            else {
                "code": cause.code,
                "text": cause.text,
                "line": cause.line,
                "fix": cause.fix,
                "rerun_with": list(cause.rerun_with) if cause.rerun_with else None,
            },
        }


@dataclass
class _Read:
    """A log that was read."""

    reader: ConsoleReader
    phases: list[Phase]
    begins: list[float | None] = field(default_factory=list)
    """When each phase began, in seconds of any clock."""
    end: float | None = None
    silence: Silence | None = None


def explain_run(run: Run) -> Explanation:
    """A run of ours: its own record says when things happened and how it ended.

    Raises:
        NotFoundError: its folder is damaged.
    """
    state = run.current_state()
    recorded, _ = events.read(run.events)
    read = _read_console(run)
    told = [one for one in recorded if one["kind"] == events.PHASE]
    if run.stored_spec.get("kind") == "probe":  # its phases are steps of its own protocol
        read.phases = [
            Phase(one["phase"], one.get("offset", 0), one.get("line", 0)) for one in told
        ]
    times = {one.get("line"): one.get("boottime_s") for one in told}
    read.begins = [times.get(one.line) for one in read.phases]
    read.end = state.ended_boottime_s
    if not state.is_final:
        return _explanation(read, RUNNING, None)
    read.silence = _longest(recorded)
    return _explanation(read, _outcome(run, state, read.reader.findings), state.cause)


def _read_console(run: Run) -> _Read:
    """What it printed so far; one that waits for its turn has printed nothing."""
    try:
        with open(run.console, "rb") as file:
            return _read(file)
    except FileNotFoundError:
        return _Read(ConsoleReader(), [])
    except OSError as error:
        raise NotFoundError(f"{run.console} cannot be read: {error.strerror}") from error


def _outcome(run: Run, state: RunState, findings: Findings) -> str:
    known = {"finished": FINISHED, "stopped": INTERRUPTED, "lost": UNKNOWN}
    if state.state in known:
        return known[state.state]
    if state.cause is None:
        return FAILED
    if state.cause.code == "skipped":
        return SKIPPED
    return outcome_of(findings, state.cause, run.exit)


def _longest(recorded: Sequence[dict[str, Any]]) -> Silence | None:
    found = [
        Silence(one["seconds"], one.get("line", 0))
        for one in recorded
        if one["kind"] == events.SILENCE
    ]
    return max(found, key=lambda one: one.seconds, default=None)


def explain_log(path: Path) -> Explanation:
    """A log that lies somewhere.

    Raises:
        NotFoundError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return explain_stream(file)
    except OSError as error:
        raise NotFoundError(f"{path} cannot be read: {error.strerror}") from error


def explain_stream(file: IO[bytes]) -> Explanation:
    """A log from an open file or a pipe."""
    if not file.seekable():
        return _explain_copy(iter(lambda: file.read(READ_BYTES), b""))
    head = file.read(READ_BYTES)
    file.seek(0)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # PowerShell writes such
        lines = codecs.iterdecode(iter(lambda: file.read(READ_BYTES), b""), "utf-16", "replace")
        return _explain_copy(line.encode(errors="replace") for line in lines)
    read = _read_cast(file) if _is_cast(head) else _read_stamped(file)
    outcome, cause = _judge(read.reader)
    return _explanation(read, outcome, cause)


def _explain_copy(parts: Iterable[bytes]) -> Explanation:
    with tempfile.TemporaryFile() as kept:
        for part in parts:
            kept.write(part)
        kept.seek(0)
        return explain_stream(kept)


def _judge(reader: ConsoleReader) -> tuple[str, Cause | None]:
    """How a log ended that nobody watched."""
    findings, evidence = reader.findings, reader.evidence()
    if evidence.block or findings.exit_code:
        cause = causes.failure_cause(findings, evidence)
        return outcome_of(findings, cause), cause
    if findings.skipped is not None:
        return SKIPPED, causes.skipped(findings)
    if findings.exit_code == 0 or (reader.current and reader.current.name == "results"):
        return FINISHED, None
    if causes.was_interrupted(evidence):
        return INTERRUPTED, causes.failure_cause(findings, evidence)
    known = causes.find(evidence)
    if known is not None and known.code == "killed":
        return KILLED, known
    if causes.ends_in_traceback(evidence):
        return FAILED, causes.failure_cause(findings, evidence)
    # Cut off, or it goes on: what looks like a cause may have been got over.
    return UNKNOWN, known


def outcome_of(findings: Findings, cause: Cause, ended: Mapping[str, Any] | None = None) -> str:
    """failed, killed or interrupted.

    Args:
        findings: what the console told.
        cause: the cause that was found.
        ended: exit.json, where there is one.
    """
    number = causes.inner_signal(findings, ended)
    if cause.code == "interrupted":
        return INTERRUPTED
    return KILLED if number in (9, 15) or cause.code == "killed" else FAILED


def _explanation(read: _Read, outcome: str, cause: Cause | None) -> Explanation:
    ends = [*read.begins[1:], read.end]
    phases = tuple(
        PhaseTime(one.name, one.line, _between(begin, end), one.scenario, one.mode)
        for one, begin, end in zip(read.phases, read.begins, ends)
    )
    findings = read.reader.findings
    return Explanation(
        phases, outcome, cause, findings.dependencies, findings.deepest, read.silence
    )


def _between(begin: float | None, end: float | None) -> float | None:
    return round(max(0.0, end - begin), 3) if begin is not None and end is not None else None


# --- reading --------------------------------------------------------------------------------


def _read(file: IO[bytes]) -> _Read:
    reader = ConsoleReader()
    phases: list[Phase] = []
    while data := file.read(READ_BYTES):
        phases += reader.feed(data)
    phases += reader.end()
    return _Read(reader, phases)


def _read_stamped(file: IO[bytes]) -> _Read:
    """Times from those that mlcr's own lines begin with."""
    read = _read(file)
    size = file.seek(0, 2)
    read.begins = [_begin(file, one) for one in read.phases]
    for nth, one in enumerate(read.phases):
        if one.name != "reporting":
            continue
        # Neither LoadGen's first line nor its last one has a time: the next line has.
        after = _stamp_after(file, one.offset)
        read.begins[nth] = after if after is not None else read.begins[nth]
        if after is not None and one.loadgen_s is not None and nth:
            before = read.phases[nth - 1]
            if before.name == "loadgen":
                read.begins[nth - 1] = after - one.loadgen_s
    read.end = _stamp_before(file, size)
    return read


def _begin(file: IO[bytes], phase: Phase) -> float | None:
    if phase.time is not None:
        return _stamp_after(file, phase.offset)
    return _stamp_before(file, phase.offset)


def _stamp_before(file: IO[bytes], offset: int) -> float | None:
    """The last time before that byte, not far from it; seconds."""
    begin = max(0, offset - LOOK_BYTES)
    file.seek(begin)
    return _first_stamp(reversed(file.read(offset - begin).split(b"\n")))


def _stamp_after(file: IO[bytes], offset: int) -> float | None:
    """The first time from that byte on, not far from it; seconds."""
    file.seek(offset)
    return _first_stamp(iter(file.read(LOOK_BYTES).split(b"\n")))


def _first_stamp(lines: Iterator[bytes]) -> float | None:
    found = next((found for line in lines if (found := STAMP.match(line))), None)
    return _seconds((found[1], found[2])) if found else None


def _seconds(stamp: tuple[bytes, bytes]) -> float | None:
    """Only differences mean something: the zone is not told."""
    try:
        when = datetime.strptime(stamp[0].decode(), "%Y-%m-%d %H:%M:%S")
    except ValueError:
        return None
    return (when - datetime(1970, 1, 1)).total_seconds() + int(stamp[1]) / 1000


def _is_cast(head: bytes) -> bool:
    first = _json(head.removeprefix(codecs.BOM_UTF8).split(b"\n", 1)[0])
    return isinstance(first, dict) and first.get("version") in (2, 3)


def _json(raw: bytes) -> Any:
    """None where it is none: the last line of a recording that broke off."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _read_cast(file: IO[bytes]) -> _Read:
    """An asciicast: it knows when each byte came."""
    reader, silence = ConsoleReader(), None
    phases: list[Phase] = []
    times: list[float] = []
    offsets: list[int] = []
    at, line = 0, 1
    for moment, kind, text in _events(file):
        if kind == "o":
            data = text.encode(errors="replace")
            if times and (silence is None or moment - times[-1] > silence.seconds):
                silence = Silence(round(moment - times[-1], 3), max(1, line - 1))
            times.append(moment)
            offsets.append(at)
            at += len(data)
            line += data.count(b"\n")
            phases += reader.feed(data)
        elif (code := EXIT.fullmatch(text)) and kind in ("m", "x"):  # of `m` others are marks
            reader.findings.exit_code = int(code[1])
            times.append(moment)
            offsets.append(at)
    phases += reader.end()
    begins = [times[max(0, bisect_right(offsets, one.offset) - 1)] for one in phases]
    return _Read(reader, phases, list(begins), times[-1] if times else None, silence)


def _events(file: IO[bytes]) -> Iterator[tuple[float, str, str]]:
    """Time in seconds from the start, kind and text; version 3 counts from event to event."""
    version, now = 2, 0.0
    for nth, raw in enumerate(file):
        event = _json(raw.removeprefix(codecs.BOM_UTF8) if nth == 0 else raw)
        if nth == 0 and isinstance(event, dict):
            version = event.get("version", 2)
        elif isinstance(event, list) and len(event) == 3 and _is_time(event[0]):
            now = now + event[0] if version == 3 else float(event[0])
            yield now, str(event[1]), str(event[2])


def _is_time(value: object) -> bool:
    return isinstance(value, (int, float)) and 0 <= value < LONGEST_S
