"""`accuracy.txt`: what the accuracy script of a benchmark printed, whatever else stands there.

Patterns: ACC_PATTERN of MLCommons' submission checker, rounds v1.0 to v6.1. The last line that
matches counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tui.engine.results import text
from tui.engine.results.model import Accuracy, AccuracyValue

NAME = "accuracy.txt"
PATTERNS: dict[str, re.Pattern[bytes]] = {
    name: re.compile(pattern)
    for name, pattern in {
        "acc": rb'(?:\{"accuracy|accuracy)[": ]*=?\s*([\d.]+)',
        "mAP": rb".*(?:mAP=|'Total':)\s*([\d.]+)",
        "F1": rb"""\{["']exact_match["']:\s*[\d.]+,\s*["']f1["']:\s*([\d.]+)\}""",
        "ACCURACY": rb"Word Error Rate:.*, accuracy=([\d.]+)%",
        "WER": rb"Word Error Rate:.*, accuracy=([\d.]+)%",
        "AUC": rb"AUC=([\d.]+)",
        "DICE": rb"Accuracy:\s*mean\s*=\s*([\d.]+)",
        "ROUGE1": rb".*'rouge1':\s+'?([\d.]+)",
        "ROUGE2": rb".*'rouge2':\s+'?([\d.]+)",
        "ROUGEL": rb".*'rougeL':\s+'?([\d.]+)",
        "ROUGELSUM": rb".*'rougeLsum':\s+'?([\d.]+)",
        "GEN_LEN": rb".*'gen_len':\s+'?([\d.]+)",
        "TOKENS_PER_SAMPLE": rb".*'tokens_per_sample':\s+'?([\d.]+)",
        "gsm8k_accuracy": rb".*'gsm8k':\s+'?([\d.]+)",
        "mbxp_accuracy": rb".*'mbxp':\s+'?([\d.]+)",
        "exact_match": rb".*'exact_match':\s+'?([\d.]+)",
        "CLIP_SCORE": rb".*'CLIP_SCORE':\s+'?([\d.]+)",
        "FID_SCORE": rb".*'FID_SCORE':\s+'?([\d.]+)",
        "vbench_score": rb".*'vbench_score':\s+'?([\d.]+)",
        "F1_HIERARCHICAL": rb'\{.*"f1":\s*([\d.]+)',
        "DLRM_NE": rb".*metric/lifetime_ne/rating:\s*([\d.]+)",
        "DLRM_ACC": rb".*metric/lifetime_accuracy/rating:\s*([\d.]+)",
        "DLRM_AUC": rb".*metric/lifetime_gauc/rating:\s*([\d.]+)",
        "E2E_ACCURACY": rb"Accuracy:\s*([\d.]+)",
        "meanAcc": rb".*'mean-accuracy':\s+'?([\d.]+)",
        "bleu": rb"BLEU:\s*([\d.]+)",
    }.items()
}
HINT = re.compile(
    rb"accuracy|Accuracy|mAP|Total|f1|AUC|rouge|exact_match|SCORE|score|metric/|BLEU|hash="
)
"""Some word of every pattern: most lines of a long accuracy.txt have none."""
HASH = re.compile(rb"hash=\w+\s*")
ONLY_OTHERWISE = {"F1_HIERARCHICAL": "F1", "E2E_ACCURACY": "DICE", "WER": "ACCURACY"}
"""Where a benchmark is not known, the first is not meant if the second is found. (RNN-T's target
is called WER, and is the accuracy printed beside the word error rate.)"""


def values(path: Path) -> tuple[dict[str, float], bool]:
    """Every number that some benchmark's script prints, and whether there is a hash.

    Raises:
        OSError: it cannot be read.
    """
    found: dict[str, float] = {}
    has_hash = False
    for line in text.lines(path):
        if not HINT.search(line):
            continue
        has_hash = has_hash or HASH.fullmatch(line) is not None
        for name, pattern in PATTERNS.items():
            if (match := pattern.match(line)) and (value := _value(match[1])) is not None:
                found[name] = value
    return found, has_hash


def read(path: Path, targets: Mapping[str, float], limits: Mapping[str, float]) -> Accuracy | None:
    """What an accuracy.txt holds, against the benchmark's window; None where it holds no number.

    Args:
        path: the file.
        targets: the least that counts, by name; {} where the benchmark is not known.
        limits: the most that counts.

    Raises:
        OSError: it cannot be read.
    """
    found, has_hash = values(path)
    if not found:
        return None
    names = list(dict.fromkeys([*targets, *(name for name in limits if name in found)]))
    if not names:
        names = [one for one in found if ONLY_OTHERWISE.get(one) not in found]
    elif not any(name in found for name in names):
        return None
    judged = [
        AccuracyValue(name, found.get(name), targets.get(name), limits.get(name)) for name in names
    ]
    judged.sort(key=lambda one: (one.ok is not False, one.value is None))
    return Accuracy(tuple(judged), has_hash)


def _value(digits: bytes) -> float | None:
    try:
        return text.number(float(digits[:40].rstrip(b".")))
    except ValueError:
        return None
