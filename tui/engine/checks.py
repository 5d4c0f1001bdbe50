"""Whether a choice can be: keys, values, variations and paths against what mlcr takes.

mlcr accepts unknown keys in silence and measures something else; and an impossible combination
fails after ten seconds with a message of four kilobytes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tui.engine.errors import SpecError
from tui.engine.mlcr_options import DOCKER_KEYS, FIRST_NAMES, NO, YES, InputKey, MlcrOptions

SET = "--set"
VARIATION = "--variation"
OWNED = {
    "model": "BENCHMARK",
    "scenario": "--scenario",
    "device": "--device",
    "mode": "--mode",
}
"""Keys that --set may not give, and what does."""
NEVER = {
    "results_dir": "each run has a fresh one",
    "output_dir": "each run has a fresh one",
    "rerun": "each run measures anew",
    "quiet": "a run has no terminal, so it always is",
    "debug": "it opens a shell, and a run has no terminal",
    "docker_it": "a run has no terminal",
    "docker_interactive": "a run has no terminal",
    "docker_dt": "it is set where a run in docker has several parts",
    "docker_detached": "it is set where a run in docker has several parts",
    "fake_run": "a run is to measure something; --dry-run shows the command",
    "print_env": "it measures nothing",
    "print_deps": "it measures nothing",
    "help": "mlperf-tui options lists every key",
    "mlc_input_file": "its keys could not be checked; give them here",
}
"""Keys that nobody may give, and why."""
FIXED = frozenset((*OWNED, *NEVER))
"""Those that --set does not take."""
LARGEST = 10**9
"""No rate, count or duration in s or ms is larger; LoadGen's own fields would overflow."""
GENERIC_KEY = re.compile(r"(env|const)\.[A-Za-z_][A-Za-z0-9_]*|adr\.[\w-]+(\.[\w-]+)+")
"""mlcr's own keys, which every script takes."""
POSITIVE = ("batch_size", "max_batchsize", "threads", "num_threads", "test_query_count")
"""Counts of which none makes no sense."""
GENERIC_FLAGS = ("time", "repro")
IMAGENET = "imagenet_path"
IMAGENET_IMAGES = 50_000
MODEL_PATH = "env.MLC_MLPERF_CUSTOM_MODEL_PATH"
NVIDIA = "nvidia-original"
BLAMED = ("framework", "precision", "version", "implementation", "model")
"""Which of the fields of an impossible combination is named, the first that is in it."""


def setting(name: str, value: str, options: MlcrOptions) -> None:
    """Refuse a key or value that this mlcr does not take.

    Raises:
        SpecError: with the nearest keys, or the values that would do.
    """
    if name in OWNED:
        raise SpecError(SET, f"'{name}' is given by {OWNED[name]}", key=name)
    if name in NEVER:
        raise SpecError(SET, f"'{name}' cannot be set: {NEVER[name]}", key=name)
    if not (name + value).isascii() or not (name + value).isprintable():
        text = f"{name + '=' + value!r}"
        raise SpecError(SET, f"{text} has characters that mlcr refuses (not ASCII)", key=name)
    if _is_generic(name):
        return
    if name not in options.keys:
        raise SpecError(SET, *_unknown_key(name, options), key=name)
    values = options.values(name)
    if values and options.value_of(name, value) not in values:
        raise SpecError(SET, f"'{value}' is not a value of {name}", values, key=name)
    _typed(options.keys[name], value)


def _unknown_key(name: str, options: MlcrOptions) -> tuple[str, list[str]]:
    """What is wrong, and the keys that may be meant."""
    from difflib import get_close_matches

    close = get_close_matches(name, [one for one in options.keys if one != "debug"], n=3)
    more = "" if close else " (all keys: mlperf-tui options)"
    return f"'{name}' is not a key of this installation's mlcr{more}", close


def _is_generic(name: str) -> bool:
    is_dockers = name.startswith("docker_") and name.removeprefix("docker_") in DOCKER_KEYS
    return is_dockers or name in GENERIC_FLAGS or GENERIC_KEY.fullmatch(name) is not None


def _typed(key: InputKey, value: str) -> None:
    name = key.name
    least = 1 if FIRST_NAMES.get(name, name) in POSITIVE else 0
    if key.type == "count" and not (value.isdigit() and least <= int(value) <= LARGEST):
        raise SpecError(
            SET, f"{name}={value} is not a whole number from {least} to {LARGEST:,}", key=name
        )
    if key.type == "number" and not (_is_number(value) and float(value) <= LARGEST):
        raise SpecError(SET, f"{name}={value} is not a number from 0 to {LARGEST:,}", key=name)
    if key.type == "flag" and value.lower() not in (*YES, *NO):
        raise SpecError(SET, f"'{value}' is not a value of {name}", ("yes", "no"), key=name)
    if key.type in ("folder", "file", "path"):
        _path(name, value, key.type)


def _path(name: str, value: str, kind: str) -> None:
    path = Path(value)
    if not path.is_absolute():
        raise SpecError(
            SET, f"{name}={value} must begin with /: a run has a folder of its own", key=name
        )
    is_archive = name == IMAGENET and path.suffix == ".tar" and path.is_file()
    there = {"folder": path.is_dir, "file": path.is_file, "path": path.exists}[kind]()
    if not there and not is_archive:
        what = {"path": "file or folder"}.get(kind, kind)
        raise SpecError(
            SET,
            f"{name}={value}: there is no such {what} (mlcr would ignore it where it has an "
            "earlier set in its cache)",
            key=name,
        )


def twice(settings: Iterable[str], options: MlcrOptions) -> None:
    """Refuse two names of one key: mlcr would take either."""
    seen: dict[str, str] = {}
    for name in settings:
        key = options.keys.get(name)
        if key is None or key.env_var is None:
            continue
        if key.env_var in seen:
            raise SpecError(
                SET, f"'{seen[key.env_var]}' and '{name}' are two names of one key", key=name
            )
        seen[key.env_var] = name


def variations(names: Sequence[str], options: MlcrOptions) -> None:
    """Refuse variations that the run script has not, and two of one group.

    Raises:
        SpecError: with the nearest ones.
    """
    if not options.variations:
        return  # the script does not tell them
    for name in names:
        if name not in options.variations:
            raise SpecError(
                VARIATION,
                f"'_{name}' is not a variation of this installation's mlcr",
                [f"_{one}" for one in nearest(name, list(options.variations))],
                key=name,
            )
    by_group: dict[str, str] = {}
    for name in options.with_bases(names, inner=False):
        group = options.variations[name].group if name in options.variations else None
        if group is None:
            continue
        if group in by_group:
            raise SpecError(
                VARIATION,
                f"_{by_group[group]} and _{name} exclude each other: both are of the group {group}",
                key=name,
            )
        by_group[group] = name


def combination(values: Mapping[str, str], version: str | None, options: MlcrOptions) -> None:
    """Refuse a combination that mlcr's own metadata calls invalid, and a model it has not.

    Args:
        values: model, implementation, framework, device, precision …, as far as they are chosen.
        version: as the variation is called: `r5.1-dev`.
        options: what this mlcr takes.

    Raises:
        SpecError: names the combination and what to change.
    """
    if not options.inner:
        return
    model = values.get("model", "")
    if model not in options.values("model"):
        near = nearest(model, list(options.values("model")))
        raise SpecError("benchmark", f"this mlcr has no model '{model}'", near, key="model")
    if values.get("implementation") == NVIDIA and values.get("device") != "cuda":
        raise SpecError(
            "--device", f"{NVIDIA} (TensorRT) does not run on '{values.get('device')}'", ("cuda",)
        )
    for fields in options.invalid:
        involved = _involved(fields, values, version, options)
        if involved is not None:
            _refuse(involved, values, version, options)


def _involved(
    names: Sequence[str], values: Mapping[str, str], version: str | None, options: MlcrOptions
) -> dict[str, str] | None:
    """Field and value of each of these inner variations; None where not all of them are chosen."""
    leads_to = {
        **{field: options.with_bases([value], inner=True) for field, value in values.items()},
        "version": [f"{version}_default"],
    }
    found = {}
    for name in options.with_bases(names, inner=True):
        field = next((one for one, chosen in leads_to.items() if name in chosen), None)
        if field is None:
            return None
        found[field] = version if field == "version" else values[field]
    return {field: str(value) for field, value in found.items()}


def _refuse(
    involved: Mapping[str, str],
    values: Mapping[str, str],
    version: str | None,
    options: MlcrOptions,
) -> None:
    field = next(one for one in BLAMED if one in involved)
    others = [f"{name} {value}" for name, value in involved.items() if name != field]
    allowed = [
        one for one in _other_values(field, options) if _goes(field, one, values, version, options)
    ]
    if field == "framework" and values.get("implementation") != "reference":
        usual = options.inner_default("backend", list(values.values()))
        allowed = [usual] if usual in allowed else allowed
    shown = f"_{involved[field]}" if field == "version" else f"'{involved[field]}'"
    raise SpecError(
        "benchmark" if field == "model" else f"{VARIATION if field == 'version' else SET} {field}",
        f"{shown} does not go with {' and '.join(others)}: mlcr's own metadata calls that invalid",
        allowed,
        key=field,
    )


def _other_values(field: str, options: MlcrOptions) -> list[str]:
    if field == "version":
        return [one.name for one in options.variations.values() if one.group == "benchmark-version"]
    return list(options.values(field))


def _goes(
    field: str, value: str, values: Mapping[str, str], version: str | None, options: MlcrOptions
) -> bool:
    """Nothing is known against this value in place of the chosen one."""
    others = values if field == "version" else {**values, field: value}
    of = value if field == "version" else version
    return all(_involved(one, others, of, options) is None for one in options.invalid)


def data(settings: Mapping[str, str], model: str, style: str | None) -> None:
    """Refuse a dataset or model file that the benchmark would not accept, after minutes.

    Raises:
        SpecError: says what is missing.
    """
    images = settings.get(IMAGENET)
    if images and style == "full" and os.path.isdir(images):
        _whole_imagenet(images)
    given = settings.get(MODEL_PATH)
    if given:
        _path(MODEL_PATH, given, "file")
        name = os.path.basename(given)
        if model == "resnet50" and name.endswith(".onnx") and name != "resnet50_v1.onnx":
            raise SpecError(
                SET,
                f"{MODEL_PATH}={given}: the file must be called resnet50_v1.onnx, because the "
                "benchmark looks for that name in its folder",
                key=MODEL_PATH,
            )


def _whole_imagenet(folder: str) -> None:
    inside = os.path.join(folder, "imagenet-2012-val")
    place = inside if os.path.isdir(inside) else folder
    count = 0
    with os.scandir(place) as entries:
        for count, _ in enumerate(entries, 1):
            if count >= IMAGENET_IMAGES:
                return
    raise SpecError(
        SET,
        f"{IMAGENET}={folder}: only {count:,} files are there, and _full asks for "
        f"{IMAGENET_IMAGES:,}; take the style short (500 images), or name the whole set",
        key=IMAGENET,
    )


def container(settings: Iterable[str], options: MlcrOptions) -> None:
    """Refuse keys that do not get into a container.

    In docker mode the run script drops its input (`inp = {}` in its customize.py): only what it
    maps to its own environment, and adr, env and const, arrive inside.
    """
    for name in settings:
        key = options.keys.get(name)
        if key is None or key.own:
            continue
        same = [one.name for one in options.keys.values() if one.own and one.env_var == key.env_var]
        raise SpecError(SET, f"'{name}' does not get into a container", same, key=name)


def without_container(settings: Iterable[str]) -> None:
    """Refuse keys that are for a container, where there is none."""
    for name in settings:
        if name.startswith("docker_"):
            raise SpecError(SET, f"'{name}' has no effect without docker", key=name)


def nearest(name: str, known: Sequence[str]) -> list[str]:
    """The names most like `name`, else all of them."""
    from difflib import get_close_matches

    return get_close_matches(name, known, n=3) or sorted(known)


def is_yes(value: str | None) -> bool:
    """mlcr takes this value of a flag as yes."""
    return value is not None and value.lower() in YES


def _is_number(value: str) -> bool:
    return re.fullmatch(r"\d+(\.\d*)?([eE][+-]?\d+)?", value) is not None
