"""The doctor: checks of this machine and of what is set up on it, each with its fix.

A check is one function in one of the modules here, with its name, its title and why it matters
above it, and a line in `CHECKS`. It takes `Here`, the only way to the outside, and gives a
`Finding`; what it may take and how it may fail is the business of `examination`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from tui.engine.catalog import Environment
from tui.engine.doctor import clock, gpu, installation, leftovers, machine, network, python
from tui.engine.doctor.check import Check, Checker, Fix, Status
from tui.engine.doctor.examination import run_checks
from tui.engine.doctor.here import Official, Outside, find_official
from tui.engine.doctor.repair import repair
from tui.engine.mlcflow import EMBEDDED, Installation
from tui.engine.spec import RunSpec

__all__ = [
    "CHECKS",
    "Check",
    "Fix",
    "Outside",
    "Status",
    "asked_of",
    "before_run",
    "examine",
    "find_official",
    "in_order",
    "outside",
    "repair",
]

CHECKS: tuple[Checker, ...] = (
    machine.machine,
    python.python,
    python.embedded,
    python.packages,
    machine.data_root,
    machine.disk,
    machine.memory,
    machine.swap,
    machine.load,
    machine.governor,
    clock.drift,
    clock.source,
    clock.stepping,
    machine.logout,
    machine.locale,
    installation.installation,
    installation.its_python,
    installation.cached_python,
    installation.prerequisites,
    installation.automations,
    installation.one_repository,
    installation.sudo,
    leftovers.audit_config,
    leftovers.old_results,
    leftovers.other_mlcr,
    gpu.driver,
    gpu.busy,
    gpu.errors,
    gpu.mode,
    gpu.ecc,
    gpu.persistence,
    gpu.throttling,
    gpu.toolkit,
    gpu.cupy,
    installation.onnxruntime,
    machine.docker,
)
"""All that are made, in the order in which they are listed."""
ON_DEMAND: tuple[Checker, ...] = (network.network,)
"""Those that leave the machine."""
SEVERITY = tuple(Status)
BEFORE_RUN_S = 0.7


def outside(data_root: Path, environments: Iterable[Environment]) -> Outside:
    """This machine, and the installation that official runs would take now."""
    return Outside(data_root, find_official(), environments=tuple(environments))


def in_order(found: Iterable[Check]) -> list[Check]:
    """The worst first, of equals as `CHECKS` has them; what has nothing to look at here last."""
    ids = [one.id for one in (*CHECKS, *ON_DEMAND)]
    return sorted(
        found, key=lambda one: (not one.applies, SEVERITY.index(one.status), ids.index(one.id))
    )


def asked_of(world: Outside) -> tuple[Checker, ...]:
    """The checks that an examination makes, in their order."""
    return (*CHECKS, *(ON_DEMAND if world.has_network else ()))


def examine(world: Outside) -> Iterator[Check]:
    """All checks, each as soon as it is done: under 3 s in all, the network not counted."""
    yield from run_checks(asked_of(world), world)


def before_run(spec: RunSpec, installation: Installation, world: Outside) -> list[Check]:
    """What is worth knowing before this run starts: problems only, the worst first; under 0.7 s.

    Args:
        spec: the run that is to start.
        installation: where it is to run.
        world: the outside; its `official` and `device` are set by the run's own.
    """
    is_embedded = installation.name == EMBEDDED
    official = None if is_embedded else Official(installation.mlcr.parents[2], True, installation)
    words = {"embedded" if is_embedded else "official", spec.device}
    asked = [one for one in CHECKS if one.before is not None and one.before <= words]
    found = run_checks(asked, replace(world, official=official, device=spec.device), BEFORE_RUN_S)
    return in_order(one for one in found if one.status in (Status.FAIL, Status.WARNING))
