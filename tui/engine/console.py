"""An mlcr console log -> phases, what is being done now, and what a failure is judged by.

Markers: the wording of mlcflow 1.3.8 and mlperf-automations of July 2026. File names and line
numbers in the log's own prefix change with every release, so nothing rests on them.

One expression looks at the beginning of each line, and only lines that tell something reach Python:
a log of 100 MB is read in a second. What a failure is judged by (`Evidence`) is the part of the log
since the last dependency that went well: an error before that was got over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
LONGEST_LINE = 65536
"""Of a longer line only the end is read: nothing we look for is that long."""
EVIDENCE_BYTES = 1 << 20
BLOCK_BYTES = 1 << 16

PHASES = (
    "start",
    "dependencies",
    "scenario",
    "container",
    "preprocessing",
    "build",
    "benchmark",
    "loadgen",
    "reporting",
    "accuracy",
    "results",
)
"""In order. `scenario` opens a part (one scenario in one mode), which `results` ends at last."""

RANKS = {name: rank for rank, name in enumerate(PHASES)}


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
    loadgen_s: float | None = None
    """Of `reporting`: how long LoadGen ran, by the benchmark's own clock."""


@dataclass(frozen=True)
class Activity:
    """What goes on inside a phase."""

    kind: str
    """dependency, download, git, pip, build or container."""
    what: str
    """E.g. a script's tags, an address, a package."""
    percent: float | None = None
    """Where the tool prints it."""
    count: int | None = None
    """Of dependencies: how many so far."""
    depth: int | None = None
    """Of dependencies: how deep this one lies, from 1."""


@dataclass
class Findings:
    """What the console told beside the phases."""

    output_dir: str | None = None
    """Where LoadGen writes in the current part."""
    user_conf: dict[str, str] = field(default_factory=dict)
    """LoadGen's settings for the current part, as mlcr wrote them: `min_duration` … in ms."""
    skipped: int | None = None
    """The line where mlcr found old results and did not measure."""
    skipped_part: str | None = None
    """LoadGen's mode in that part."""
    return_code: int | None = None
    """Raw wait status that mlcr printed as `return code = N`."""
    exit_code: int | None = None
    """What `script` wrote of the command's end, below the log."""
    no_cuda: bool = False
    """ONNX Runtime was asked for the GPU and went on without it."""
    dependencies: int = 0
    deepest: int = 0


@dataclass(frozen=True)
class Evidence:
    """The end of a log, to find the cause of a failure in."""

    text: bytes
    """From the last thing that went well to mlcr's own words of the failure, or the log's end."""
    line: int
    """Number of its first line."""
    block: bytes
    """What mlcr itself says of the failure; empty where it says nothing."""
    block_line: int


STAMP = rb"(?: *\[(20.{17}),\d+ [^\]\r\n]*\](?: -|) |INFO:root:|)"
"""mlcr's own; cm, its forerunner, had Python's."""
SAYS = rb"(?:INFO:[\w.-]+:|I\d{4} [^\]\r\n]{0,80}\] |\[I\] |20[\d: ,.-]{17,25}(?:\w+ )?INFO:? |)"
"""What stands before a benchmark's own words: Python's, glog's, TensorRT's prefix."""
MARKERS: dict[str, bytes] = {
    "mlcr": rb"\* (?:mlcr|cm run script) ([^\r\n]*)",
    "good": rb"- cache UID: ",
    "scenario": rb"Running loadgen scenario: (\w+) and mode: (\w+)",
    "output_dir": rb"Output Dir: '([^'\r\n]*)'",
    "skipped": rb"Run files exist, skipping run",
    "preprocessing": rb"INFO:\w+:Preprocessing \d+ ",
    "build": rb"(?:\[ *(\d{1,3})%\] (?:\x1b\[[0-9;]*m)*(?:Building|Linking|Built) ([^\r\n]*)"
    rb"|-- The \w+ compiler identification is )",
    "loadgen": SAYS + rb"(?:starting TestScenario\.\w+|Running Load[gG]en test"
    rb"|Starting Benchmark run|Starting running actual test)",
    "reporting": rb"TestScenario\.\w+ qps=(?:[^\r\n]*?, time=([\d.]+))?",
    "ended": SAYS + rb"(?:Run Completed!|Finished running actual test|(?:Test )?Done!"
    rb"|Destroying SUT|MLPerf Results Summary)",
    "results": rb"The MLPerf inference results are stored at ",
    "download": rb"(?:Downloading from (\S+)|Downloading (https?://\S+)|--[\d: -]+--  (\S+))",
    "git": rb"Cloning into '([^'\r\n]*)'",
    "pip": rb"(?:(Collecting) ([^\r\n]*)|(Downloading) ([\w.-]+\.(?:whl|tar\.gz|zip))"
    rb"|(Installing) collected packages: ([^\r\n]*)|(Building) wheel for ([^\r\n(]*))",
    "image": rb"(?:#\d+ \[(?:[^\]\r\n]* )?(\d{1,5})/(\d{1,5})\] ([^\r\n]*)"
    rb"|Step (\d{1,5})/(\d{1,5}) : ([^\r\n]*))",
    "block": rb"(?:Error during '|Error : |(?:mlc\.[\w.]*)?ScriptExecutionError: |CM error: )",
    "footer": rb"Script done on [^\r\n]*COMMAND_EXIT_CODE=\"(\d{1,9})\"",
}
BEGINS = rb"[][*#2BCDEFIMORSTsm-]"
"""What a marker may begin with: most lines are done with after this one look."""
LINE = re.compile(
    # An empty branch in place of `?` and `*`, which take the engine twice as long.
    rb"\n(?:\^C|)(?:\x1b\[[0-9;?]*[A-Za-z]|)"
    + STAMP
    + rb"( *)(?="
    + BEGINS
    + rb")(?:"
    # The name stands last: so each branch begins with a letter, which is compared first of all.
    + rb"|".join(marker + b"(?P<%s>)" % name.encode() for name, marker in MARKERS.items())
    + rb")"
)
USER_CONF = re.compile(
    rb"^[^\r\n]*\b(?:SingleStream|MultiStream|Server|Offline|Interactive|\*)\.(\w+) = ([^\r\n]*)",
    re.MULTILINE,
)
CONF_BYTES = 4096
COMMAND = b"run-mlperf,inference"
WENT_WELL = ("mlcr", "good", "scenario")
"""After these lines an error before them is known to have been got over."""
PERCENT = re.compile(rb"(?<![\d.])(\d{1,3}(?:\.\d+)?) ?%")
LONGEST_BAR = 400
RETURN_CODE = re.compile(rb"return code = (-?\d{1,9})\b")
NO_CUDA = b"'CUDAExecutionProvider' is not in available provider names"


class ConsoleReader:
    """Fed with the bytes of a console log as they come; gives the phases they begin.

    Memory is bounded, whatever comes.
    """

    def __init__(self) -> None:
        self.findings = Findings()
        self.current: Phase | None = None
        self._doing: tuple[str, re.Match[bytes]] | None = None
        """The last line that tells of an activity."""
        self._rest = b"\n"
        """Not yet read: the end of the line before, and what there is of the next."""
        self._offset = 0
        """Where the line begins that `_rest` holds."""
        self._line = 1
        """Its number."""
        self._text, self._text_line = bytearray(), 1
        self._block, self._block_line = bytearray(), 0
        self._conf: bytearray | None = None
        """What follows the line of the output folder: LoadGen's settings."""

    def feed(self, data: bytes) -> Iterator[Phase]:
        """Read the next bytes; yields each phase that a whole line of them begins."""
        text = self._rest + data
        end = text.rfind(b"\n")
        if end > 0:
            yield from self._read(text, end)
            self._line += text.count(b"\n", 1, end + 1)
            self._offset += end
            self._rest = text[end:]
        else:
            self._rest = text
        self._trim()

    def skip(self, data: bytes) -> None:
        """Pass over the next bytes without a look, only counting lines: far cheaper than `feed`."""
        text = self._rest + data
        end = text.rfind(b"\n")
        if end > 0:
            self._line += text.count(b"\n", 1, end + 1)
            self._offset += end
            self._rest = text[end:]
            self._text, self._text_line = bytearray(), self._line
        else:
            self._rest = text
        self._trim()

    def end(self) -> Iterator[Phase]:
        """The log is over: read the last line, though it has no newline."""
        if len(self._rest) > 1:
            yield from self._read(self._rest + b"\n", len(self._rest))
            self._rest = b"\n"

    @property
    def line(self) -> int:
        """The number of the line that comes next."""
        return self._line

    def evidence(self) -> Evidence:
        """What a failure is judged by."""
        return Evidence(bytes(self._text), self._text_line, bytes(self._block), self._block_line)

    def _trim(self) -> None:
        """Of an endless line, keep the end."""
        cut = len(self._rest) - LONGEST_LINE
        if cut > 0:
            self._offset += cut
            self._rest = b"\n" + self._rest[cut + 1 :]

    def _read(self, text: bytes, end: int) -> Iterator[Phase]:
        """Whole lines: from the newline before the first one to the last one's, at `end`."""
        if NO_CUDA in text:
            self.findings.no_cuda = True
        kept = 1
        """Of `text`, what comes before is kept as evidence already, or is none any more."""
        line, last = self._line, 1
        for found in LINE.finditer(text, 0, end):
            at, name = found.start() + 1, str(found.lastgroup)
            line += text.count(b"\n", last, at)
            if self._conf is not None:
                self._read_conf(text[last:at], is_whole=True)
            last = at
            if name in WENT_WELL:
                kept, self._text_line = at, line
                if self._text or self._block:
                    self._text, self._block = bytearray(), bytearray()
                    self.findings.return_code = None
                if name == "good":
                    continue
            elif name == "block" and not self._block:
                self._keep(text[kept:at])
                self._block, self._block_line, kept = bytearray(text[at : at + 1]), line, at + 1
            if (phase := self._take(name, found, line)) and self._enter(phase, found, at, line):
                assert self.current is not None
                yield self.current
        if self._conf is not None:
            self._read_conf(text[last : end + 1], is_whole=False)
        self._keep(text[kept : end + 1])

    def _read_conf(self, lines: bytes, *, is_whole: bool) -> None:
        """The settings that stand between the output folder's line and the next one that tells."""
        assert self._conf is not None
        self._conf += lines[:CONF_BYTES]
        if is_whole or len(self._conf) >= CONF_BYTES:
            found = USER_CONF.findall(self._conf)
            self.findings.user_conf = {
                name.decode(): ESCAPE.sub(b"", value).decode(errors="replace")
                for name, value in found
            }
            self._conf = None

    def _keep(self, lines: bytes) -> None:
        """As evidence: the end of what came before mlcr's words, and the start of those."""
        if self._block:
            self._block += lines[: max(0, BLOCK_BYTES - len(self._block))]
            if found := RETURN_CODE.search(self._block):
                self.findings.return_code = int(found[1])
            return
        self._text += lines
        cut = len(self._text) - EVIDENCE_BYTES
        if cut > EVIDENCE_BYTES:
            self._text_line += self._text.count(b"\n", 0, cut)
            del self._text[:cut]

    def _take(self, name: str, found: re.Match[bytes], line: int) -> str | None:
        """One line that tells something; gives the phase that it would begin."""
        findings = self.findings
        if name == "mlcr":
            return self._take_script(found)
        phase = name if name in PHASES else None
        if name in ACTIVITIES:
            self._doing = (name, found)
            phase = "container" if name == "image" else phase
        elif name == "output_dir":
            findings.output_dir, findings.user_conf = _words(found)[0], {}
            self._conf = bytearray()
        elif name == "skipped":
            if findings.skipped is None:
                findings.skipped = line
                findings.skipped_part = self.current.mode if self.current else None
        elif name == "ended":
            phase = "reporting" if self._is_in("loadgen") else None
        elif name == "footer":
            findings.exit_code = int(_words(found)[0])
        return phase

    def _take_script(self, found: re.Match[bytes]) -> str:
        depth = len(found[2]) // 2
        if self.current is None and not depth:
            return "start"
        if not depth and found[3].startswith(COMMAND):  # another run in the same log
            self.current, self._doing, self.findings = None, None, Findings()
            return "start"
        phase = _phase_of_script(found[3])
        if phase == "dependencies" and self._is_in("loadgen"):
            phase = "reporting"  # of a benchmark that does not say when LoadGen has ended
        if depth and phase == "dependencies":
            self.findings.dependencies += 1
            if depth > self.findings.deepest:
                self.findings.deepest = depth
            self._doing = ("mlcr", found)
        return phase

    @property
    def activity(self) -> Activity | None:
        """What is being done now inside the phase, as far as the log tells."""
        if self._doing is None:
            return None
        name, found = self._doing
        words = _words(found)
        if name == "mlcr":
            count, depth = self.findings.dependencies, len(found[2]) // 2
            return Activity("dependency", words[0], count=count, depth=depth)
        made = ACTIVITIES[name](words)
        # Of a bar that a tool draws over and over, only what it drew last is still true.
        drawn = PERCENT.findall(self._rest[-LONGEST_BAR:].rpartition(b"\r")[2])
        return replace(made, percent=float(drawn[-1])) if drawn else made

    def _is_in(self, name: str) -> bool:
        return self.current is not None and self.current.name == name

    def _enter(self, name: str, found: re.Match[bytes], at: int, line: int) -> bool:
        """Go on to a phase; not to one that lies behind."""
        now = self.current
        opens = name == "scenario" and (now is None or now.name != "results")
        if not opens and now is not None and RANKS[name] <= RANKS[now.name]:
            return False
        scenario, mode = (now.scenario, now.mode) if now else (None, None)
        if name == "scenario":
            scenario, mode = _words(found)
        elif name == "results":
            scenario = mode = None
        if name not in ("dependencies", "container", "build"):
            self._doing = None
        time = found[1].decode(errors="replace") if found[1] else None
        took_s = _number("".join(_words(found))) if name == "reporting" else None
        self.current = Phase(name, self._offset + at - 1, line, scenario, mode, time, took_s)
        return True


def _phase_of_script(tags: bytes) -> str:
    """The phase that a line `* mlcr TAGS` begins."""
    if tags.startswith(b"get,"):
        return "dependencies"
    if tags.startswith(b"benchmark-program"):
        return "benchmark"
    if tags.startswith(b"run,accuracy,mlperf"):
        return "accuracy"
    if tags.startswith((b"build,docker", b"run,docker")):
        return "container"
    return "dependencies"


def _download(words: list[str]) -> Activity:
    return Activity("download", words[0])


def _git(words: list[str]) -> Activity:
    return Activity("git", f"cloning {words[0].rpartition('/')[2]}")


def _pip(words: list[str]) -> Activity:
    return Activity("pip", f"{words[0].lower()} {words[1].strip()}"[:120])


def _build(words: list[str]) -> Activity:
    if not words:
        return Activity("build", "configuring")
    return Activity("build", words[1].rpartition("/")[2], percent=float(words[0]))


def _image(words: list[str]) -> Activity:
    done, whole = int(words[0]), max(1, int(words[1]))
    return Activity("container", words[2][:120], percent=min(100.0, 100 * done / whole))


ACTIVITIES = {
    "download": _download,
    "git": _git,
    "pip": _pip,
    "build": _build,
    "image": _image,
}


def _words(found: re.Match[bytes]) -> list[str]:
    """What stands in a line that tells something, after time and indent and before the name."""
    groups = [one for one in found.groups()[2:] if one is not None][:-1]
    return [ESCAPE.sub(b"", one).decode(errors="replace") for one in groups]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
