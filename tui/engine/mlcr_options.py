"""What mlcr takes: keys, values and variations, out of the metadata of an installation's scripts.

mlcr itself reads 743 meta.yaml files twice at each start. Three of them say what the run script
takes; these are read once for each state of the installation, and what is needed of them is kept in
the data root. Without a readable installation the list that is shipped with the app stands in.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import profiles
from tui.engine import home
from tui.engine.mlcflow import EMBEDDED, Installation
from tui.engine.scenario import Scenario

PASSED_ON = ("app-mlperf-inference", "app-mlperf-inference-mlcommons-python")
"""The scripts that the official run script calls: it hands its keys on to them."""
SCHEMA = 1
SNAPSHOT = Path(profiles.__file__).parent / "mlcr-options.json"
"""Made by `mlperf-tui options --json --installation DIR`."""
EXPLANATIONS = Path(profiles.__file__).parent / "mlcr-keys.yaml"
GROUPS = {
    "model": "model",
    "implementation": "implementation",
    "framework": "backend",
    "device": "device",
    "precision": "precision",
    "execution_mode": "execution-mode",
    "scenario": "loadgen-scenario",
}
"""Keys whose values are variations of the called script, and the group they are in. What the key's
own description lists is incomplete."""
FIRST_NAMES = {
    "backend": "framework",
    "lang": "implementation",
    "run_style": "execution_mode",
    "system_type": "category",
}
"""Two names of one key: the one that is used here."""
YES, NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")
"""What mlcr takes for a flag."""
# Of mlcflow 1.3.8, automation/script/docker_utils.py, prepare_docker_inputs; each with docker_
# before it. Left out are those that make a container interactive: a run has no terminal.
DOCKER_KEYS = (
    "mlc_repo", "mlc_repo_branch", "base_image", "os", "os_version", "mlc_repo_path", "mlc_repos",
    "skip_mlc_sys_upgrade", "extra_sys_deps", "image_name", "fake_run_deps", "path", "user",
    "cache", "split_mlc_run_cmd", "system_site_packages", "all_gpus", "num_gpus", "device",
    "port_maps", "shm_size", "pass_user_id", "pass_user_group", "extra_run_args", "rebuild",
    "use_host_group_id", "use_host_user_id", "reuse_existing", "use_google_dns", "privileged",
    "noregenerate", "image_repo", "mounts",
)  # fmt: skip


@dataclass(frozen=True)
class InputKey:
    """One key that the run script takes."""

    name: str
    env_var: str | None = None
    """What it sets; two keys with the same one are two names of one thing."""
    about: str | None = None
    choices: tuple[str, ...] = ()
    """The values that its description lists; `MlcrOptions.values` knows all."""
    type: str | None = None
    """number, count (a whole number from 0), flag, folder, file, path, or None: any text."""
    default: str | None = None
    """What mlcr takes without it; None: nothing, or nothing that the metadata tells."""
    group: str = "extra"
    """Its place in the form: what, counts, data, run, extra."""
    own: bool = True
    """Of the run script itself; the others are handed on, but not into a container."""


@dataclass(frozen=True)
class Variation:
    """A variation of a script: `_full`."""

    name: str
    group: str | None = None
    is_default: bool = False
    base: tuple[str, ...] = ()
    """Variations that it brings with it."""
    alias: str | None = None
    default_variations: Mapping[str, str] = field(default_factory=dict)
    """By group: what is taken there beside it where nothing else is named."""
    docker_args: str | None = None
    """Arguments of `docker run` that its containers need."""


@dataclass(frozen=True)
class MlcrOptions:
    """Everything that the run script of an installation takes."""

    source: str
    """Where this was read, in words."""
    commit: str | None
    """Of the automation repository."""
    tags: tuple[str, ...]
    """The run script's own."""
    keys: Mapping[str, InputKey]
    variations: Mapping[str, Variation]
    """The run script's."""
    inner: Mapping[str, Variation]
    """Those of the script it calls: models, frameworks …; empty where it calls none."""
    invalid: tuple[tuple[str, ...], ...]
    """Inner variations that do not go together."""
    docker_args: str
    """Arguments of `docker run` where no variation names others."""

    def values(self, name: str) -> tuple[str, ...]:
        """The values that a key takes; empty: any."""
        group, key = GROUPS.get(name), self.keys.get(name)
        listed = key.choices if key else ()
        if group is None or not self.inner:
            return listed
        found = [one.name for one in self._members(group)]
        if name == "scenario":
            return tuple(str(one) for one in Scenario if str(one).lower() in found)
        in_order = [one for one in (self.value_of(name, one) for one in listed) if one in found]
        return tuple(dict.fromkeys([*in_order, *found]))

    def _members(self, group: str) -> Iterable[Variation]:
        for one in self.inner.values():
            has_base = any(
                self.inner[name].group == group for name in one.base if name in self.inner
            )
            # A name that ends with _ is only what others have in common.
            if one.name.endswith("_") or "#" in one.name or "," in one.name:
                continue
            if one.group == group or (one.group is None and has_base):
                yield one

    def value_of(self, name: str, value: str) -> str:
        """The value that an alias stands for, else the same."""
        one = self.inner.get(value) if name in GROUPS else None
        return one.alias if one is not None and one.alias else value

    def default_variation(self, group: str) -> str | None:
        """The run script's variation of a group where none is named."""
        members = (one for one in self.variations.values() if one.group == group)
        return next((one.name for one in members if one.is_default), None)

    def with_bases(self, names: Iterable[str], *, inner: bool) -> list[str]:
        """Variations with all that they bring with them, aliases by what they stand for."""
        known = self.inner if inner else self.variations
        found: list[str] = []
        waiting = list(names)
        while waiting:
            name = waiting.pop(0)
            one = known.get(name)
            name = one.alias if one is not None and one.alias else name
            if name not in found:
                found.append(name)
                waiting += known[name].base if name in known else ()
        return found

    def inner_default(self, group: str, names: Iterable[str]) -> str | None:
        """The inner variation of a group that mlcr takes beside these; None: it is not told."""
        chosen = set(self.with_bases(names, inner=True))
        found = None
        for one in self.inner.values():
            applies = set(one.name.split(",")) <= chosen
            if applies and group in one.default_variations:
                found = one.default_variations[group]
        if found is None and group != "backend":
            members = (one for one in self.inner.values() if one.group == group)
            found = next((one.name for one in members if one.is_default), None)
        return found

    def docker_args_of(self, names: Iterable[str]) -> str:
        """Arguments of `docker run` that containers of these inner variations need."""
        chosen = set(self.with_bases(names, inner=True))
        found = self.docker_args
        for one in self.inner.values():
            if one.docker_args is not None and set(one.name.split(",")) <= chosen:
                found = one.docker_args
        return found

    def to_json(self) -> dict[str, Any]:
        """As the cache and the shipped list hold it."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Any) -> MlcrOptions | None:
        """From the cache; None where it is damaged or of another version."""
        try:
            return cls(
                source=str(stored["source"]),
                commit=stored["commit"],
                tags=tuple(stored["tags"]),
                keys={name: _key_of(one) for name, one in stored["keys"].items()},
                variations=_variations_of(stored["variations"]),
                inner=_variations_of(stored["inner"]),
                invalid=tuple(tuple(one) for one in stored["invalid"]),
                docker_args=str(stored["docker_args"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            return None


def _key_of(stored: dict[str, Any]) -> InputKey:
    return InputKey(**{**stored, "choices": tuple(stored["choices"])})


def _variations_of(stored: dict[str, Any]) -> dict[str, Variation]:
    return {name: Variation(**{**one, "base": tuple(one["base"])}) for name, one in stored.items()}


# --- where they come from -----------------------------------------------------------------------


def read(installation: Installation, root: Path) -> MlcrOptions:
    """What this installation takes: from the cache, else from its scripts; else the shipped list.

    Args:
        installation: where the scripts are.
        root: our data root; its `cache` keeps what was read.
    """
    stamp = _stamp(installation)
    if stamp is None:
        return snapshot(f"{installation.script}/meta.yaml cannot be read")
    place = (
        root / "cache" / f"mlcr-options-{zlib.crc32(str(installation.script).encode()):08x}.json"
    )
    kept = home.read_json(place)
    if isinstance(kept, dict) and kept.get("stamp") == stamp:
        found = MlcrOptions.from_json(kept.get("options"))
        if found is not None:
            return found
    made = _from_scripts(installation)
    if isinstance(made, str):
        return snapshot(made)
    with suppress(OSError):  # it only saves time
        place.parent.mkdir(exist_ok=True)
        home.write_atomic(place, home.to_json({"stamp": stamp, "options": made.to_json()}))
    return made


def snapshot(why: str = "no official installation") -> MlcrOptions:
    """The list that is shipped: of one commit of the official repository.

    Args:
        why: what stood in the way of a better one.
    """
    stored = home.read_json(SNAPSHOT)
    commit = str(stored["commit"])
    found = MlcrOptions.from_json({**stored, "source": f"shipped list of {commit[:8]}: {why}"})
    if found is None:
        raise ValueError(f"{SNAPSHOT} is damaged")  # ours: a test reads it
    return found


def _scripts(installation: Installation) -> list[Path]:
    folder = installation.script
    passed_on = () if installation.name == EMBEDDED else PASSED_ON
    return [folder / "meta.yaml", *(folder.parent / one / "meta.yaml" for one in passed_on)]


def _stamp(installation: Installation) -> dict[str, Any] | None:
    """Changes with all that was read: another commit, and a checkout with changes of its own."""
    files = [*_scripts(installation), EXPLANATIONS]
    sizes = [_size_and_time(path) for path in files]
    if sizes[0] is None:
        return None
    commit = _commit(installation.script.parent.parent)
    return {"schema": SCHEMA, "script": str(installation.script), "commit": commit, "files": sizes}


def _size_and_time(path: Path) -> list[int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]


def _commit(repository: Path) -> str | None:
    """The commit that is checked out; None where there is no git folder to tell."""
    git = repository / ".git"
    try:
        head = (git / "HEAD").read_text(encoding="ascii").strip()
        if not head.startswith("ref: "):
            return head
        ref = head.removeprefix("ref: ")
        if (git / ref).is_file():
            return (git / ref).read_text(encoding="ascii").strip()
        packed = (git / "packed-refs").read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    return next((line.split()[0] for line in packed if line.endswith(f" {ref}")), None)


# --- metadata -> options ------------------------------------------------------------------------


def _from_scripts(installation: Installation) -> MlcrOptions | str:
    """What the scripts tell; a sentence where the run script's metadata cannot be used."""
    run, *others = _scripts(installation)
    meta = _meta(run)
    if meta is None or not isinstance(meta.get("input_mapping"), dict):
        return f"{run} cannot be read, or lists no keys"
    passed_on = [_meta(one) or {} for one in others]
    inner = passed_on[0] if passed_on else {}
    commit = _commit(installation.script.parent.parent)
    where = commit[:8] if commit else str(installation.script.parent.parent)
    is_ours = installation.name == EMBEDDED
    explained = _explanations()
    if is_ours:  # its own descriptions are complete; only the place in the form is missing
        explained = {name: {"group": one.get("group", "extra")} for name, one in explained.items()}
    return MlcrOptions(
        source="the embedded installation" if is_ours else f"mlperf-automations {where}",
        commit=commit,
        tags=_texts(meta.get("tags")),
        keys=_keys(meta, passed_on, explained),
        variations=_variations(meta),
        inner=_variations(inner),
        invalid=tuple(_texts(one) for one in _list(inner.get("invalid_variation_combinations"))),
        docker_args=_docker_args(inner) or "",
    )


def _meta(path: Path) -> dict[str, Any] | None:
    import yaml

    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    # PyYAML lets out whatever int(), float() and date() say of a value that cannot be.
    except (
        OSError,
        yaml.YAMLError,
        ValueError,
        KeyError,
        AttributeError,
        TypeError,
        RecursionError,
    ):
        return None
    return found if isinstance(found, dict) else None


def _explanations() -> Mapping[str, Mapping[str, str]]:
    return _meta(EXPLANATIONS) or {}


def _keys(
    run: Mapping[str, Any],
    passed_on: Iterable[Mapping[str, Any]],
    explained: Mapping[str, Mapping[str, str]],
) -> dict[str, InputKey]:
    found: dict[str, InputKey] = {}
    for nth, meta in enumerate([run, *passed_on]):
        mapping, described = _map(meta.get("input_mapping")), _map(meta.get("input_description"))
        defaults = _map(meta.get("default_env")) if nth == 0 else {}
        for name, env_var in mapping.items():
            about = {**_map(described.get(name)), **explained.get(name, {})}
            if name not in found:
                found[name] = _input_key(name, env_var, about, defaults.get(env_var), own=nth == 0)
            elif found[name].about is None and about:
                now = found[name]
                found[name] = _input_key(name, now.env_var, about, now.default, own=now.own)
    for other, name in FIRST_NAMES.items():
        if name in found and other in found and not found[name].choices:
            found[name] = replace(found[name], choices=found[other].choices)
    return found


def _input_key(
    name: str, env_var: object, about: Mapping[str, Any], default: object, *, own: bool
) -> InputKey:
    choices = about.get("choices")
    kind = about.get("type")
    told = default if default is not None else about.get("default")
    if kind == "flag" and told is not None:
        told = "yes" if _word(told).lower() in YES else "no"
    return InputKey(
        name=name,
        env_var=str(env_var),
        about=about.get("desc") if "about" not in about else about["about"],
        choices=tuple(_word(one) for one in choices)
        if isinstance(choices, list) and kind != "flag"
        else (),
        type=kind,
        default=_word(told) if told not in (None, "") else None,
        group=str(about.get("group", "extra")),
        own=own,
    )


def _word(value: object) -> str:
    """A value as the command line has it."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _variations(meta: Mapping[str, Any]) -> dict[str, Variation]:
    found = {}
    for name, told in _map(meta.get("variations")).items():
        about = _map(told)
        defaults = _map(about.get("default_variations"))
        found[str(name)] = Variation(
            name=str(name),
            group=about.get("group") and str(about["group"]),
            is_default=_word(about.get("default", "no")).strip(",").lower() in YES,
            base=_texts(about.get("base")),
            alias=about.get("alias") and str(about["alias"]),
            default_variations={str(group): str(one) for group, one in defaults.items()},
            docker_args=_docker_args(about),
        )
    return found


def _docker_args(meta: Mapping[str, Any]) -> str | None:
    found = _map(meta.get("docker")).get("extra_run_args")
    return " ".join(found.split()) if isinstance(found, str) else None


def _map(found: object) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _list(found: object) -> list[Any]:
    return found if isinstance(found, list) else []


def _texts(found: object) -> tuple[str, ...]:
    return tuple(str(one) for one in _list(found))
