"""What shall be run, checked and complete; the exact argv.

mlcr accepts unknown keys in silence and measures something else, so every key is checked here
against what the installation's own script takes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tui.engine.catalog import Benchmark, Environment, Target
from tui.engine.errors import SpecError
from tui.engine.mlcflow import InputKey, Installation
from tui.engine.process import RUN_MARK
from tui.engine.rules import CATEGORIES
from tui.engine.scenario import Scenario

MODES = {
    "performance": "_performance-only",
    "accuracy": "_accuracy-only",
    "both": "_performance-and-accuracy",
}
"""LoadGen modes, and mlcr's variation for each."""
FOLDER = "{run}"
"""Stands for the run's folder in a spec that has none yet."""
OWNED = {
    "model": "BENCHMARK",
    "scenario": "--scenario",
    "device": "--device",
    "mode": "--mode",
    "results_dir": "nothing: each run has a fresh one",
    "output_dir": "nothing: each run has a fresh one",
    "rerun": "nothing: each run measures anew",
    "quiet": "nothing: a run has no terminal",
    "debug": "nothing: a run has no terminal",
}
"""Keys that --set may not give, and what does."""
RUN_BYTES = 50_000_000
"""Console, telemetry and LoadGen's logs of a run; models and datasets lie with the installation."""
LARGEST = 10**9
"""No rate, count or duration in s or ms is larger; LoadGen's own fields would overflow."""
GENERIC_KEY = re.compile(r"(env|const)\.[A-Za-z_][A-Za-z0-9_]*|adr\.[\w-]+\.(tags|version)")
"""mlcr's own keys, which every script takes."""


@dataclass(frozen=True)
class Options:
    """What the user chose beside benchmark, scenario, environment and target."""

    mode: str = "performance"
    device: str = "cpu"
    settings: Mapping[str, str] = field(default_factory=dict)
    """Keys and values of --set."""


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
            argv=tuple(one.replace(FOLDER, place) for one in self.argv),
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
    scenario: str,
    environment: Environment,
    target: Target,
    installation: Installation,
    options: Options,
) -> RunSpec:
    """Check a choice and complete it.

    Raises:
        SpecError: a choice that cannot be; names the field and the allowed values.
    """
    _check_choices(benchmark, scenario, installation, options)
    keys = installation.input_keys()
    for name, value in options.settings.items():
        _check_setting(name, value, keys)
    names = benchmark.mlcr
    tags = ["run-mlperf", "inference", MODES[options.mode]]
    tags += [f"_{names[part]}" for part in ("style",) if part in names]
    tags += [f"_r{names['version'].removeprefix('r')}"] if "version" in names else []
    values = {
        **{name: names[name] for name in ("model", "implementation", "framework") if name in names},
        **_category(benchmark, scenario),
        "scenario": scenario,
        "execution_mode": names.get("execution_mode", "test"),
        "device": options.device,
        # Unpinned, quiet mode takes the first compiler it knows and downloads a clang.
        "adr.compiler.tags": "gcc",
        "results_dir": f"{FOLDER}/results",
        **options.settings,
    }
    return RunSpec(
        benchmark=benchmark.name,
        scenario=scenario,
        mode=options.mode,
        device=options.device,
        installation=installation.name,
        environment=environment.name,
        target=target.name,
        runner=target.runner,
        argv=(
            *environment.argv_prefix,
            str(installation.mlcr),
            ",".join(tags),
            "--quiet",
            *(f"--{name}={value}" for name, value in values.items()),
        ),
        cwd=f"{FOLDER}/work",
        env_vars={**installation.env_vars, **environment.env_vars},
        disk_bytes=RUN_BYTES,
        profile=asdict(benchmark),
    )


def with_options(made: RunSpec, options: Sequence[str], installation: Installation) -> RunSpec:
    """A spec with some `--key=value` in place of its own, or beside them.

    Raises:
        SpecError: the installation takes no such key or value.
    """
    settings = parse_settings(options)
    keys = installation.input_keys() if settings else {}
    argv = list(made.argv)
    for name, value in settings.items():
        _check_setting(name, value, keys)
        argv = [one for one in argv if not one.startswith(f"--{name}=")]
        argv.append(f"--{name}={value}")
    return replace(made, argv=tuple(argv))


def not_owned(options: Sequence[str]) -> list[str]:
    """Without those that each run has anyway."""
    return [one for one in options if one.lstrip("-").partition("=")[0] not in OWNED]


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


def _check_choices(
    benchmark: Benchmark, scenario: str, installation: Installation, options: Options
) -> None:
    offered = [one.value for one in benchmark.all_scenarios]
    if scenario not in offered:
        known = scenario in [one.value for one in Scenario]
        problem = "is not offered by" if known else "is not a scenario of"
        raise SpecError("--scenario", f"'{scenario}' {problem} {benchmark.name}", offered)
    if options.mode not in MODES:
        raise SpecError("--mode", f"'{options.mode}' is not a mode", MODES)
    if options.device not in benchmark.devices:
        raise SpecError(
            "--device", f"{benchmark.name} does not run on '{options.device}'", benchmark.devices
        )
    if not benchmark.has_mlcr_model:
        raise SpecError(
            "benchmark",
            f"mlcr has no model for {benchmark.name}: results of it can be read, not made; a "
            "profile of your own may name one under mlcr",
        )
    only = benchmark.installation
    if only and installation.name != only:
        raise SpecError("--installation", f"{benchmark.name} runs on '{only}' only", (only,))
    if not only and installation.name == "embedded":
        raise SpecError(
            "--installation",
            f"{benchmark.name} needs an official MLCFlow installation: a folder that holds "
            "mlc/bin/mlcr",
        )


def _check_setting(name: str, value: str, keys: Mapping[str, InputKey]) -> None:
    if name in OWNED:
        raise SpecError("--set", f"'{name}' is given by {OWNED[name]}")
    if not (name + value).isascii() or not (name + value).isprintable():
        raise SpecError(
            "--set", f"{name + '=' + value!r} has characters that mlcr refuses (not ASCII)"
        )
    if GENERIC_KEY.fullmatch(name):
        return
    if name not in keys:
        near = _near(name, keys)
        raise SpecError("--set", f"'{name}' is not a key of this installation's mlcr", near)
    key = keys[name]
    if key.choices and value not in key.choices:
        raise SpecError("--set", f"'{value}' is not a value of {name}", key.choices)
    if key.type == "count" and not (value.isdigit() and int(value) <= LARGEST):
        raise SpecError("--set", f"{name}={value} is not a whole number from 0 to {LARGEST:,}")
    if key.type == "number" and not (_is_number(value) and float(value) <= LARGEST):
        raise SpecError("--set", f"{name}={value} is not a number from 0 to {LARGEST:,}")


def _near(name: str, keys: Mapping[str, InputKey]) -> list[str]:
    """The keys most like `name`, else all of them."""
    from difflib import get_close_matches

    allowed = [key for key in keys if key not in OWNED]
    return get_close_matches(name, allowed, n=3) or sorted(allowed)


def _is_number(value: str) -> bool:
    return re.fullmatch(r"\d+(\.\d*)?([eE][+-]?\d+)?", value) is not None
