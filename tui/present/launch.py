"""A choice as the fields of the form, and a field's new value as another choice."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tui.engine import checks, mlcflow, spec
from tui.engine.catalog import MODES, Benchmark, Catalog, Preset
from tui.engine.command import LABELLED
from tui.engine.launch import Request
from tui.engine.mlcr_options import FIRST_NAMES, InputKey, MlcrOptions
from tui.engine.spec import Choice
from tui.engine.sut import SystemFacts, label
from tui.present import metrics
from tui.present.options import TYPES
from widgets.rows import Cell, Column, Field, Group, Option

TITLES = {
    "what": "what is measured",
    "counts": "targets, counts, durations",
    "data": "data and model",
    "run": "where and how it runs",
    "extra": "further keys of mlcr",
}
REPEATS = ("1", "2", "3", "5", "10")
ABOUT = {
    "benchmark": "Model, dataset and rules",
    "scenario": "SingleStream: one query after the other; MultiStream: 8 samples at once; Server: "
    "queries at random times, a latency limit; Offline: everything at once",
    "mode": "performance; accuracy; both; find-performance: one run that learns the rate for later "
    "ones; submission: both, compliance, checker and archive",
    "style": "short: a small dataset (500 images); full: the whole one, as a submission needs it",
    "version": "Rules and defaults of this round",
    "device": "cuda: an NVIDIA GPU",
    "environment": "Bare metal, isolation layer, hypervisor: what the numbers are compared by",
    "installation": "Whose mlcr runs it",
    "repeats": "So many runs after each other, each in a folder of its own",
}
"""Of the fields that are not mlcr's keys, or more than one."""
OWN = ("environment", "installation", "repeats")
OPTIONAL = "–"
PRESET_COLUMNS = (Column("preset", 28), Column("what it is", 40, most=60))


@dataclass(frozen=True)
class View:
    """Everything that the fields are made of."""

    benchmark: Benchmark
    request: Request
    choice: Choice
    takes: MlcrOptions
    catalog: Catalog
    facts: SystemFacts
    installations: Sequence[str]
    installation: str
    environment: str
    problems: Mapping[str, str]
    """By the field's name."""


def groups(view: View, words: str = "") -> list[Group]:
    """The fields in their groups, those that have all of the words."""
    made: dict[str, list[Field]] = {name: [] for name in TITLES}
    made["what"] = _what(view)
    made["run"] = _run(view)
    told = {one.name for some in made.values() for one in some}
    for name, key in view.takes.keys.items():
        if name not in checks.FIXED and name not in FIRST_NAMES and name not in told:
            made.setdefault(key.group, made["extra"]).append(_of_key(view, key))
    made["extra"] = [*_variations(view), *_others(view), *made["extra"]]
    return [
        Group(title, tuple(one for one in made[name] if _matches(one, words)))
        for name, title in TITLES.items()
    ]


def _matches(one: Field, words: str) -> bool:
    text = f"{one.name} {one.value} {one.about} {'*' if one.is_changed else ''}".lower()
    return all(word in text for word in words.lower().split())


def _what(view: View) -> list[Field]:
    choice, takes, one = view.choice, view.takes, view.benchmark
    runnable = [b.name for b in view.catalog.benchmarks.values() if b.has_mlcr_model]
    implementation = choice.values["implementation"]
    inner = (implementation, choice.model)
    versions = [v.name for v in takes.variations.values() if v.group == "benchmark-version"]
    named = [v for v in (choice.version,) if v and v not in versions]
    modes = [mode for mode, its in MODES.items() if not takes.variations or its in takes.variations]
    fields = [
        _field(view, "benchmark", one.name, runnable, ""),
        _key(view, "implementation"),
        _key(view, "framework", takes.inner_default("backend", inner)),
        _key(view, "precision", takes.inner_default("precision", inner)),
        _device(view, takes.inner_default("device", (implementation,)) or "cpu"),
        _key(view, "category"),
        _key(view, "division"),
        _field(view, "scenario", choice.scenario, map(str, one.all_scenarios), "Offline"),
        _field(view, "mode", choice.mode, modes, "both"),
        _key(view, "execution_mode"),
        _field(
            view,
            "style",
            choice.style or "",
            spec.STYLES,
            takes.default_variation("submission-generation-style") or "",
        ),
        _field(
            view,
            "version",
            choice.version or "",
            [*named, *versions],
            takes.default_variation("benchmark-version") or "",
        ),
    ]
    return [field for field in fields if field is not None]


def _field(view: View, name: str, value: str, options: Iterable[str], default: str) -> Field:
    return Field(
        name=name,
        value=value,
        options=tuple(Option(one) for one in options),
        default=default,
        is_changed=bool(value) and value != default and bool(default),
        about=ABOUT[name],
        problem=view.problems.get(name, ""),
    )


def _device(view: View, default: str) -> Field:
    has_driver = view.facts.nvidia_driver is not None
    off = None if has_driver else "this machine has no NVIDIA driver"
    found = _field(view, "device", view.choice.device, (), default)
    options = tuple(Option(one, off if one == "cuda" else None) for one in view.benchmark.devices)
    return replace(found, options=options)


def _key(view: View, name: str, default: str | None = None) -> Field | None:
    """The field of a key that mlcr has; `default` where its metadata tells it otherwise."""
    key = view.takes.keys.get(name)
    return _of_key(view, key, default) if key is not None else None


def _of_key(view: View, key: InputKey, default: str | None = None) -> Field:
    name, value = key.name, view.choice.values.get(key.name, "")
    values = ("yes", "no") if key.type == "flag" else view.takes.values(name)
    if name not in spec.ALWAYS and values:
        values = ("", *values)
    default = default or key.default or ""
    return Field(
        name=name,
        value=value,
        options=tuple(Option(one, label=one or OPTIONAL) for one in values),
        default=default,
        is_changed=bool(value) and value != default,
        about=key.about or f"Sets {key.env_var}",
        kind=TYPES.get(key.type or "", ""),
        problem=view.problems.get(name, ""),
    )


def _run(view: View) -> list[Field]:
    request = view.request
    environments = tuple(
        Option(one.name, label=label(one, view.facts) if one.baseline else "")
        for one in view.catalog.environments.values()
    )
    only = view.benchmark.installation
    installations = tuple(
        Option(one, _installation_off(view.benchmark, one)) for one in view.installations
    )
    fields = [
        replace(_field(view, "environment", view.environment, (), ""), options=environments),
        replace(_field(view, "installation", view.installation, (), ""), options=installations),
        _field(view, "repeats", str(request.repeats), REPEATS, "1"),
    ]
    return [*fields[:1], *fields[2:]] if only else fields


def _installation_off(one: Benchmark, installation: str) -> str | None:
    if installation == mlcflow.EMBEDDED:
        return f"{one.name} needs an official installation"
    return None


def _variations(view: View) -> list[Field]:
    """The variations that are none of the fields: each is there or not."""
    groups = ("submission-generation", "submission-generation-style", "benchmark-version", "mode")
    return [
        Field(
            name=f"_{one.name}",
            value="yes" if one.name in view.choice.others else "",
            options=(Option("", label=OPTIONAL), Option("yes")),
            is_changed=one.name in view.choice.others,
            about=f"The variation _{one.name} of mlcr",
            problem=view.problems.get(one.name, ""),
        )
        for one in view.takes.variations.values()
        if one.group not in groups
    ]


def _others(view: View) -> list[Field]:
    """Settings that no script lists: env, const, adr, docker's."""
    return [
        Field(name, value, is_changed=True, about="", problem=view.problems.get(name, ""))
        for name, value in view.choice.values.items()
        if name not in view.takes.keys and name not in spec.ALWAYS
    ]


# --- a new value -> another choice ----------------------------------------------------------------


def with_value(request: Request, name: str, value: str, takes: MlcrOptions) -> Request:
    """The choice with one field changed; an empty value takes a key away.

    Another implementation has a framework and a device of its own.
    """
    if name == "repeats":
        return replace(request, repeats=int(value) if value.isdigit() else request.repeats)
    if name == "mode":
        plain = tuple(one for one in request.variations if one not in MODES.values())
        return replace(request, mode=value, variations=plain)
    if name in ("style", "version"):
        return replace(request, variations=spec.varied(request.variations, value))
    if name.startswith("_"):
        plain = tuple(one for one in request.variations if one != name[1:])
        return replace(request, variations=(*plain, name[1:]) if value else plain)
    if name in ("scenario", "device", *OWN):
        changes: dict[str, Any] = {name: value}
        return replace(request, **changes)
    gone = {name, "framework"} if name == "implementation" else {name}
    gone |= {one.name for one in takes.keys.values() if FIRST_NAMES.get(one.name) in gone}
    settings = {key: one for key, one in request.settings.items() if key not in gone}
    settings |= {name: value} if value else {}
    device = None if name == "implementation" else request.device
    return replace(request, settings=settings, device=device)


NO_DOCKER_ARGS = "--docker_extra_run_args="


def plain_command(choice: Choice, takes: MlcrOptions) -> str:
    """The command for a shell of the installation, without what only a run has."""
    words = (LABELLED.sub("", one) for one in spec.words(choice, takes))
    return shlex.join(
        ["mlcr", *(one for one in words if spec.FOLDER not in one and one != NO_DOCKER_ARGS)]
    )


def source(takes: MlcrOptions) -> str:
    """Where the fields come from."""
    return f"{takes.source} · {metrics.count(len(takes.keys), 'key', 'keys')}"


def preset_rows(known: Iterable[Preset]) -> list[tuple[Cell, ...]]:
    """Rows of the presets."""
    return [(Cell(one.name), Cell(one.title)) for one in known]
