"""YAML -> Benchmark, Environment, Target, Round, Preset. A wrong file: a ProfileError names it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import profiles
from tui.engine import home, rules
from tui.engine.errors import ProfileError, SpecError
from tui.engine.fields import Fields
from tui.engine.rules import CATEGORIES, SCENARIOS, Rules
from tui.engine.scenario import Scenario

DEVICES = ("cpu", "cuda")
RUNNERS = ("local",)
MODES = {
    "performance": "performance-only",
    "accuracy": "accuracy-only",
    "both": "performance-and-accuracy",
    "find-performance": "find-performance",
    "submission": "submission",
    "populate-readme": "populate-readme",
}
"""What can be measured, and mlcr's variation for each."""
LAST = 1000
"""Where a profile stands that names no order."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""What a profile may be called: run ids are made of it."""
MLCR_NAMES = (
    "model",
    "implementation",
    "framework",
    "category",
    "execution_mode",
    "version",
    "style",
)


@dataclass(frozen=True)
class Needs:
    """What a benchmark needs of a machine; unknown is None."""

    disk_bytes: int | None = None
    """Model, dataset and what is made of them, where the installation keeps them."""
    short_disk_bytes: int | None = None
    """The same with the small dataset of `_short`; None: that makes no difference."""
    gpu_memory_bytes: int | None = None
    """Of the reference implementation, all GPUs together."""
    licence: str | None = None
    """What must be agreed to before the downloads open."""


@dataclass(frozen=True)
class Benchmark:
    """Model, dataset and rules, under one name."""

    name: str
    title: str
    about: str
    """What a user must know before trusting a number of it; may be empty."""
    area: str
    task: str
    dataset: str
    order: int
    official: bool
    """An MLPerf benchmark (smoke is none)."""
    installation: str | None
    """The only installation it runs on; None: any official one."""
    submission_name: str
    """What MLCommons' results and checker call it."""
    loadgen_model: str
    """Its key in mlperf.conf."""
    reference_quality: str | None
    parameters: str | None
    entered: str | None
    """The round it came with."""
    retired: str | None
    """The last round that listed it; None: still listed."""
    rules: Rules
    """As of the newest round that lists it."""
    also_runs: tuple[Scenario, ...]
    """Scenarios that can be run, though no category has them (any more)."""
    devices: tuple[str, ...]
    needs: Needs
    mlcr: Mapping[str, str]
    """mlcr's names: model, implementation, framework, category, execution_mode, version, style."""

    @property
    def all_scenarios(self) -> tuple[Scenario, ...]:
        """Every scenario that can be run, in the field's order."""
        listed = {one for category in CATEGORIES for one in self.rules.scenarios_of(category)}
        return tuple(one for one in Scenario if one in listed or one in self.also_runs)

    @property
    def has_mlcr_model(self) -> bool:
        """mlcr can run it; of the others results can be read."""
        return "model" in self.mlcr


@dataclass(frozen=True)
class Signs:
    """What an environment is recognised by; any one is enough."""

    hypervisors: tuple[str, ...] = ()
    """Values of `sut.describe().hypervisor`."""
    files: tuple[str, ...] = ()
    """Absolute paths that are there."""
    variables: tuple[str, ...] = ()
    """NAME, or NAME=VALUE, in our environment."""
    modules: tuple[str, ...] = ()
    """Loaded kernel modules."""
    processes: tuple[str, ...] = ()
    """Names of running programs."""

    def __bool__(self) -> bool:
        return any((self.hypervisors, self.files, self.variables, self.modules, self.processes))


@dataclass(frozen=True)
class Environment:
    """What lies between the benchmark and the machine: bare metal, an isolation layer, Xen."""

    name: str
    label: str
    order: int
    baseline: bool
    """The one without added layers, which the others are compared with."""
    signs: Signs
    argv_prefix: tuple[str, ...]
    """Put before the command."""
    env_vars: Mapping[str, str]


@dataclass(frozen=True)
class Target:
    """Where a run goes, and the runner that takes it there."""

    name: str
    label: str
    runner: str


@dataclass(frozen=True)
class GpuModel:
    """A GPU model by its datasheet; what the vendor does not state is None or missing."""

    title: str
    names: tuple[str, ...]
    """As NVML tells the product."""
    memory_gb_s: float | None
    link_gen: int | None
    """PCIe of the card."""
    link_width: int | None
    tflops: Mapping[str, float]
    """By precision, dense: fp64, fp32, tf32, fp16, bf16; with tensor cores where it has them."""
    inline_ecc: bool
    """ECC bits lie in the memory itself (GDDR): they take some of its bandwidth."""
    source: str


@dataclass(frozen=True)
class Round:
    """A round of MLPerf Inference: its seeds, limits and counts, and what it lists."""

    name: str
    submission_deadline: str | None
    seeds: Mapping[str, int]
    """qsl_rng_seed, sample_index_rng_seed, schedule_rng_seed: they tell a log's round."""
    min_duration_ms: Mapping[str, float]
    percentiles: Mapping[str, float]
    samples_per_query: Mapping[str, float]
    result_keys: Mapping[str, str] = field(default_factory=dict)
    """The detail log's key of the official number by scenario, where a benchmark names none."""
    token_result_keys: Mapping[str, str] = field(default_factory=dict)
    """The same for a run whose tokens LoadGen timed."""
    inferred_token_result_keys: Mapping[str, str] = field(default_factory=dict)
    """The same for a run whose tokens it inferred from the samples."""
    endpoints_result_keys: Mapping[str, str] = field(default_factory=dict)
    """The same for a run of MLPerf Endpoints."""
    loadgen_versions: tuple[str, ...] = ()
    """How the version of LoadGen begins in results of the round."""
    system_fields: tuple[str, ...] = ()
    """What a system's description must hold beside the fields of every round."""
    rules: Mapping[str, Rules] = field(default_factory=dict)
    """By benchmark, as they were then."""


@dataclass(frozen=True)
class Preset:
    """A whole choice under a name: the guide's commands, and those that the user keeps."""

    name: str
    title: str
    about: str
    order: int
    benchmark: str
    scenario: str
    mode: str
    device: str | None
    environment: str | None
    installation: str | None
    repeats: int
    variations: tuple[str, ...]
    """Of mlcr, without `_`."""
    settings: Mapping[str, str]
    """Keys of mlcr."""


@dataclass(frozen=True)
class Catalog:
    """Everything that can be chosen, by name."""

    benchmarks: Mapping[str, Benchmark]
    environments: Mapping[str, Environment]
    targets: Mapping[str, Target]
    with_users: bool = True
    """The user's own profiles lie over the shipped ones."""

    @cached_property
    def rounds(self) -> Mapping[str, Round]:
        """By name, oldest first; read when they are first asked for.

        Raises:
            ProfileError: a file is wrong.
        """
        make: Callable[[Fields, str], Round] = partial(_round, benchmarks=self.benchmarks)
        found = _load_kind("rounds", make, with_users=self.with_users)
        return dict(sorted(found.items()))

    @cached_property
    def gpus(self) -> Mapping[str, GpuModel]:
        """GPU models by the name of their file; read when they are first asked for.

        Raises:
            ProfileError: a file is wrong.
        """
        return _load_kind("gpus", _gpu_model, with_users=self.with_users)

    def read_presets(self) -> Mapping[str, Preset]:
        """By name, in their order; read anew each time, because the app itself saves some.

        Raises:
            ProfileError: a file is wrong.
        """
        make: Callable[[Fields, str], Preset] = partial(_preset, benchmarks=self.benchmarks)
        found = _load_kind("presets", make, with_users=self.with_users)
        return dict(sorted(found.items(), key=_place))

    def preset(self, name: str) -> Preset:
        """By name; SpecError names the known ones."""
        return _chosen("--preset", name, self.read_presets())

    def gpu_named(self, name: str | None) -> GpuModel | None:
        """The model that NVML calls so; None where it is not known."""
        wanted = (name or "").casefold()
        every = self.gpus.values()
        return next((one for one in every if wanted in map(str.casefold, one.names)), None)

    def rounds_of(self, benchmark: Benchmark) -> tuple[str, ...]:
        """The rounds that list it, oldest first."""
        return tuple(one.name for one in self.rounds.values() if benchmark.name in one.rules)

    def benchmark(self, name: str) -> Benchmark:
        """By name; SpecError names the known ones."""
        return _chosen("benchmark", name, self.benchmarks)

    def environment(self, name: str) -> Environment:
        """By name; SpecError names the known ones."""
        return _chosen("--environment", name, self.environments)

    def target(self, name: str) -> Target:
        """By name; SpecError names the known ones."""
        return _chosen("--on", name, self.targets)


T = TypeVar("T")


def _chosen(field_name: str, name: str, known: Mapping[str, T]) -> T:
    try:
        return known[name]
    except KeyError:
        raise SpecError(field_name, f"'{name}' is not known", known) from None


def _benchmark(fields: Fields, name: str) -> Benchmark:
    needs = fields.part("needs")
    benchmark = Benchmark(
        name=fields.choice("name", (name,)),
        title=fields.text("title"),
        about=fields.text("about", ""),
        area=fields.text("area"),
        task=fields.text("task"),
        dataset=fields.text("dataset"),
        order=fields.count("order", LAST) or 0,
        official=fields.flag("official", True),
        installation=fields.optional_text("installation"),
        submission_name=fields.text("submission_name", name),
        loadgen_model=fields.text("loadgen_model", name),
        reference_quality=fields.optional_text("reference_quality"),
        parameters=fields.optional_text("parameters"),
        entered=fields.optional_text("entered"),
        retired=fields.optional_text("retired"),
        rules=rules.read(fields, Rules()),
        also_runs=tuple(Scenario(one) for one in fields.texts("also_runs", SCENARIOS)),
        devices=fields.texts("devices", DEVICES) or DEVICES,
        needs=Needs(
            disk_bytes=_bytes(needs, "disk_bytes"),
            short_disk_bytes=_bytes(needs, "short_disk_bytes"),
            gpu_memory_bytes=_bytes(needs, "gpu_memory_bytes"),
            licence=needs.optional_text("licence"),
        ),
        mlcr=fields.text_map("mlcr", MLCR_NAMES),
    )
    needs.end()
    return benchmark


def _bytes(fields: Fields, key: str) -> int | None:
    value = fields.number(key, None)
    return int(value) if value is not None else None


def _environment(fields: Fields, name: str) -> Environment:
    signs = fields.part("recognise")
    environment = Environment(
        name=fields.choice("name", (name,)),
        label=fields.text("label"),
        order=fields.count("order", LAST) or 0,
        baseline=fields.flag("baseline", False),
        signs=Signs(
            hypervisors=signs.texts("hypervisor"),
            files=signs.texts("file"),
            variables=signs.texts("variable"),
            modules=signs.texts("module"),
            processes=signs.texts("process"),
        ),
        argv_prefix=fields.texts("argv_prefix"),
        env_vars=fields.text_map("env_vars"),
    )
    signs.end()
    return environment


def _target(fields: Fields, name: str) -> Target:
    return Target(
        name=fields.choice("name", (name,)),
        label=fields.text("label"),
        runner=fields.choice("runner", RUNNERS),
    )


PRECISIONS = ("fp64", "fp32", "tf32", "fp16", "bf16")


def _gpu_model(fields: Fields, name: str) -> GpuModel:
    link = fields.part("link")
    model = GpuModel(
        title=fields.text("title"),
        names=fields.texts("names"),
        memory_gb_s=fields.number("memory_gb_s", None),
        link_gen=link.count("gen"),
        link_width=link.count("width"),
        tflops=fields.number_map("tflops", PRECISIONS),
        inline_ecc=fields.flag("inline_ecc", default=False),
        source=fields.text("source"),
    )
    link.end()
    return model


SEEDS = ("qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed")


def _round(fields: Fields, name: str, *, benchmarks: Mapping[str, Benchmark]) -> Round:
    def listed(part: Fields, benchmark: str) -> Rules:
        differing = part.part(benchmark)
        found = rules.read(differing, benchmarks[benchmark].rules)
        differing.end()
        return found

    return Round(
        name=fields.choice("name", (name,)),
        submission_deadline=fields.optional_text("submission_deadline"),
        seeds=fields.map("seeds", lambda part, key: part.count(key) or 0, SEEDS),
        min_duration_ms=fields.number_map("min_duration_ms", SCENARIOS),
        percentiles=fields.number_map("percentiles", SCENARIOS),
        samples_per_query=fields.number_map("samples_per_query", SCENARIOS),
        result_keys=fields.text_map("result_keys", SCENARIOS),
        token_result_keys=fields.text_map("token_result_keys", SCENARIOS),
        inferred_token_result_keys=fields.text_map("inferred_token_result_keys", SCENARIOS),
        endpoints_result_keys=fields.text_map("endpoints_result_keys", SCENARIOS),
        loadgen_versions=fields.texts("loadgen_versions"),
        system_fields=fields.texts("system_fields"),
        rules=fields.map("benchmarks", listed, tuple(benchmarks)),
    )


def _preset(fields: Fields, name: str, *, benchmarks: Mapping[str, Benchmark]) -> Preset:
    return Preset(
        name=fields.choice("name", (name,)),
        title=fields.text("title", name),
        about=fields.text("about", ""),
        order=fields.count("order", LAST) or 0,
        benchmark=fields.choice("benchmark", tuple(benchmarks)),
        scenario=fields.choice("scenario", SCENARIOS),
        mode=fields.choice("mode", tuple(MODES)) if fields.has("mode") else "performance",
        device=fields.choice("device", DEVICES) if fields.has("device") else None,
        environment=fields.optional_text("environment"),
        installation=fields.optional_text("installation"),
        repeats=fields.count("repeats", 1) or 1,
        variations=fields.texts("variations"),
        settings=fields.map("settings", Fields.word),
    )


KINDS: Mapping[str, Callable[[Fields, str], Any]] = {
    "benchmarks": _benchmark,
    "environments": _environment,
    "targets": _target,
}


def profile_files(kind: str, *, with_users: bool = True) -> dict[str, Path]:
    """The YAML files of a kind by name: the shipped ones, the user's own over them."""
    folders = [Path(profiles.__file__).parent / kind]
    if with_users:
        folders.append(home.user_profiles() / kind)
    found: dict[str, Path] = {}
    for folder in folders:
        if folder.is_dir():
            found |= {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    return found


def load(*, with_users: bool = True) -> Catalog:
    """Read every profile but the rounds, which are read when they are asked for.

    Args:
        with_users: read the user's own folder over the shipped one.

    Raises:
        ProfileError: a file is wrong; says which, where, and what is allowed.
    """
    found = {kind: _load_kind(kind, make, with_users=with_users) for kind, make in KINDS.items()}
    for kind in ("benchmarks", "environments"):
        found[kind] = dict(sorted(found[kind].items(), key=_place))
    return Catalog(**found, with_users=with_users)


def _place(item: tuple[str, Any]) -> tuple[int, str]:
    return item[1].order, item[0]


def _load_kind(
    kind: str, make: Callable[[Fields, str], Any], *, with_users: bool
) -> dict[str, Any]:
    from tui.engine import yaml_file

    loaded = {}
    for name, path in profile_files(kind, with_users=with_users).items():
        try:
            found = yaml_file.load(path)
        except yaml_file.NotYaml as error:
            raise ProfileError(f"{path}: cannot be read: {error}") from error
        fields = Fields(path, found)
        if not NAME.fullmatch(name):
            raise ProfileError(f"{path}: its name has more than letters, digits, '.', '_' and '-'")
        loaded[name] = make(fields, name)
        fields.end()
    return loaded
