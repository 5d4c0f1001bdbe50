"""Compliance tests: what the verify scripts of MLCommons' `compliance/` wrote down.

Which file decides in which test: `checks/compliance_check.py` of the submission checker, v6.1.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tui.engine.results import accuracy, text
from tui.engine.results.model import Check

FOLDER = re.compile(r"TEST\d\d(-[AB])?", re.IGNORECASE)
FILES = ("verify_performance.txt", "verify_accuracy.txt", "verify_output_len.txt")
NEEDED: Mapping[str, tuple[str, ...]] = {
    "TEST01": ("verify_accuracy.txt", "verify_performance.txt"),
    "TEST04": ("verify_performance.txt",),
    "TEST05": ("verify_performance.txt",),
    "TEST06": ("verify_accuracy.txt",),
    "TEST07": ("verify_accuracy.txt",),
    "TEST08": ("verify_accuracy.txt",),
    "TEST09": ("verify_output_len.txt",),
}
"""What a test must leave; an unknown test: whatever is there."""
SCORE = re.compile(r"^(reference|test) score = ([\d.eE+-]+)", re.IGNORECASE | re.MULTILINE)
TEST06 = re.compile(r"^(First token|EOS|Sample length) check pass: (\w+)", re.MULTILINE)


def is_test(name: str) -> bool:
    """A folder's name of a compliance test: TEST01, also TEST04-A of older rounds."""
    return FOLDER.fullmatch(name) is not None


def tests_in(folder: Path) -> dict[str, Path]:
    """The tests below a folder, by name."""
    try:
        names = sorted(filter(is_test, os.listdir(folder)))
    except OSError:
        return {}
    return {name.upper(): folder / name for name in names}


def has_verification(folder: Path) -> bool:
    """Some verify script ran there."""
    return any((folder / name).is_file() for name in FILES)


def checks(folder: Path, metrics: tuple[str, ...] = (), *, delta_pct: float = 1.0) -> list[Check]:
    """What the verify scripts said, one check a file.

    Args:
        folder: the test's folder.
        metrics: the benchmark's accuracy metrics, for TEST01 of answers that vary.
        delta_pct: how far they may differ then: 1, or 0.1 for a benchmark of 99.9 %.
    """
    return list(_checks(folder, metrics, delta_pct))


def _checks(folder: Path, metrics: tuple[str, ...], delta_pct: float) -> Iterator[Check]:
    test = folder.name.upper()
    needed = NEEDED.get(test[:6])
    if needed is None:
        needed = tuple(name for name in FILES if (folder / name).is_file())
    for name in needed:
        part = name.removeprefix("verify_").removesuffix(".txt").replace("_", "-")
        found = text.small(folder / name)
        if found is None:
            yield Check(f"{test}-{part}", None, f"{name} is missing")
        elif test == "TEST06":
            yield _test06(f"{test}-{part}", found)
        elif test == "TEST01" and part == "accuracy" and not _passed(found):
            yield _varying_answers(f"{test}-{part}", folder, metrics, delta_pct)
        else:
            yield Check(f"{test}-{part}", _passed(found), _words(found))


def _passed(found: str) -> bool:
    """The script says so, and nowhere the opposite (SingleStream's TEST04 prints both words)."""
    return "TEST PASS" in found and "TEST FAIL" not in found


def _words(found: str) -> str:
    scores = {one[0].lower(): one[1] for one in SCORE.findall(found)}
    outcome = (
        "TEST PASS" if _passed(found) else "TEST FAIL" if "TEST FAIL" in found else "no verdict"
    )
    if len(scores) == 2:
        return f"{outcome}: reference {scores['reference']}, test {scores['test']}"
    return outcome


def _test06(name: str, found: str) -> Check:
    parts = dict(TEST06.findall(found))
    if len(parts) < 3:
        return Check(name, None, "verify_accuracy.txt is not complete")
    ok = parts["First token"] in ("True", "Skipped") and all(
        parts[one] == "True" for one in ("EOS", "Sample length")
    )
    return Check(name, ok, ", ".join(f"{one}: {said}" for one, said in parts.items()))


def _varying_answers(name: str, folder: Path, metrics: tuple[str, ...], delta_pct: float) -> Check:
    """The same answers did not come twice: then the two accuracies must be close."""
    found = []
    for part in ("baseline", "compliance"):
        try:
            found.append(accuracy.values(folder / "accuracy" / f"{part}_accuracy.txt")[0])
        except OSError:
            detail = (
                "answers differ from the accuracy run's (TEST FAIL); baseline_accuracy.txt and "
                "compliance_accuracy.txt, which decide then, are not here"
            )
            return Check(name, None, detail)
    baseline, tested = found
    names = [one for one in metrics or tuple(baseline) if one in baseline and tested.get(one)]
    if not names:
        return Check(name, None, "answers differ, and their accuracies hold no common number")
    worst = max(abs(1 - baseline[one] / tested[one]) * 100 for one in names)
    return Check(
        name, worst <= delta_pct,
        f"answers differ; accuracy by {worst:.3g} %, at most {delta_pct:g} % may be",
    )  # fmt: skip
