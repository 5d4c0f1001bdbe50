"""What shall be run, checked and complete; the exact argv.

On the command line stands always what says what is measured (model, implementation, framework,
category, scenario, execution_mode, device, mode, style), and of all else only what differs from
mlcr's default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tui.engine import checks, containers, mlcflow
from tui.engine.catalog import MODES, Benchmark, Environment, Target
from tui.engine.errors import SpecError
from tui.engine.mlcflow import Installation
from tui.engine.mlcr_options import FIRST_NAMES, GROUPS, MlcrOptions
from tui.engine.process import RUN_MARK
from tui.engine.rules import CATEGORIES
from tui.engine.scenario import Scenario

LOADGEN_MODES = {"find-performance": "performance", "submission": "both", "populate-readme": "both"}
"""LoadGen's mode, where it has another name."""
STYLES = ("short", "full")
VERSION = re.compile(r"r\d+\.\d+(-dev)?")
ALWAYS = ("implementation", "framework", "category", "execution_mode")
"""Settings that are written though they may be mlcr's default."""
COMPILER = "adr.compiler.tags"
FOLDER = "{run}"
"""Stands for the run's folder in a spec that has none yet."""
RUN_ID = "{run-id}"
"""Stands for the run's id in it."""
LABEL = f"{containers.LABEL}={RUN_ID}"
"""On every container of a run, so that a stop finds it."""
RUN_BYTES = 50_000_000
"""Console, telemetry and LoadGen's logs of a run; models and datasets lie with the installation."""


@dataclass(frozen=True)
class Options:
    """What the user chose beside benchmark, scenario, environment and target."""

    mode: str = "performance"
    """One of MODES."""
    device: str | None = None
    """None: the implementation's own, else `usual_device`."""
    usual_device: str | None = None
    """None: the benchmark's first."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Keys and values of --set."""
    variations: tuple[str, ...] = ()
    """Of mlcr: style, version and others, with or without `_`."""


@dataclass(frozen=True)
class Choice:
    """Everything that mlcr is told, each with its value: nothing is left to a default of ours."""

    model: str
    scenario: str
    mode: str
    """One of MODES."""
    style: str | None
    """short or full; None: another variation brings it."""
    version: str | None
    """As the variation is called: `r5.1-dev`."""
    others: tuple[str, ...]
    """Further variations."""
    device: str
    values: Mapping[str, str]
    """implementation, framework, category and execution_mode first, then every setting."""

    @property
    def variations(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(
            one for one in (MODES[self.mode], self.style, self.version, *self.others) if one
        )

    @property
    def inner(self) -> dict[str, str]:
        """The fields that lead to variations of the script that is called."""
        own = {"model": self.model, "scenario": self.scenario.lower(), "device": self.device}
        return {**own, **{name: self.values[name] for name in GROUPS if name in self.values}}

    @property
    def has_parts(self) -> bool:
        """mlcr runs LoadGen several times."""
        several = LOADGEN_MODES.get(self.mode, self.mode) == "both"
        return several or bool({"all-scenarios", "compliance"} & set(self.others))

    @property
    def is_in_docker(self) -> bool:
        """It runs in a container."""
        return checks.is_yes(self.values.get("docker"))


@dataclass(frozen=True)
class RunSpec:
    """One run, complete. Paths hold `{run}` until the run has a folder."""

    benchmark: str
    scenario: str
    mode: str
    device: str
    installation: str
    environment: str
    target: str
    runner: str
    argv: tuple[str, ...]
    cwd: str
    env_vars: Mapping[str, str]
    """Environment variables set by us, over those of whoever starts the run."""
    disk_bytes: int
    """Free space that must be there before it starts."""
    profile: Mapping[str, Any] = field(default_factory=dict)
    """The benchmark's profile as it was then."""
    kind: str = "mlperf"
    environment_label: str = ""
    """The environment as it is shown, e.g. `baseline (KVM guest)`."""
    series: str | None = None
    repeat: int | None = None

    def bound_to(self, folder: Path) -> RunSpec:
        """The same with its folder put in."""
        place = str(folder)
        return replace(
            self,
            argv=tuple(
                one.replace(FOLDER, place).replace(RUN_ID, folder.name) for one in self.argv
            ),
            cwd=self.cwd.replace(FOLDER, place),
            env_vars={**self.env_vars, RUN_MARK: folder.name},
        )

    def to_json(self) -> dict[str, Any]:
        """As run.json holds it."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> RunSpec:
        """From run.json; keys of later versions are left out."""
        known = {name: stored[name] for name in cls.__dataclass_fields__ if name in stored}
        return cls(**{**known, "argv": tuple(map(str, stored["argv"]))})


def plan(
    benchmark: Benchmark,
    choice: Choice,
    environment: Environment,
    target: Target,
    installation: Installation,
    takes: MlcrOptions,
) -> RunSpec:
    """Check a choice and make it a run.

    Args:
        benchmark: what is run.
        choice: how, as `choose` completed it.
        environment: where it runs.
        target: who runs it.
        installation: whose mlcr.
        takes: what that mlcr takes.

    Raises:
        SpecError: a choice that cannot be; names the field and the allowed values.
    """
    _check_installation(benchmark, installation)
    check(choice, benchmark, takes)
    env_vars = {**installation.env_vars, **environment.env_vars}
    if choice.device == "cuda":
        env_vars |= mlcflow.cuda_env_vars(env_vars)
    return RunSpec(
        benchmark=benchmark.name,
        scenario=choice.scenario,
        mode=LOADGEN_MODES.get(choice.mode, choice.mode),
        device=choice.device,
        installation=installation.name,
        environment=environment.name,
        target=target.name,
        runner=target.runner,
        argv=(*environment.argv_prefix, str(installation.mlcr), *words(choice, takes)),
        cwd=f"{FOLDER}/work",
        env_vars=env_vars,
        disk_bytes=RUN_BYTES,
        profile=asdict(benchmark),
    )


def choose(benchmark: Benchmark, scenario: str, options: Options, takes: MlcrOptions) -> Choice:
    """Complete a choice by the benchmark's profile and what mlcr would take.

    Raises:
        SpecError: two names of one key, or a mode that is none.
    """
    checks.twice(options.settings, takes)
    settings = {FIRST_NAMES.get(name, name): value for name, value in options.settings.items()}
    settings = {name: takes.value_of(name, value) for name, value in settings.items()}
    names = benchmark.mlcr
    model = names.get("model", "")
    implementation = settings.get("implementation") or names.get("implementation", "reference")
    is_profiles = implementation == names.get("implementation")
    inner = (implementation, model)
    framework = names.get("framework") if is_profiles else takes.inner_default("backend", inner)
    device = None if is_profiles else takes.inner_default("device", (implementation,))
    mode, style, version, others = _variations(options, names, takes)
    values = {
        "implementation": implementation,
        **({"framework": framework} if framework else {}),
        **_category(benchmark, scenario),
        "execution_mode": names.get("execution_mode", "test"),
        **settings,
    }
    return Choice(
        model=model,
        scenario=scenario,
        mode=mode,
        style=style,
        version=version,
        others=others,
        device=options.device or device or options.usual_device or benchmark.devices[0],
        values=values,
    )


def _variations(
    options: Options, names: Mapping[str, str], takes: MlcrOptions
) -> tuple[str, str | None, str | None, tuple[str, ...]]:
    """Mode, style, version and the other variations, the profile's where none is named."""
    named = [one.removeprefix("_") for one in options.variations]
    mode = options.mode
    for variation in named:
        known = next((one for one, its in MODES.items() if its == variation), None)
        if known is None:
            continue
        if mode not in (known, Options.mode):
            raise SpecError("--mode", f"'{mode}' and _{variation} exclude each other")
        mode = known
    if mode not in MODES:
        raise SpecError("--mode", f"'{mode}' is not a mode", MODES)
    styles = [one for one in named if one in STYLES]
    versions = [one for one in named if VERSION.fullmatch(one)]
    plain = {*MODES.values(), *styles[:1], *versions[:1]}
    others = tuple(dict.fromkeys(one for one in named if one not in plain))
    brought = set(STYLES) & set(takes.with_bases(others, inner=False))
    style = styles[0] if styles else None if brought else names.get("style")
    version = versions[0] if versions else names.get("version")
    return mode, style, version and f"r{version.removeprefix('r')}", others


def varied(variations: Sequence[str], *new: str) -> tuple[str, ...]:
    """Variations with others in place of those of the same kind, or beside them."""
    plain = [one.removeprefix("_") for one in new]
    kinds = {_kind(one) for one in plain}
    kept = [one for one in variations if _kind(one.removeprefix("_")) not in kinds]
    return tuple(dict.fromkeys([*kept, *plain]))


def mode_of(variations: Sequence[str]) -> str | None:
    """The mode that one of these variations stands for; None where none does."""
    plain = [one.removeprefix("_") for one in variations]
    return next((mode for mode, its in MODES.items() if its in plain), None)


def _kind(variation: str) -> str:
    """style, version or mode; any other is a kind of its own."""
    if variation in STYLES:
        return "style"
    if variation in MODES.values():
        return "mode"
    return "version" if VERSION.fullmatch(variation) else variation


def check(choice: Choice, benchmark: Benchmark, takes: MlcrOptions) -> None:
    """Refuse what cannot be.

    Raises:
        SpecError: names the field and the allowed values.
    """
    _check_choices(benchmark, choice, takes)
    names = benchmark.mlcr
    for name, value in choice.values.items():
        if names.get(name) != value or name in takes.keys:  # a profile may name more
            checks.setting(name, value, takes)
    checks.variations(choice.variations, takes)
    checks.combination(choice.inner, choice.version, takes)
    checks.data(choice.values, choice.model, choice.style)
    if choice.is_in_docker:
        checks.container(choice.values, takes)
    else:
        checks.without_container(choice.values)


def words(choice: Choice, takes: MlcrOptions) -> list[str]:
    """The command without mlcr itself."""
    default = takes.default_variation("benchmark-version")
    tags = [f"_{one}" for one in choice.variations if one != default]
    always = {name: choice.values[name] for name in ALWAYS if name in choice.values}
    category = {"category": always.pop("category")} if "category" in always else {}
    execution = {"execution_mode": always.pop("execution_mode")}
    values = {
        "model": choice.model,
        **always,
        **category,
        "scenario": choice.scenario,
        **execution,
        "device": choice.device,
        # Unpinned, quiet mode takes the first compiler it knows and downloads a clang.
        COMPILER: "gcc",
        "results_dir": f"{FOLDER}/results",
        **{name: value for name, value in choice.values.items() if _differs(name, value, takes)},
    }
    values.pop("docker", None)
    if choice.is_in_docker:
        values |= _docker(choice, takes)
    flags = ["--quiet", *(["--docker"] if choice.is_in_docker else [])]
    return [
        ",".join(["run-mlperf", "inference", *tags]),
        *flags,
        *(f"--{name}={value}" for name, value in values.items()),
    ]


def _docker(choice: Choice, takes: MlcrOptions) -> dict[str, str]:
    """What a container needs so that a stop finds it, and all parts of the run go into one.

    `docker_extra_run_args` replaces what the script's metadata has there (mlcflow 1.3.8,
    automation/script/docker_utils.py, prepare_docker_inputs), so that is repeated. Without
    `docker_dt` the run script returns after its first part ("We run commands interactively inside
    the docker container", its customize.py); with it, what is printed inside arrives at the end of
    each part only: it is set where it must be. With stdin at /dev/null no container is interactive.
    """
    name = "docker_extra_run_args"
    needed = choice.values.get(name, "").strip() or takes.docker_args_of(choice.inner.values())
    extra = {name: f"{needed} --rm --label {LABEL}".strip()}
    return {"docker_dt": "yes", **extra} if choice.has_parts else extra


def _differs(name: str, value: str, takes: MlcrOptions) -> bool:
    if name in ALWAYS:
        return False  # written already
    key = takes.keys.get(name)
    if key is not None and key.type == "flag" and key.default is not None:
        return checks.is_yes(value) != checks.is_yes(key.default)
    return key is None or value != key.default


def with_options(made: RunSpec, options: Sequence[str], takes: MlcrOptions) -> RunSpec:
    """A spec with some `--key=value` in place of its own, or beside them.

    Raises:
        SpecError: the installation takes no such key or value.
    """
    argv = list(made.argv)
    for name, value in parse_settings(options).items():
        checks.setting(name, value, takes)
        replaced = tuple(f"--{one}=" for one in _same(name, takes))
        argv = [one for one in argv if not one.startswith(replaced)]
        argv.append(f"--{name}={value}")
    return replace(made, argv=tuple(argv))


def not_owned(options: Sequence[str]) -> list[str]:
    """Without those that each run has anyway."""
    return [one for one in options if one.lstrip("-").partition("=")[0] not in checks.FIXED]


def _same(name: str, takes: MlcrOptions) -> list[str]:
    """All names of this key."""
    key = takes.keys.get(name)
    if key is None or key.env_var is None:
        return [name]
    return [one.name for one in takes.keys.values() if one.env_var == key.env_var]


def _category(benchmark: Benchmark, scenario: str) -> dict[str, str]:
    """The profile's category, or the one that has this scenario where that has not."""
    mine = benchmark.mlcr.get("category")
    having = [one for one in CATEGORIES if scenario in benchmark.rules.scenarios_of(one)]
    if mine is None or mine in having or not having:
        return {"category": mine} if mine else {}
    return {"category": having[0]}


def parse_settings(pairs: Sequence[str]) -> dict[str, str]:
    """KEY=VALUE words of --set; `-` in a key is `_`, as mlcr has it."""
    settings = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        name = name.strip().removeprefix("--")
        if not equals or not name:
            raise SpecError("--set", f"'{pair}' is not KEY=VALUE")
        plain = name if "." in name else name.replace("-", "_")
        settings[plain] = value
    return settings


def _check_choices(benchmark: Benchmark, choice: Choice, takes: MlcrOptions) -> None:
    offered = [one.value for one in benchmark.all_scenarios]
    scenario, device = choice.scenario, choice.device
    if scenario not in offered:
        known = scenario in [one.value for one in Scenario]
        problem = "is not offered by" if known else "is not a scenario of"
        raise SpecError("--scenario", f"'{scenario}' {problem} {benchmark.name}", offered)
    if takes.inner and scenario not in takes.values("scenario"):
        raise SpecError(
            "--scenario", f"mlcr has no scenario '{scenario}'", takes.values("scenario")
        )
    if device not in benchmark.devices:
        raise SpecError(
            "--device", f"{benchmark.name} does not run on '{device}'", benchmark.devices
        )
    if not benchmark.has_mlcr_model:
        raise SpecError(
            "benchmark",
            f"mlcr has no model for {benchmark.name}: results of it can be read, not made; a "
            "profile of your own may name one under mlcr",
        )


def _check_installation(benchmark: Benchmark, installation: Installation) -> None:
    only = benchmark.installation
    if only and installation.name != only:
        raise SpecError("--installation", f"{benchmark.name} runs on '{only}' only", (only,))
    if benchmark.has_mlcr_model and not only and installation.name == "embedded":
        raise SpecError(
            "--installation",
            f"{benchmark.name} needs an official MLCFlow installation, a folder that holds "
            "mlc/bin/mlcr; `mlperf-tui setup` makes one",
        )
