"""Published figures: the best closed results of a round, to set a run of one's own beside.

`profiles/rounds/<round>.csv` holds, for each GPU model, number of GPUs, benchmark and scenario, the
best result of MLCommons' closed division, and the best one of a virtualised and of a power-capped
system where there is one. A run of one's own beside them stays unverified.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from tui.engine import catalog
from tui.engine.catalog import Catalog

COLUMNS = (
    "accelerator", "count", "benchmark", "scenario", "value", "unit", "submitter", "system",
    "software", "mark", "source",
)  # fmt: skip
"""Of the file. `mark`: virtualised, power-capped, inferred, or nothing."""
LOWER_IS_BETTER = ("ms", "s")


@dataclass(frozen=True)
class Gpu:
    """A model of GPU, from any of the names that it goes by; unknown is None."""

    model: str
    form: str | None = None
    """SXM, PCIE, NVL."""
    memory_gb: int | None = None

    def can_be(self, other: Gpu) -> bool:
        """The same model, and nothing that both names tell differs."""
        return (
            self.model == other.model
            and (self.form is None or other.form is None or self.form == other.form)
            and (None in (self.memory_gb, other.memory_gb) or self.memory_gb == other.memory_gb)
        )


MODEL = re.compile(
    r"\b(GH200|GB[123]00|GB10|[HB][123]00|A100|A10|A16|A2|A30|A40|L40S|L40|L4|T4|V100|P100"
    r"|AGX ORIN|ORIN NX|(?:RTX PRO|RTX A|RTX|GTX)[ -]?\d{4}E?(?: ?TI| SUPER)?)\b"
)
FORM = re.compile(r"\b(SXM|PCIE?|NVL)\d?\b")
MEMORY = re.compile(r"\b(\d{2,3}) ?(?:GB?|C)\b")
ONLY_FORM = {"H200": "SXM", "B200": "SXM", "B300": "SXM"}
"""What NVML means that names such a GPU without a form."""
LARGEST_GB = 300
"""A GH200 is also named for the memory of its CPU."""


@lru_cache(maxsize=1_000)
def gpu_of(name: str) -> Gpu | None:
    """The model behind a name of NVML, mlcr or a submission; None where none is recognised."""
    plain = name.upper().replace("-", " ").replace("_", " ")
    found = MODEL.search(plain)
    if found is None:
        return None
    model = found[1].replace("-", " ")
    form_found, memory_found = FORM.search(plain), MEMORY.search(plain)
    form = form_found[1].replace("PCI", "PCIE").replace("PCIEE", "PCIE") if form_found else None
    if form is None:
        form = "SXM" if "HBM3" in plain and model == "H100" else ONLY_FORM.get(model)
    memory = int(memory_found[1]) if memory_found else None
    return Gpu(model, form, memory if memory and memory < LARGEST_GB else None)


@dataclass(frozen=True)
class Figure:
    """One published result."""

    round: str
    accelerator: str
    count: int
    benchmark: str
    scenario: str
    value: float
    unit: str
    submitter: str
    system: str
    software: str
    mark: str
    """virtualised, power-capped, inferred (from another scenario); "" for a plain one."""
    source: str
    """Where the result lies: repository and path."""


class Published:
    """The figures of all rounds; read when they are first asked for."""

    def __init__(self, known: Catalog) -> None:
        self._known = known

    @cached_property
    def _figures(self) -> Mapping[tuple[str, str], list[Figure]]:
        found: dict[tuple[str, str], list[Figure]] = {}
        for name, path in catalog.profile_files(
            "rounds", with_users=self._known.with_users
        ).items():
            for one in read(path.with_suffix(".csv"), name):
                found.setdefault((one.benchmark, one.scenario), []).append(one)
        return found

    def beside(self, result: Mapping[str, Any]) -> list[Figure]:
        """Figures of the same GPU model and number, benchmark, scenario and unit.

        Those of the run's own round, else of the newest that has some: the best plain one, then the
        best marked ones.

        Args:
            result: the contract's JSON object.
        """
        metric, accelerator = result["metric"], result.get("accelerator")  # older: without
        if not metric or not accelerator or result["kind"] != "performance":
            return []
        gpu = gpu_of(accelerator["name"])
        if gpu is None:
            return []
        fitting = [
            one
            for one in self._figures.get((result["benchmark"] or "", result["scenario"] or ""), ())
            if one.count == accelerator["count"]
            and one.unit == metric["unit"]
            and (theirs := gpu_of(one.accelerator)) is not None
            and theirs.can_be(gpu)
        ]
        rounds = {one.round for one in fitting}
        chosen = result["round"] if result["round"] in rounds else max(rounds, default=None)
        return _best([one for one in fitting if one.round == chosen])


def _best(figures: list[Figure]) -> list[Figure]:
    """The best of each mark, the plain one first."""
    best: dict[str, Figure] = {}
    for one in sorted(figures, key=lambda one: one.value, reverse=True):
        if one.mark not in best or one.unit in LOWER_IS_BETTER:
            best[one.mark] = one
    return sorted(best.values(), key=lambda one: one.mark)


def read(path: Path, name: str) -> Iterator[Figure]:
    """The figures of a round's file; none where it is missing. A wrong row is passed over."""
    import csv

    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error):
        return
    for row in rows:
        if None in (row.get(column) for column in COLUMNS):
            continue
        try:
            count, value = int(row["count"]), float(row["value"])
        except ValueError:
            continue
        texts = {column: row[column] for column in COLUMNS if column not in ("count", "value")}
        yield Figure(round=name, count=count, value=value, **texts)
