"""Why a command failed: the line that names the cause, what it means, and what to do.

`find` looks for the causes of `known_causes` in the end of a console log (`console.Evidence`),
where mlcr's own last words rarely name one. What stands in the final part (the last traceback with
all that it followed from, or the last lines, and mlcr's words) comes first; of what is older only
such counts as stops a run whatever came after. Of several, one that others follow from is the
cause, else the last one.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from tui.engine.console import ESCAPE, LONGEST_LINE, Evidence, Findings
from tui.engine.known_causes import KNOWN, Known
from tui.engine.packages import PACKAGES, apt_line
from tui.engine.store import Cause

LONGEST = 300
UNTOLD = "something"
GUESSES = 3
BEFORE_SIGN = 400
FINAL_LINES = 60
AFTER_TRACEBACK = 5
LASTING = frozenset({"disk-full", "gpu-out-of-memory", "out-of-memory", "killed", "gpu-lost"})
"""Whatever is printed after these, they are the cause."""
SIGN = re.compile(
    "|".join(re.escape(sign) for sign in dict.fromkeys(s for one in KNOWN for s in one.signs))
)
MOST_SIGNS = 400
"""From the log's end back: more say the same again and again."""
MERELY_WARNS = re.compile(
    r"\[W\]|\bWARN(?:ING)? ?\]|\bUserWarning\b|^W\d{4} |^WARNING[: ](?!.*did NOT match)"
    r"|failed, trying from|Retrying \(Retry\("
)
LOOKS_WRONG = re.compile(
    r"^(?!.*(?:\bmlcr |Please file|ScriptExecutionError: Script))(?:[\w.]*(?:Error|Exception)\b.*"
    r"|(?:fatal|error|Error|ERROR)\s*:.*|.*\b(?:Killed|FAILED|[Ff]ailed)\b.*|.*: cannot .*"
    r"|E\d{4} .*|E: .*|.*\[E\] .*)$",
    re.MULTILINE,
)
BLOCK_ERROR = re.compile(r"(?:^ *|[.:] )Error : (.+)$", re.MULTILINE)
TRACEBACK = re.compile(r"^ *Traceback \(most recent call last\):", re.MULTILINE)
CHAINED = re.compile(r"(?:During handling of|was the direct cause of) the (?:above|following)")
RAISED = re.compile(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*(\S.*)", re.MULTILINE)
BATCH = re.compile(r"--(?:max-?_?batch_?-?size|batch_size|gpu_batch_size)[= ](\d{1,6})\b")
BUILDKIT = re.compile(r"^#\d+ (?:\d+\.\d+ )?", re.MULTILINE)
DISTRIBUTIONS = {
    "cv2": "opencv-python-headless",
    "yaml": "pyyaml",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "PIL": "pillow",
    "mlperf_loadgen": "mlcommons-loadgen",
    **{name: name for name in ("torch", "torchvision", "transformers", "onnx", "onnxruntime",
                               "numpy", "pandas", "scipy", "matplotlib", "datasets", "evaluate",
                               "diffusers", "vllm", "tensorrt", "pycocotools", "tqdm", "psutil",
                               "setuptools", "pybind11", "tensorflow", "accelerate", "nltk")},
}  # fmt: skip
"""What pip calls the package that a module comes in."""


@dataclass(frozen=True)
class _Hit:
    known: Known
    words: tuple[str, ...]
    line: int


def find(evidence: Evidence, command: str = "") -> Cause | None:
    """The cause that the end of a log names; None where no known one is there.

    Args:
        evidence: the log's end.
        command: what was run, to halve its batch; the log itself is looked through too.
    """
    text, block = _plain(evidence.text), _plain(evidence.block)
    final_line = evidence.line + text.count("\n", 0, _final_part(text))
    hits = list(_hits(text, evidence.line))
    final = [one for one in hits if one.line >= final_line]
    hits = [
        *(final or [one for one in hits if one.known.code in LASTING]),
        *_hits(block, evidence.block_line),
    ]
    if not hits:
        return None
    strong = [one for one in hits if one.known.is_strong]
    hit = strong[0] if strong else hits[-1]
    alike = [one for one in (hits if strong else reversed(hits)) if one.known is hit.known]
    named = next((one for one in alike if one.words), hit)  # of many, one that says what
    return _cause(named, f"{command}\n{text}")


def _final_part(text: str) -> int:
    """Where it begins: so many lines, or more where a traceback reaches into them."""
    begin = len(text)
    for _ in range(FINAL_LINES + 1):
        begin = text.rfind("\n", 0, max(0, begin))
        if begin < 0:
            return 0
    tracebacks = [one.start() for one in TRACEBACK.finditer(text)]
    while len(tracebacks) > 1 and CHAINED.search(text, tracebacks[-2], tracebacks[-1]):
        tracebacks.pop()
    raised = [one.end() for one in RAISED.finditer(text)]
    if tracebacks and raised and raised[-1] >= begin:
        begin = min(begin, tracebacks[-1])
    return begin


def _hits(text: str, first_line: int) -> Iterator[_Hit]:
    line, last = first_line, 0
    for sign in list(SIGN.finditer(text))[-MOST_SIGNS:]:
        line += text.count("\n", last, sign.start())
        last = sign.start()
        if (hit := _hit(text, sign, line)) is not None:
            yield hit


def _hit(text: str, sign: re.Match[str], line: int) -> _Hit | None:
    """The first row of the table that the line fits, as far as one looks around the sign."""
    begin = max(text.rfind("\n", 0, sign.start()) + 1, sign.start() - BEFORE_SIGN)
    for known in KNOWN:
        near = text[begin : sign.end() + known.reach].partition("\n")[0]
        if not any(one in near for one in known.signs):
            continue
        if MERELY_WARNS.search(near):
            return None
        found = re.search(known.pattern or known.words, near)
        if found is None and known.pattern:
            continue
        words = [one for one in found.groups() if one] if found else []
        return _Hit(known, tuple(words), line)
    return None


def _cause(hit: _Hit, text: str) -> Cause:
    known = hit.known
    words = [one[:LONGEST].strip() for one in hit.words]
    if known.code == "cmake-error":
        words = [f" {words[0]}" if words else ""]
    cause = Cause(
        known.code,
        _filled(known.text, words),
        _filled(known.fix, words) if known.fix else None,
        hit.line,
        known.rerun or None,
    )
    special = SPECIAL.get(known.code)
    return special(cause, hit.words, text) if special else cause


def _filled(text: str, words: list[str]) -> str:
    """The words put in; of what the line does not tell, a plain word."""
    return text.format(*words, *[UNTOLD] * 3)


def _package(cause: Cause, words: Sequence[str], text: str) -> Cause:
    package = PACKAGES.get(words[0].rpartition("/")[2]) if words else None
    if package:
        return replace(cause, fix=apt_line([package]))
    return replace(cause, fix=cause.fix or f"install the package that holds {words[0]}")


def _module(cause: Cause, words: Sequence[str], text: str) -> Cause:
    distribution = DISTRIBUTIONS.get(words[0].partition(".")[0])
    if distribution is None:
        return cause
    place = re.search(r"(/\S+)/bin/(?:mlcr|python3?)\b", text)
    python = f"{place[1]}/bin/python" if place else "mlc/bin/python"
    return replace(cause, fix=f"{python} -m pip install {distribution}")


def _smaller_batch(cause: Cause, words: Sequence[str], text: str) -> Cause:
    """The guide's --max_batchsize=1, or half of what it was."""
    sizes = [int(one) for one in BATCH.findall(text)]
    if sizes and sizes[-1] <= 1:
        return replace(cause, fix=f"{cause.fix}; the batch is 1 already")
    # In docker mode mlcr passes on only what its first script knows (`inp = {}`, customize.py).
    name = "batch_size" if re.search(r"\s--docker\b", text) else "max_batchsize"
    option = f"--{name}={max(1, sizes[-1] // 2) if sizes else 1}"
    fix = f"run with a smaller batch, {option}; or {cause.fix}"
    return replace(cause, fix=fix, rerun_with=(option,))


def _variations(cause: Cause, words: Sequence[str], text: str) -> Cause:
    """Which of the variations is the wrong one, and what is near it."""
    from difflib import get_close_matches

    given, script, known = re.findall(r"'([^']*)'", words[0]), words[1], words[2]
    names = re.findall(r"'([^']*)'", known)
    wrong = [one for one in given if one not in names] or given
    near = [word for one in wrong for word in get_close_matches(one, names, n=3)]
    return replace(
        cause,
        text=f"mlcr does not know '{', '.join(wrong)}' (script {script})",
        fix=f"did you mean {' or '.join(near)}?"
        if near
        else "check model, scenario, device and framework: mlperf-tui options lists what there is",
    )


def _crashed_in(cause: Cause, words: Sequence[str], text: str) -> Cause:
    """Python tells where it was; the innermost installed package is the suspect."""
    at = text.find("most recent call first")
    found = re.search(r"/site-packages/(\w+)/", text[at : at + 8192]) if at >= 0 else None
    return replace(cause, text=f"{cause.text}; it was in {found[1]}") if found else cause


SPECIAL: Mapping[str, Callable[[Cause, Sequence[str], str], Cause]] = {
    "library-missing": _package,
    "header-missing": _package,
    "command-missing": _package,
    "module-missing": _module,
    "gpu-out-of-memory": _smaller_batch,
    "out-of-memory": _smaller_batch,
    "killed": _smaller_batch,
    "variations": _variations,
    "segfault": _crashed_in,
}


def _plain(raw: bytes) -> str:
    """Without colours, buildkit's counts and the returns of a terminal; line for line the same."""
    text = ESCAPE.sub(b"", raw).replace(b"\r\n", b"\n").decode(errors="replace")
    return BUILDKIT.sub("", text)


def disk_full() -> Cause:
    """Nothing can be written any more, whatever the log says."""
    return _cause(_Hit(_row("disk-full"), (), 0), "")


def _row(code: str) -> Known:
    return next(one for one in KNOWN if one.code == code)


def skipped(findings: Findings) -> Cause:
    """mlcr did not measure, or not all of it."""
    part = f"the {findings.skipped_part} part" if findings.skipped_part else "it"
    return Cause(
        "skipped",
        f"mlcr found old results and did not measure {part}: that number is an old one",
        "measure anew with --rerun, or into a fresh --results_dir (each run of this app has one)",
        findings.skipped,
        ("--rerun",),
    )


# --- how a command ended --------------------------------------------------------------------

STRONG = frozenset(one.code for one in KNOWN if one.is_strong)
BY_SIGNAL = {
    signal.SIGSEGV: "segfault",
    signal.SIGABRT: "aborted",
    signal.SIGILL: "illegal-instruction",
    signal.SIGBUS: "shared-memory",
}
"""The cause where a signal is all that is known."""


def decode_wait_status(status: int) -> str:
    """`return code = N` in words: it is a raw wait status. 256: exit 1; 35072: exit 137, KILL."""
    number = signal_of(status)
    if number is None:
        return f"exit {status >> 8}"
    name = ""
    with suppress(ValueError):  # a real-time signal
        name = f" ({signal.Signals(number).name.removeprefix('SIG')})"
    return f"ended by signal {number}{name}"


def signal_of(status: int) -> int | None:
    """The signal in a raw wait status, whether a shell passed it on as 128 + N or not."""
    if status & 0x7F:
        return status & 0x7F
    return (status >> 8) - 128 if 128 < status >> 8 <= 192 else None


def was_interrupted(evidence: Evidence) -> bool:
    """The last lines before mlcr's own words tell of a Ctrl-C."""
    last = [line for line in evidence.text[-4096:].split(b"\n") if line.strip()][-3:]
    return any(line.startswith((b"KeyboardInterrupt", b"^C")) for line in last)


def ends_in_traceback(evidence: Evidence) -> bool:
    """The last words are those of an exception that nobody caught."""
    text = _plain(evidence.text).rstrip()
    raised = list(RAISED.finditer(text + "\n"))
    return bool(raised) and text.count("\n", raised[-1].start(1)) <= AFTER_TRACEBACK


def failure_cause(
    findings: Findings,
    evidence: Evidence,
    ended: Mapping[str, Any] | None = None,
    command: str = "",
) -> Cause:
    """The cause of a failed command.

    Args:
        findings: what its console told.
        evidence: the end of its console.
        ended: its exit.json; None where nobody saw it end.
        command: what was run.
    """
    spawn = (ended or {}).get("spawn_error")
    if spawn:
        _, text, name = spawn
        return Cause(
            "not-started",
            f"the command could not be started: {name}: {text}",
            "check the installation that the command belongs to",
        )
    number = inner_signal(findings, ended)
    if number == signal.SIGINT or was_interrupted(evidence):
        return Cause(
            "interrupted", "it was interrupted (Ctrl-C)", None, evidence.block_line or None
        )
    known = find(evidence, command)
    is_killed = number in (signal.SIGKILL, signal.SIGTERM)
    if known is not None and (known.code in STRONG or not is_killed):
        return known
    if is_killed:
        return _killed(int(number or 0), findings, evidence, command)
    if number in BY_SIGNAL:
        hit = _Hit(_row(BY_SIGNAL[signal.Signals(number)]), (), evidence.block_line)
        return _cause(hit, _plain(evidence.text))
    return _guess(evidence, findings, ended)


def inner_signal(findings: Findings, ended: Mapping[str, Any] | None = None) -> int | None:
    """The signal that ended it: mlcr's word of what it ran, else how the command itself ended."""
    if findings.return_code is not None:
        return signal_of(findings.return_code)
    outside = (ended or {}).get("signal")
    if outside:
        return int(outside)
    code = (ended or {}).get("exit_code", findings.exit_code)
    return signal_of(code << 8) if isinstance(code, int) and code > 0 else None


def _killed(number: int, findings: Findings, evidence: Evidence, command: str) -> Cause:
    text = _plain(evidence.text)
    raw = findings.return_code
    status = f" (return code = {raw})" if raw is not None else ""
    line = evidence.block_line or None
    if number == signal.SIGTERM:
        return Cause("killed", f"it was ended from outside, by SIGTERM{status}", None, line)
    cause = Cause(
        "killed",
        f"the benchmark was killed{status}, most likely for lack of memory",
        "close other programs",
        line,
    )
    return _smaller_batch(cause, (), f"{command}\n{text}")


def _guess(evidence: Evidence, findings: Findings, ended: Mapping[str, Any] | None) -> Cause:
    """No cause that we know: the last lines that look like an error, as what they are."""
    # Of a bar that is drawn over and over only what was drawn last.
    text = re.sub(r"[^\n]*\r(?=[^\n])", "", _plain(evidence.text))
    raised = [(one.start(1), one[1]) for one in RAISED.finditer(text)]
    wrong = [(one.start(), one[0]) for one in LOOKS_WRONG.finditer(text)]
    places = sorted({at: said.strip() for at, said in [*raised[-1:], *wrong[-GUESSES:]]}.items())
    if places:
        at = raised[-1][0] if raised else places[-1][0]
        said = dict(places)[at]
        others = [one for place, one in places if place != at and one != said]
        also = f" (also: {' / '.join(one[:LONGEST] for one in others[-2:])})"
        return _as_guess(evidence, text, at, said + (also if others and not raised else ""))
    own = BLOCK_ERROR.search(_plain(evidence.block))
    raw = findings.return_code
    status = f" ({decode_wait_status(raw)})" if raw is not None else ""
    if own:
        block = _plain(evidence.block)
        line = evidence.block_line + block.count("\n", 0, own.start(1))
        fix = "mlcr says no more: read the log above that line"
        return Cause("mlcr-error", own[1].strip()[:LONGEST] + status, fix, line)
    if last := text.rstrip().rpartition("\n")[2].strip():
        return _as_guess(evidence, text, text.rindex(last[:LONGEST_LINE]), last)
    code = (ended or {}).get("exit_code", findings.exit_code)
    end = f"with exit code {code}" if code is not None else "without success"
    fix = "it printed nothing that tells more"
    return Cause("exit-code", f"the command ended {end} and no word why", fix)


def _as_guess(evidence: Evidence, text: str, at: int, said: str) -> Cause:
    line = evidence.line + text.count("\n", 0, at)
    fix = f"no cause that is known here fits: read the log around line {line}"
    return Cause("unknown", f"a guess: {said[: 2 * LONGEST]}", fix, line)
