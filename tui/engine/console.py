"""An mlcr console log -> phases, and for a failure the first cause that can be named.

Markers: the wording of mlcflow 1.3.8 and mlperf-automations of July 2026. File names and line
numbers in the log's own prefix change with every release, so nothing rests on them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tui.engine.store import Cause

CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\r$")
LONGEST_LINE = 65536
"""Of a longer line only a part is read: nothing we look for is that long."""

PHASES = (
    "start",
    "dependencies",
    "scenario",
    "preprocessing",
    "build",
    "benchmark",
    "loadgen",
    "reporting",
    "results",
)
"""In order. `scenario` opens a part (one scenario in one mode), which ends with `reporting`."""


@dataclass(frozen=True)
class Phase:
    """The run has entered a phase."""

    name: str
    offset: int
    """Byte in console.log where the line begins that tells."""
    line: int
    """That line's number, from 1."""
    scenario: str | None = None
    mode: str | None = None
    """LoadGen's part that it belongs to, where known."""
    time: str | None = None
    """The time in the log line, where it has one (local, no zone)."""


@dataclass
class Findings:
    """What the console told beside the phases."""

    output_dir: str | None = None
    """Where LoadGen writes in the current part."""
    skipped: bool = False
    """mlcr found old results and did not measure."""
    error: str | None = None
    """What mlcr said of the failure."""
    error_above: str | None = None
    """The last line above mlcr's own block that looks like an error: nearer to the cause."""
    return_code: int | None = None
    """Raw wait status that mlcr printed as `return code = N`."""
    no_space: bool = False
    no_cuda: bool = False
    """ONNX Runtime was asked for the GPU and went on without it."""


PREFIX = re.compile(rb"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+ [^\]]*\] - ")
MARKERS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("scenario", re.compile(rb"Running loadgen scenario: (\w+) and mode: (\w+)")),
    ("benchmark", re.compile(rb"\s*\* mlcr benchmark-program")),
    ("start", re.compile(rb"\* mlcr run-mlperf,inference")),
    ("dependencies", re.compile(rb"\s+\* mlcr ")),
    ("preprocessing", re.compile(rb"INFO:\w+:Preprocessing \d+ ")),
    ("build", re.compile(rb"\[ *\d+%\] Building ")),
    ("loadgen", re.compile(rb"INFO:\w+:starting TestScenario\.(\w+)")),
    ("reporting", re.compile(rb"TestScenario\.\w+ qps=")),
    ("results", re.compile(rb"The MLPerf inference results are stored at ")),
)
MIGHT_MATTER = re.compile(
    rb"\* mlcr |loadgen scenario|Preprocessing |%\] |TestScenario|results are stored at"
    rb"|Output Dir: |skipping run|[Ee]rror|ERROR|return code = |Killed|No space left|Errno"
    rb"|CUDAExecutionProvider|Traceback \(most|are not matching|fatal|cannot|Exception"
)
LOOKS_WRONG = re.compile(
    rb"^\w*(?:Error|Exception)\b.*|^(?:fatal|error|Error|ERROR)\s*:.*|.*\bKilled\b.*"
    rb"|.*: cannot .*|.*No space left on device.*",
    re.IGNORECASE,
)


class ConsoleReader:
    """Fed with the bytes of a console log as they come; gives the phases they begin.

    Memory is bounded, whatever comes: a line is cut at 64 KiB.
    """

    def __init__(self) -> None:
        self.findings = Findings()
        self.current: Phase | None = None
        self._rest = b""
        self._offset = 0
        self._line = 0
        self._in_block = False
        self._in_traceback = False

    def feed(self, data: bytes) -> Iterator[Phase]:
        """Read the next bytes; yields each phase that a whole line of them begins."""
        lines = data.split(b"\n")
        lines[0] = self._rest + lines[0]
        self._rest = lines.pop()
        for line in lines:
            yield from self._read(line)
            self._offset += len(line) + 1
        self._trim()

    def skip(self, data: bytes) -> None:
        """Pass over the next bytes without a look, only counting lines: far cheaper than `feed`."""
        whole, newline, rest = data.rpartition(b"\n")
        if newline:
            self._line += whole.count(b"\n") + 1
            self._offset += len(self._rest) + len(whole) + 1
            self._rest = b""
        self._rest += rest
        self._trim()

    def _trim(self) -> None:
        """Of an endless line, keep the tail."""
        cut = len(self._rest) - LONGEST_LINE
        if cut > 0:
            self._offset += cut
            self._rest = self._rest[cut:]

    def end(self) -> Iterator[Phase]:
        """The log is over: read the last line, though it has no newline."""
        if self._rest:
            yield from self._read(self._rest)
            self._rest = b""

    def _read(self, raw: bytes) -> Iterator[Phase]:
        self._line += 1
        if self._in_traceback and not raw.startswith(b" "):
            self._in_traceback = False
            if not self._in_block:
                self.findings.error_above = raw[:500].decode(errors="replace").strip()
        if not MIGHT_MATTER.search(raw[:LONGEST_LINE]):
            return
        line = CONTROL.sub(b"", raw[:LONGEST_LINE])
        prefix = PREFIX.match(line)
        text = line[prefix.end() :] if prefix else line
        self._note(text, logged=prefix is not None)
        for name, marker in MARKERS:
            found = marker.match(text)
            if found:
                time = prefix[1].decode() if prefix else None
                yield from self._enter(name, found, time)
                return

    def _enter(self, name: str, found: re.Match[bytes], time: str | None) -> Iterator[Phase]:
        now = self.current
        opens = name == "scenario" and (now is None or now.name != "results")
        rank = PHASES.index(now.name) if now else -1
        if not opens and PHASES.index(name) <= rank:
            return
        scenario, mode = (now.scenario, now.mode) if now else (None, None)
        if name == "scenario":
            scenario, mode = found[1].decode(), found[2].decode()
        elif name == "results":
            scenario = mode = None
        self.current = Phase(name, self._offset, self._line, scenario, mode, time)
        yield self.current

    def _note(self, text: bytes, *, logged: bool) -> None:
        findings = self.findings
        words = text.decode(errors="replace").strip()
        if words.startswith("Output Dir: "):
            findings.output_dir = words.removeprefix("Output Dir: ").strip("'")
        elif "skipping run" in words:
            findings.skipped = True
        if "No space left on device" in words:
            findings.no_space = True
        if "'CUDAExecutionProvider' is not in available provider names" in words:
            findings.no_cuda = True
        if match := re.search(r"return code = (-?\d+)", words):
            findings.return_code = int(match[1])
        if logged and words.startswith("Error during"):
            self._in_block = True
        elif match := re.match(r"Error : (.+)", words):
            self._in_block = True
            findings.error = match[1]
        elif "are not matching" in words:
            findings.error = words  # which variation: nearer to the cause than the line above it
        elif words.startswith("Traceback (most"):
            self._in_traceback = True
        elif not self._in_block and LOOKS_WRONG.match(words.encode()):
            findings.error_above = words


def decode_wait_status(status: int) -> str:
    """`return code = N` in words: it is a raw wait status. 256: exit 1; 35072: exit 137, KILL."""
    if status & 0x7F:
        return f"ended by signal {status & 0x7F}"
    code = status >> 8
    if code > 128:
        return f"ended by signal {code - 128}"
    return f"exit {code}"


def failure_cause(findings: Findings, ended: Mapping[str, Any] | None) -> Cause:
    """The cause of a failed command.

    Args:
        findings: what its console told.
        ended: its exit.json; None where nobody saw it end.
    """
    spawn = (ended or {}).get("spawn_error")
    if spawn:
        _, text, name = spawn
        return Cause(
            "not-started",
            f"the command could not be started: {name}: {text}",
            "check the installation that the command belongs to",
        )
    if findings.no_space:
        return Cause(
            "disk-full", "the disk is full: No space left on device", "make room and rerun"
        )
    raw = findings.return_code
    if raw is not None and "signal 9" in decode_wait_status(raw):
        return Cause(
            "killed",
            f"the benchmark was killed (return code = {raw}), most likely for lack of memory",
            "close other programs or use a smaller batch",
        )
    number = (ended or {}).get("signal")
    if number:
        return Cause("killed", f"mlcr was ended by signal {number} from outside")
    if findings.error_above:
        return Cause("script-failed", findings.error_above)
    if findings.error:
        status = f" ({decode_wait_status(raw)})" if raw is not None else ""
        return Cause("mlcr-error", _shortened(findings.error) + status)
    code = (ended or {}).get("exit_code")
    return Cause("exit-code", f"mlcr ended with exit code {code} and no word why")


def _shortened(text: str) -> str:
    """Without the 4 KB of variations that mlcr lists."""
    return re.sub(r" with variations dict_keys\(.*", "", text)[:500]
