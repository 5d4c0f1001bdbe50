"""Earlier probes: what a GPU's baseline is made of, its last verdict, each metric over time.

The run folders are the only store: a probe that is deleted is forgotten.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tui.engine import events
from tui.engine.probe.verdict import HEALTHY, SUSPECT, UNHEALTHY, Baseline, Scale, scale_of
from tui.engine.store import Run, RunStore

KIND = "probe"
MARK = f"-{KIND}-"
"""What a probe's run id has: others are not opened."""
BASELINE_PROBES = 5
"""The first so many healthy ones: one that follows the last ones would follow a slow decay."""
MOST_LOOKED_AT = 64
"""So many probes are looked through for the last one of each GPU."""


@dataclass(frozen=True)
class Past:
    """A probe that is over and was judged."""

    run: Run
    created: str
    environment: str
    result: dict[str, Any]

    @property
    def uuid(self) -> str | None:
        """Of its GPU."""
        found = (self.result.get("device") or {}).get("uuid")
        return str(found) if found else None

    @property
    def host(self) -> str | None:
        """The machine that it ran on."""
        found = (self.run.stored_spec.get("host") or {}).get("host")
        return str(found) if found else None

    @property
    def driver(self) -> str | None:
        """That it ran with."""
        return (self.result.get("device") or {}).get("driver")

    @property
    def is_comparable(self) -> bool:
        """Nobody else was on the GPU: its speeds are those of the GPU."""
        return all(one["code"] != "busy" for one in self.result["notes"])

    def value(self, name: str) -> float | None:
        """One of its metrics."""
        found = (one["value"] for one in self.result["metrics"] if one["name"] == name)
        return next(found, None)


def past(store: RunStore) -> Iterator[Past]:
    """Every judged probe, newest first; each is read when it is asked for."""
    for run_id in store.ids():
        if MARK in run_id and (found := opened(Run(store.runs / run_id))) is not None:
            yield found


def opened(run: Run) -> Past | None:
    """A probe with its result; None where it is none, not over, or damaged."""
    from tui.engine.errors import NotFoundError

    result = run.probe
    if result is None:
        return None
    try:
        spec = run.stored_spec
    except NotFoundError:
        return None
    return Past(run, str(spec.get("created") or ""), str(spec.get("environment") or ""), result)


def of_gpu(store: RunStore, uuid: str, before: str | None = None) -> list[Past]:
    """A GPU's probes that gave a verdict, newest first.

    Args:
        store: where runs lie.
        uuid: the GPU's.
        before: only those made before this time of our files (ids tell the second alone).
    """
    return [
        one
        for one in past(store)
        if one.uuid == uuid
        and one.result["verdict"] is not None
        and (before is None or one.created < before)
    ]


def last(
    store: RunStore, host: str, uuids: Collection[str] = (), before: str | None = None
) -> Past | None:
    """The newest probe with a verdict on a machine, of several GPUs the worst of the newest.

    Args:
        store: where runs lie.
        host: the machine's name.
        uuids: of these GPUs only; of any, where none is named.
        before: only those made before this time of our files (ids tell the second alone).
    """
    newest: dict[str | None, Past] = {}
    for one in islice(past(store), MOST_LOOKED_AT):
        is_older = before is None or one.created < before
        is_wanted = not uuids or one.uuid in uuids
        if is_older and is_wanted and one.host == host and one.result["verdict"] is not None:
            newest.setdefault(one.uuid, one)
    order = {UNHEALTHY: 0, SUSPECT: 1}
    return min(newest.values(), key=lambda one: order.get(one.result["verdict"], 2), default=None)


def before_run(run: Run) -> Past | None:
    """The last probe of the GPUs that a run used, made before it; None for runs without a GPU."""
    spec = run.stored_spec
    if spec.get("device") != "cuda" or spec.get("kind") == KIND:
        return None
    host = str((spec.get("host") or {}).get("host"))
    return last(
        RunStore(run.folder.parent.parent), host, _used(run), str(spec.get("created") or "")
    )


def _used(run: Run) -> set[str]:
    """UUIDs of the GPUs that a run is known to have used."""
    recorded, _ = events.read(run.events)
    names = {
        str(one["uuid"]): str(one["device"])
        for event in recorded
        if event["kind"] == events.GPUS
        for one in event["devices"]
        if isinstance(one, dict) and one.get("uuid") and one.get("device")
    }
    used = {
        str(device)
        for event in recorded
        if event["kind"] == events.GPU_USED and event["answer"] == "yes"
        for device in event.get("devices") or ()
    }
    return {uuid for uuid, device in names.items() if device in used}


def baseline(
    probes: Sequence[Past], *, driver: str | None, environment: str, quick: bool
) -> Baseline | None:
    """The medians of the first healthy ones of the same driver, environment and length.

    Args:
        probes: of one GPU, newest first.
        driver, environment, quick: of the one that is to be judged.
    """
    same = [
        one
        for one in reversed(probes)
        if one.result["verdict"] == HEALTHY
        and one.is_comparable
        and one.driver == driver
        and one.environment == environment
        and one.result["quick"] == quick
    ][:BASELINE_PROBES]
    if not same:
        return None
    values: dict[str, dict[Scale, tuple[float, ...]]] = {}
    for one in same:
        for row in one.result["metrics"]:
            of_name, scale = values.setdefault(row["name"], {}), scale_of(row)
            of_name[scale] = (*of_name.get(scale, ()), float(row["value"]))
    return Baseline(values, len(same))
