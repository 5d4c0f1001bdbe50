"""YAML -> Benchmark, Environment, Target. A wrong file is a ProfileError naming file and key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import profiles
from tui.engine import home
from tui.engine.errors import ProfileError, SpecError
from tui.engine.scenario import Scenario

CATEGORIES = ("datacenter", "edge")
DEVICES = ("cpu", "cuda")
RUNNERS = ("local",)
LARGEST = 1e18
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
class Benchmark:
    """Model, dataset and rules, under one name."""

    name: str
    title: str
    about: str
    """What a user must know before trusting a number of it; may be empty."""
    area: str
    task: str
    dataset: str
    official: bool
    """An MLPerf benchmark (smoke is none)."""
    installation: str | None
    """The only installation it runs on; None: any official one."""
    retired: str | None
    """The last round that listed it; None: still listed."""
    scenarios: Mapping[str, tuple[Scenario, ...]]
    """By category: datacenter, edge."""
    devices: tuple[str, ...]
    accuracy_metric: str | None
    accuracy_target: float | None
    """The least accuracy that counts, in the unit of its accuracy.txt."""
    disk_bytes: int
    """Free space that a run needs."""
    mlcr: Mapping[str, str]
    """mlcr's names: model, implementation, framework, category, execution_mode, version, style."""

    @property
    def all_scenarios(self) -> tuple[Scenario, ...]:
        """Every scenario that some category has, in the field's order."""
        offered = {one for some in self.scenarios.values() for one in some}
        return tuple(one for one in Scenario if one in offered)


@dataclass(frozen=True)
class Environment:
    """What lies between the benchmark and the machine: bare metal, an isolation layer, Xen."""

    name: str
    label: str
    order: int
    baseline: bool
    hypervisors: tuple[str, ...]
    """Recognised by these values of `sut.describe().hypervisor`."""
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
class Catalog:
    """Everything that can be chosen, by name."""

    benchmarks: Mapping[str, Benchmark]
    environments: Mapping[str, Environment]
    targets: Mapping[str, Target]

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


def _chosen(field: str, name: str, known: Mapping[str, T]) -> T:
    try:
        return known[name]
    except KeyError:
        raise SpecError(field, f"'{name}' is not known", known) from None


class Fields:
    """The keys of one profile file; each read takes one, `end` refuses what is left."""

    def __init__(self, path: Path, found: Any, inside: str = "") -> None:
        self._path, self._inside = path, inside
        if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
            raise self._wrong("", "is not a list of `key: value` lines")
        self._left = dict(found)
        self._known: list[str] = []

    def text(self, key: str, default: str | None = None) -> str:
        """A non-empty string; where `default` is None, the key must be there."""
        value = self._take(key, default)
        if not isinstance(value, str) or (not value and default is None):
            raise self._wrong(key, f"is {value!r}, not a text")
        return value

    def optional_text(self, key: str) -> str | None:
        """A string, or None where the key is missing."""
        return self.text(key) if key in self._left else self._take(key, None, optional=True)

    def number(self, key: str, default: float | None) -> float | None:
        """A number, or `default` where the key is missing."""
        value: float | None = self._take(key, default, optional=True)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if value is not None and not (is_number and abs(value) < LARGEST):
            raise self._wrong(key, f"is {value!r}, not a number")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self._take(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, f"is {value!r}; allowed: true, false")
        return value

    def texts(self, key: str, allowed: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A list of strings, each one of `allowed` where that is given; () where missing."""
        value = self._take(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self._wrong(key, f"is {value!r}, not a list of texts")
        for one in value:
            if allowed and one not in allowed:
                raise self._wrong(key, f"has {one!r}; allowed: {', '.join(allowed)}")
        return tuple(value)

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        """One of `allowed`."""
        value = self.text(key)
        if value not in allowed:
            raise self._wrong(key, f"is {value!r}; allowed: {', '.join(allowed)}")
        return value

    def part(self, key: str) -> Fields:
        """The keys below `key`; none where it is missing."""
        return Fields(self._path, self._take(key, {}), f"{self._inside}{key}.")

    def text_map(self, key: str, allowed: tuple[str, ...] | None = None) -> dict[str, str]:
        """Names and texts below `key`; each name one of `allowed` where that is given."""
        part = self.part(key)
        names = list(part._left) if allowed is None else allowed
        found = {name: part.optional_text(name) for name in names}
        part.end()
        return {name: value for name, value in found.items() if value is not None}

    def end(self) -> None:
        """Refuse every key that nobody asked for."""
        for key in self._left:
            raise self._wrong(key, f"is not a key; allowed: {', '.join(self._known)}")

    def _take(self, key: str, default: Any, *, optional: bool = False) -> Any:
        self._known.append(key)
        if key not in self._left and default is None and not optional:
            raise self._wrong(key, "is missing")
        return self._left.pop(key, default)

    def _wrong(self, key: str, problem: str) -> ProfileError:
        where = f"{self._inside}{key}".rstrip(".")
        return ProfileError(f"{self._path}: {where + ' ' if where else ''}{problem}")


def _benchmark(fields: Fields, name: str) -> Benchmark:
    names = tuple(one.value for one in Scenario)
    scenarios, accuracy = fields.part("scenarios"), fields.part("accuracy")
    needs = fields.part("needs")
    benchmark = Benchmark(
        name=fields.choice("name", (name,)),
        title=fields.text("title"),
        about=fields.text("about", ""),
        area=fields.text("area"),
        task=fields.text("task"),
        dataset=fields.text("dataset"),
        official=fields.flag("official", True),
        installation=fields.optional_text("installation"),
        retired=fields.optional_text("retired"),
        scenarios={
            category: tuple(Scenario(one) for one in scenarios.texts(category, names))
            for category in CATEGORIES
        },
        devices=fields.texts("devices", DEVICES) or DEVICES,
        accuracy_metric=accuracy.optional_text("metric"),
        accuracy_target=accuracy.number("target", None),
        disk_bytes=int(needs.number("disk_bytes", 0) or 0),
        mlcr=fields.text_map("mlcr", MLCR_NAMES),
    )
    for part in (scenarios, accuracy, needs):
        part.end()
    return benchmark


def _environment(fields: Fields, name: str) -> Environment:
    signs = fields.part("recognise")
    environment = Environment(
        name=fields.choice("name", (name,)),
        label=fields.text("label"),
        order=int(fields.number("order", 99) or 0),
        baseline=fields.flag("baseline", False),
        hypervisors=signs.texts("hypervisor"),
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


KINDS = {"benchmarks": _benchmark, "environments": _environment, "targets": _target}


def profile_files(kind: str) -> dict[str, Path]:
    """The YAML files of a kind by name: the shipped ones, the user's own over them."""
    shipped = Path(profiles.__file__).parent / kind
    found: dict[str, Path] = {}
    for folder in (shipped, home.user_profiles() / kind):
        if folder.is_dir():
            found |= {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    return found


def load() -> Catalog:
    """Read every profile.

    Raises:
        ProfileError: a file is wrong; says which, where, and what is allowed.
    """
    return Catalog(**{kind: _load_kind(kind) for kind in KINDS})


def _load_kind(kind: str) -> dict[str, Any]:
    import yaml

    loaded = {}
    for name, path in profile_files(kind).items():
        try:
            found = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ProfileError(f"{path}: cannot be read: {error}") from error
        fields = Fields(path, found)
        if not NAME.fullmatch(name):
            raise ProfileError(f"{path}: its name has more than letters, digits, '.', '_' and '-'")
        loaded[name] = KINDS[kind](fields, name)
        fields.end()
    return loaded
