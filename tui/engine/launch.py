"""A request -> a run that is on its way: what the command line and the app both do."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tui.engine import home, mlcflow, mlcr_options, needs, process, series, spec, sut
from tui.engine.catalog import Benchmark, Catalog, Environment
from tui.engine.errors import InstallationError, MlperfTuiError, SpecError, StorageError
from tui.engine.mlcflow import Installation
from tui.engine.mlcr_options import MlcrOptions
from tui.engine.needs import RunNeeds
from tui.engine.runners import RUNNERS, runner_of
from tui.engine.spec import FOLDER, RUN_ID, Choice, RunSpec
from tui.engine.store import Run, RunStore
from tui.engine.sut import SystemFacts

if TYPE_CHECKING:
    from tui.engine.doctor import Check
    from tui.engine.telemetry.gpus import GpuDevice, GpuSnapshot

PROBE_BODY = "tui.engine.probe_cupy"
PROBE_BYTES = 5_000_000
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
    variations: tuple[str, ...] = ()
    """Of mlcr; the profile's style and version where none is named."""


@dataclass(frozen=True)
class ProbeRequest:
    """Which GPUs are to be probed, and how long it may take."""

    device: int | None = None
    """NVML's number; None: every GPU that CUDA would show, each in turn."""
    quick: bool = False
    environment: str | None = None


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
    choice: Choice
    takes: MlcrOptions
    """What the installation's mlcr takes."""
    needs: RunNeeds
    """Disk, time and licence; to be said before it starts."""
    concerns: tuple[str, ...] = ()
    """What may go wrong, each a sentence."""


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
    environment, warning = _environment(request.environment, catalog, facts)
    name, note = installation_name(benchmark, request.installation)
    if benchmark.installation and name != benchmark.installation:
        raise SpecError(
            "--installation",
            f"{benchmark.name} runs on '{benchmark.installation}' only",
            (benchmark.installation,),
        )
    installation = mlcflow.locate(name, store.root)
    takes = mlcr_options.read(installation, store.root)
    choice = spec.choose(benchmark, request.scenario, options_of(request, benchmark, facts), takes)
    target = catalog.target(request.target)
    made = spec.plan(benchmark, choice, environment, target, installation, takes)
    made = replace(made, environment_label=sut.label(environment, facts))
    needed = needs.of(benchmark, choice, installation)
    concerns = needs.concerns(benchmark, choice, needed, installation)
    if request.device is None and choice.device != benchmark.devices[0]:
        concerns = (f"it runs on {choice.device}: this machine has no NVIDIA driver", *concerns)
    return Plan(made, installation, request.repeats, note, warning, choice, takes, needed, concerns)


def checked(plan: Plan, catalog: Catalog, store: RunStore) -> list[Check]:
    """What the doctor has against starting this now, the worst first; under a second."""
    from tui.engine import doctor

    world = doctor.outside(store.root, catalog.environments.values())
    return doctor.before_run(plan.spec, plan.installation, world)


def options_of(
    request: Request, benchmark: Benchmark | None = None, facts: SystemFacts | None = None
) -> spec.Options:
    """What a request says of mlcr; benchmark and machine tell the device where it does not."""
    usual = usual_device(benchmark, facts) if benchmark and facts else None
    return spec.Options(request.mode, request.device, usual, request.settings, request.variations)


def usual_device(benchmark: Benchmark, facts: SystemFacts) -> str:
    """The first of its devices that this machine has."""
    here = [one for one in benchmark.devices if one != "cuda" or facts.nvidia_driver is not None]
    return (here or benchmark.devices)[0]


def takes(benchmark: Benchmark, asked: str | None, root: Path) -> MlcrOptions:
    """What the mlcr takes that a benchmark would run on; the shipped list where there is none.

    Args:
        benchmark: what is run.
        asked: the installation that the user named; None: the default.
        root: our data root.
    """
    try:
        name, _ = installation_name(benchmark, asked)
        if name == mlcflow.EMBEDDED and not benchmark.installation:
            return mlcr_options.snapshot()
        return mlcr_options.read(mlcflow.locate(name, root), root)
    except InstallationError as error:
        return mlcr_options.snapshot(str(error).removeprefix("--"))


def installation_name(benchmark: Benchmark, asked: str | None) -> tuple[str, str | None]:
    """The installation a benchmark would run on, and what to say where the choice was ours."""
    if not asked and benchmark.installation:
        return benchmark.installation, None
    return mlcflow.choose(asked)


def prepare_probe(
    request: ProbeRequest,
    catalog: Catalog,
    facts: SystemFacts,
    gpus: GpuSnapshot | None,
    variables: Mapping[str, str] = os.environ,
) -> tuple[list[RunSpec], str | None]:
    """One spec a GPU, and what contradicts the environment's label; nothing is written.

    Args:
        request: what is asked for.
        catalog: for the environment.
        facts: the machine.
        gpus: what NVML shows; None: nothing, and the body will say why.
        variables: the environment: CUDA_VISIBLE_DEVICES is the user's own choice of GPUs.

    Raises:
        SpecError: no such GPU or environment.
    """
    environment, warning = _environment(request.environment, catalog, facts)
    try:
        waits_for, _ = mlcflow.choose(None)
    except InstallationError:
        waits_for = mlcflow.EMBEDDED
    made = []
    for name, chosen in _chosen_gpus(request.device, gpus, variables):
        argv = [sys.executable, "-I", "-m", PROBE_BODY, *(["--quick"] if request.quick else [])]
        one = RunSpec(
            benchmark="probe",
            scenario="quick" if request.quick else "full",
            mode=name,
            device="cuda",
            installation=waits_for,  # whose queue it stands in: never beside an official run
            environment=environment.name,
            target="local",
            runner="local",
            argv=(*environment.argv_prefix, *argv),
            cwd=f"{FOLDER}/work",
            env_vars={**environment.env_vars, **chosen},
            disk_bytes=PROBE_BYTES,
            kind="probe",
            environment_label=sut.label(environment, facts),
        )
        made.append(one)
    return made, warning


def _chosen_gpus(
    index: int | None, gpus: GpuSnapshot | None, variables: Mapping[str, str]
) -> list[tuple[str, dict[str, str]]]:
    """Name and variables of each GPU to be probed. By UUID: CUDA counts otherwise than NVML."""
    devices = gpus.devices if gpus is not None else ()
    visible, order = (variables.get(f"CUDA_{name}") for name in ("VISIBLE_DEVICES", "DEVICE_ORDER"))
    if index is not None:
        if gpus is not None and all(one.index != index for one in devices):
            raise SpecError("--device", f"there is no GPU {index}", [str(d.index) for d in devices])
        chosen = [one for one in devices if one.index == index]
        if not chosen:  # CUDA knows perhaps
            return [(f"gpu{index}", _visible(str(index)))]
    else:
        seen = {one.index: one.seen_by_cuda(visible, order, len(devices)) for one in devices}
        if visible is not None and None in seen.values():
            # Only CUDA can tell which ones these are: each by the user's own word.
            names = [part.strip() for part in visible.split(",")]
            return [("gpu", {"CUDA_VISIBLE_DEVICES": one}) for one in dict.fromkeys(names)]
        chosen = [one for one in devices if seen[one.index]]
    if not chosen:
        return [("gpu", {})]  # what the user chose, whatever CUDA makes of it
    return [part for one in chosen for part in _parts(one, visible)]


def _parts(device: GpuDevice, visible: str | None) -> list[tuple[str, dict[str, str]]]:
    """A GPU by its UUID; a split one by each of its slices, or those that the user chose."""
    name, asked = f"gpu{device.index}", (visible or "").split(",")
    slices = [one for one in device.mig or () if one.uuid]
    slices = [one for one in slices if one.uuid in asked] or slices
    if slices:
        return [(f"{name}/mig{one.index}", _visible(str(one.uuid))) for one in slices]
    return [(name, _visible(device.uuid or str(device.index)))]


def _visible(name: str) -> dict[str, str]:
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": name}


def begin_probe(
    specs: Sequence[RunSpec], store: RunStore, facts: SystemFacts, made: list[Run]
) -> None:
    """Make a probe's runs and hand them over.

    Args:
        specs: what `prepare_probe` gave.
        store: where the runs go.
        facts: the machine.
        made: gets every run the moment it exists.

    Raises:
        StorageError, StartError: a run cannot be kept or started.
    """
    home.require_writable(store.root)
    for one in specs:
        with process.interrupts_deferred():
            run = store.create(one, facts.to_json())
            made.append(run)
        RUNNERS[one.runner].submit(run)


def _environment(
    asked: str | None, catalog: Catalog, facts: SystemFacts
) -> tuple[Environment, str | None]:
    """The environment asked for, else the recognised one; and what speaks against it."""
    known = catalog.environments.values()
    recognised = sut.recognise(facts, known)
    if asked:
        chosen = catalog.environment(asked)
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
        argv=tuple(one.replace(place, FOLDER).replace(run.id, RUN_ID) for one in old.argv),
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
    if old.kind != "probe":
        installation = mlcflow.locate(old.installation, store.root)
        fresh = spec.with_options(fresh, options, mlcr_options.read(installation, store.root))
        mlcflow.register(installation)
    made = store.create(fresh, facts.to_json())
    runner.submit(made)
    return made
