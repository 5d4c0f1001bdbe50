"""A request -> a run that is on its way: what the command line and the app both do."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from tui.engine import home, mlcflow, process, series, spec, sut
from tui.engine.catalog import Benchmark, Catalog, Environment
from tui.engine.errors import MlperfTuiError, SpecError, StorageError
from tui.engine.mlcflow import Installation
from tui.engine.runners import RUNNERS, runner_of
from tui.engine.spec import FOLDER, RunSpec
from tui.engine.store import Run, RunStore
from tui.engine.sut import SystemFacts

MOST_REPEATS = 100
"""Each waits with a supervisor of its own, of about 20 MB."""


@dataclass(frozen=True)
class Request:
    """What a user asks for; None: whatever is the default."""

    benchmark: str
    scenario: str
    mode: str = "performance"
    device: str | None = None
    installation: str | None = None
    environment: str | None = None
    target: str = "local"
    repeats: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """A request, complete and checked: it can start as it is."""

    spec: RunSpec
    installation: Installation
    repeats: int
    note: str | None
    """Which installation was taken, where the choice was ours."""
    warning: str | None
    """What contradicts the environment's label."""


def prepare(request: Request, catalog: Catalog, store: RunStore, facts: SystemFacts) -> Plan:
    """Check a request and complete it; nothing is written.

    Raises:
        SpecError, InstallationError: a choice that cannot be.
        StorageError: mlcr could not work below this data root.
    """
    if not 1 <= request.repeats <= MOST_REPEATS:
        raise SpecError("--repeat", f"{request.repeats} is not between 1 and {MOST_REPEATS}")
    if not str(store.root).isascii():
        raise StorageError(
            f"mlcr takes no path that is not ASCII, and the data root is {store.root}; "
            "set MLPERF_TUI_HOME to another folder"
        )
    benchmark = catalog.benchmark(request.benchmark)
    environment, warning = _environment(request, catalog, facts)
    name, note = installation_name(benchmark, request.installation)
    if benchmark.installation and name != benchmark.installation:
        raise SpecError(
            "--installation",
            f"{benchmark.name} runs on '{benchmark.installation}' only",
            (benchmark.installation,),
        )
    installation = mlcflow.locate(name, store.root)
    made = spec.plan(
        benchmark,
        request.scenario,
        environment,
        catalog.target(request.target),
        installation,
        spec.Options(
            mode=request.mode,
            device=request.device or benchmark.devices[0],
            settings=request.settings,
        ),
    )
    made = replace(made, environment_label=sut.label(environment, facts))
    return Plan(made, installation, request.repeats, note, warning)


def installation_name(benchmark: Benchmark, asked: str | None) -> tuple[str, str | None]:
    """The installation a benchmark would run on, and what to say where the choice was ours."""
    if not asked and benchmark.installation:
        return benchmark.installation, None
    return mlcflow.choose(asked)


def _environment(
    request: Request, catalog: Catalog, facts: SystemFacts
) -> tuple[Environment, str | None]:
    """The environment asked for, else the recognised one; and what speaks against it."""
    known = catalog.environments.values()
    recognised = sut.recognise(facts, known)
    if request.environment:
        chosen = catalog.environment(request.environment)
    elif recognised.environment is not None:
        chosen = recognised.environment
    else:
        raise SpecError("--environment", "none is recognised; name one", catalog.environments)
    return chosen, recognised.contradiction(chosen, known)


def begin(plan: Plan, store: RunStore, facts: SystemFacts, made: list[Run]) -> Iterator[Run]:
    """Make the plan's runs and hand them over, one by one as they are asked for.

    Args:
        plan: what `prepare` gave.
        store: where the runs go.
        facts: the machine.
        made: gets every run the moment it exists, so that an interrupted caller knows them all.

    Raises:
        StorageError, StartError: a run cannot be kept or started.
    """
    home.require_writable(store.root)
    mlcflow.register(plan.installation)
    runs = series.create(store, plan.spec, plan.repeats, facts.to_json())
    for _ in range(plan.repeats):
        with process.interrupts_deferred():  # no run is made that the caller does not know of
            run = next(runs)
            made.append(run)
        RUNNERS[plan.spec.runner].submit(run)
        yield run


def attend_unwatched(store: RunStore, most: int = 200) -> None:
    """Give a supervisor to every run of the newest `most` that is not over and has none.

    Without one, nobody would ever write the final state of a run whose supervisor was killed.
    A run that cannot be attended stays as it is; whoever opens it is told why.
    """
    for run_id in store.ids()[:most]:
        run = Run(store.runs / run_id)
        with suppress(MlperfTuiError, OSError):
            if not run.stored_state.is_final:
                runner_of(run).attend(run)


def again(run: Run, store: RunStore, facts: SystemFacts, options: Sequence[str] = ()) -> Run:
    """The same run once more: the same command, in a folder of its own.

    Args:
        run: the one to repeat.
        store: where the new one goes.
        facts: the machine.
        options: `--key=value` in place of the command's own, or beside them.

    Raises:
        NotFoundError: its run.json is damaged or of another version.
        SpecError: the installation does not take such an option.
        StorageError, StartError: it cannot be kept or started.
    """
    runner, old = runner_of(run), run.spec
    place = os.path.dirname(old.cwd)  # as it was called then: the data root may have moved since
    if os.path.basename(place) != run.id:
        place = str(run.folder)
    fresh = replace(
        old,
        argv=tuple(one.replace(place, FOLDER) for one in old.argv),
        cwd=old.cwd.replace(place, FOLDER),
        env_vars={
            name: value.replace(place, FOLDER)
            for name, value in old.env_vars.items()
            if name != process.RUN_MARK
        },
        series=None,
        repeat=None,
    )
    if any(run.id in one for one in (*fresh.argv, fresh.cwd, *fresh.env_vars.values())):
        raise StorageError(f"{run.id} names its own folder in a way that cannot be replaced")
    installation = mlcflow.locate(old.installation, store.root)
    fresh = spec.with_options(fresh, options, installation)
    mlcflow.register(installation)
    made = store.create(fresh, facts.to_json())
    runner.submit(made)
    return made
