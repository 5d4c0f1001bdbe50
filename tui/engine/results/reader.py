"""One log after the other: read, told apart, put beside what lies around it, judged."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from tui.engine.catalog import Catalog
from tui.engine.results import (
    accuracy,
    compliance,
    description,
    host,
    loadgen,
    locate,
    metric,
    model,
    official,
    power,
    summary,
    text,
    verdict,
)
from tui.engine.results.locate import Place, Problem
from tui.engine.results.model import Accuracy, AccuracyValue, Check, Official, Result
from tui.engine.results.rulebook import Case, Rulebook


class Format(Protocol):
    """A kind of file that tells of a run."""

    def matches(self, path: Path) -> bool:
        """It is such a file."""

    def read(self, path: Path) -> list[Result]:
        """What it tells; raises OSError."""


class Reader:
    """Reads logs. What was read of a scenario's folder is kept until the next folder comes."""

    def __init__(self, catalog: Catalog, formats: Sequence[Format]) -> None:
        self._formats = formats
        self._rulebook = Rulebook(catalog)
        self._base: Path | None = None
        self._read: dict[Path, list[Result]] = {}
        self._listed: dict[Path, frozenset[str]] = {}
        self._descriptions: dict[Path, dict[str, Any] | None] = {}
        self._checks: dict[Path, list[Check]] = {}

    def reads(self, path: Path) -> bool:
        """Some format does."""
        return any(one.matches(path) for one in self._formats)

    def results(self, found: Path | Problem) -> Iterator[Result]:
        """The results of a log, of a compliance test's folder, or of what cannot be read."""
        if isinstance(found, Problem):
            yield verdict.judge(_unreadable(found.path, found.why))
            return
        place = locate.place_of(found)
        if place.base != self._base:
            self._base = place.base
            self._read.clear()
            self._listed.clear()
        for result in self._raw(found):
            where = result.but(path=str(found.absolute()))
            if "unreadable" in result.log_values:
                yield verdict.judge(where)
            else:
                yield self._judged(where, found, place)

    def _names(self, folder: Path) -> frozenset[str]:
        """What lies in a folder: asked once, for the many files that may be there."""
        if folder not in self._listed:
            try:
                self._listed[folder] = frozenset(os.listdir(folder))
            except OSError:
                self._listed[folder] = frozenset()
        return self._listed[folder]

    def _raw(self, log: Path) -> list[Result]:
        """As the format tells it."""
        if log not in self._read:
            self._read[log] = self._raw_now(log)
        return self._read[log]

    def _raw_now(self, log: Path) -> list[Result]:
        if log.name and compliance.is_test(log.name):  # a test whose run is not there
            return [
                Result(
                    path=str(log), kind=model.COMPLIANCE, scenario=None, mode=None,
                    status=model.COMPLETE, source="verification",
                )
            ]  # fmt: skip
        reader = next(one for one in self._formats if one.matches(log))
        try:
            found = reader.read(log)
            # Before v1.0 the results stood in the summary alone.
            if found[0].log_values.get("is_before_v1"):
                beside = summary.beside(log)
                if beside is not None and beside.is_file():
                    found = summary.read(beside)
        except OSError as error:  # said by name, never skipped in silence
            return [_unreadable(log, error.strerror or str(error))]
        return found

    def _judged(self, result: Result, log: Path, place: Place) -> Result:
        result = result.but(kind=_kind(result, place))
        case = self._case(result, log, place)
        values = result.log_values
        scenario = case.scenario
        # LoadGen runs Interactive as Server, and MLCommons reads its number so.
        is_server = scenario == "Interactive" and result.source != "endpoints"
        as_logged = "Server" if is_server else scenario
        key = metric.key_of(values, case, self._rulebook.rounds.values(), as_logged)
        result = _with_limits(result, case).but(
            scenario=scenario,
            benchmark=case.benchmark_name,
            round=case.round.name if case.round else None,
            system=place.system or result.system,
        )
        if result.kind != model.ACCURACY:
            result = self._with_number(result, key, as_logged, case)
        result = self._with_files(result, log, place, case)
        return verdict.judge(self._with_official(result, log, place, case))

    def _case(self, result: Result, log: Path, place: Place) -> Case:
        """What the log tells; an accuracy run that is a summary alone is of the run beside it."""
        case = self._rulebook.case(result, place, log.parent)
        if case.round is None and (place.is_accuracy or place.test):
            for beside in self._beside(place, "performance"):
                other = self._rulebook.case(beside, place, log.parent)
                if other.round is not None:
                    return other
        return case

    def _with_number(
        self, result: Result, key: str | None, scenario: str | None, case: Case
    ) -> Result:
        values = result.log_values
        units = case.rules.units if case.rules else case.twins[0].units if case.twins else {}
        number = metric.read(values, key, scenario, units)
        is_whole = result.status == model.COMPLETE and result.loadgen_verdict == "VALID"
        if is_whole and result.source == "detail" and key is not None and key not in values:
            return result.but(status=model.INCOMPLETE)  # cut off before its number
        if result.status == model.INCOMPLETE or result.source == "verification":
            number = None
        inferred = metric.inferred(values, scenario) if number else ()
        return result.but(metric=number, inferred=inferred)

    def _with_files(self, result: Result, log: Path, place: Place, case: Case) -> Result:
        """What the files in the log's own folder add."""
        folder, checks = log.parent, result.host_checks
        names = self._names(folder)
        if host.NAME in names:
            checks = host.checks(result, folder / host.NAME)
        if result.kind in (model.ACCURACY, model.SUBMISSION_RUN):
            result = self._with_accuracy(result, folder, case)
        if power.NAME in names:
            try:
                result = result.but(power=power.read(folder / power.NAME, result))
            except OSError:
                result = result.but(power=None)
        system = self._system(folder, place)
        return result.but(
            accelerator=description.accelerator(system) if system else None,
            host_checks=checks,
        )

    def _with_accuracy(self, result: Result, folder: Path, case: Case) -> Result:
        """With what the accuracy.txt of its folder says."""
        if result.source == "endpoints":
            return result.but(accuracy=_endpoints_accuracy(result, case))
        if accuracy.NAME not in self._names(folder):
            return result
        scenario = case.scenario or ""
        targets = case.rules.targets_of(scenario) if case.rules else {}
        limits = case.rules.upper_limits if case.rules else {}
        try:
            found = accuracy.read(folder / accuracy.NAME, targets, limits)
        except OSError:
            found = None
        return result.but(has_accuracy_file=True, accuracy=found)

    def _with_official(self, result: Result, log: Path, place: Place, case: Case) -> Result:
        if result.kind == model.COMPLIANCE:
            if place.test is None:
                return result.but(official=official.check(result, case, official.Beside()))
            return result.but(official=Official(tuple(self._checks_of(place.test, case))))
        beside = official.Beside()
        if result.kind in (model.PERFORMANCE, model.SUBMISSION_RUN):
            beside = self._found_beside(result, log, place, case)
        return result.but(official=official.check(result, case, beside))

    def _found_beside(self, result: Result, log: Path, place: Place, case: Case) -> official.Beside:
        found = None
        if result.kind == model.SUBMISSION_RUN:
            found = result
        for one in self._beside(place, "accuracy"):
            found = self._with_accuracy(one, Path(one.path).parent, case)
        tests = {
            name.upper(): place.base / name
            for name in sorted(filter(compliance.is_test, self._names(place.base)))
        }
        if (tree := place.in_section("compliance")) is not None and not tests:
            tests = compliance.tests_in(tree)
        return official.Beside(
            is_submission=place.submitter is not None,
            accuracy=found,
            compliance={name: self._checks_of(folder, case) for name, folder in tests.items()},
            system=self._system(log.parent, place),
            measurements=self._measurements(log.parent, place),
            scenario=place.scenario,
        )

    def _beside(self, place: Place, part: str) -> list[Result]:
        """The raw results of a neighbour: `accuracy/` or `performance/run_1/`."""
        bases = [place.base]
        if place.test and (tree := place.in_section("results")) is not None:
            bases.append(tree)
        for base in bases:
            if part not in self._names(base):
                continue
            folder = base / part
            places = [folder / "run_1", folder] if "run_1" in self._names(folder) else [folder]
            for here in places:
                for name in NEIGHBOURS:
                    if name in self._names(here) and self.reads(log := here / name):
                        return self._raw(log)
        return []

    def _checks_of(self, folder: Path, case: Case) -> list[Check]:
        """Of a test's folder: asked for by itself and by the run that it belongs to."""
        if folder not in self._checks:
            if len(self._checks) > MOST_KEPT:
                self._checks.clear()
            self._checks[folder] = self._checks_now(folder, case)
        return self._checks[folder]

    def _checks_now(self, folder: Path, case: Case) -> list[Check]:
        metrics = tuple(case.rules.targets) if case.rules else ()
        is_close = bool(case.benchmark_name and case.benchmark_name.endswith("99.9"))
        return compliance.checks(folder, metrics, delta_pct=0.1 if is_close else 1.0)

    def _system(self, folder: Path, place: Place) -> dict[str, Any] | None:
        """The system's description: in a submission, beside the run, or as mlcr leaves it."""
        places = [
            base / name
            for base, name in ((folder, "system_meta.json"), (place.base, "system.json"))
            if name in self._names(base)
        ]
        if place.submitter is not None:
            places.insert(0, place.submitter / "systems" / f"{place.system}.json")
        return self._first(places, description.is_system)

    def _measurements(self, folder: Path, place: Place) -> dict[str, Any] | None:
        """To v5.1 in a tree of their own, under several names; from v6.0 beside the run."""
        places = [
            base / "measurements.json"
            for base in dict.fromkeys((place.base, folder))
            if "measurements.json" in self._names(base)
        ]
        if places:
            return self._first(places, description.is_measurements)
        trees = [place.base / "measurements", place.in_section("measurements")]
        for tree in trees:
            if tree is not None and tree.is_dir():
                places += sorted(tree.glob("*.json"))
        return self._first(places, description.is_measurements)

    def _first(self, places: Iterable[Path], fits: Any) -> dict[str, Any] | None:
        for path in places:
            if path not in self._descriptions:
                if len(self._descriptions) > MOST_KEPT:
                    self._descriptions.clear()
                self._descriptions[path] = text.json_object(path)
            found = self._descriptions[path]
            if found is not None and fits(found):
                return found
        return None


MOST_KEPT = 1_000
"""Descriptions and checks: a submission has far fewer of one system, and of one scenario."""
ENDPOINTS_SCORES = ("exact_match", "F1_HIERARCHICAL", "vbench_score", "mAP")
"""Targets that are what MLPerf Endpoints calls the score."""
NEIGHBOURS = (locate.DETAIL, "mlperf_log_summary.txt", *locate.ENDPOINTS)
"""What is read of a neighbour: the first that is there."""


def _unreadable(path: Path, why: str) -> Result:
    """What can be said of something that cannot be read: that, and why."""
    kind = model.ACCURACY if path.parent.name == "accuracy" else model.PERFORMANCE
    return Result(
        path=str(path.absolute()), kind=kind, scenario=None, mode=None, status=model.CORRUPT,
        log_values={"unreadable": why},
    )  # fmt: skip


def _kind(result: Result, place: Place) -> str:
    """A compliance test is one by its folder or by what LoadGen says of it."""
    return model.COMPLIANCE if place.test or loadgen.is_audit(result) else result.kind


def _endpoints_accuracy(result: Result, case: Case) -> Accuracy | None:
    """One score; of several datasets nothing tells how they count together."""
    scores = result.log_values.get("scores", [])
    if len(scores) != 1 or scores[0] is None:
        return None
    targets = case.rules.targets_of(case.scenario or "") if case.rules else {}
    found = next(((name, one) for name, one in targets.items() if name in ENDPOINTS_SCORES), None)
    name, target = found or ("score", None)
    return Accuracy((AccuracyValue(name, scores[0], target),), has_hash=True)


def _with_limits(result: Result, case: Case) -> Result:
    """The limits that the run was held to: LoadGen's own; for Endpoints the round's."""
    values = result.log_values
    if case.scenario not in ("Server", "Interactive", "MultiStream"):
        return result
    if result.source == "endpoints":
        asked = case.rules.latency_limits_ms.get(case.scenario, {}) if case.rules else {}
        given = {name: _ns(asked.get(name), 1e6) for name in ("p99", "ttft", "tpot")}
    else:
        given = {
            "p99": _ns(values.get("effective_target_latency_ns")),
            "ttft": _ns(values.get("requested_server_ttft_latency")),
            "tpot": _ns(values.get("requested_server_tpot_latency")),
        }
        # LoadGen holds a run either to the one or to the other two.
        if values.get("requested_use_token_latencies") is True:
            given["p99"] = None
        else:
            given["ttft"] = given["tpot"] = None
    return result.but(
        latency_limit_ns=given["p99"],
        ttft_limit_ns=given["ttft"],
        tpot_limit_ns=given["tpot"],
    )


def _ns(value: Any, scale: float = 1.0) -> int | None:
    found = text.positive(value)
    return round(found * scale) if found else None
