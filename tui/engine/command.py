"""A pasted `mlcr …` command -> the same choice: every part of it is taken, told or refused by name.

The text may be the guide's whole block: `$` before it, `cd` and `source` lines around it, comments,
quotes, backslashes at line ends, variables before the command. It is read, never run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tui.engine import checks, launch
from tui.engine.catalog import MODES, Benchmark, Catalog
from tui.engine.errors import SpecError
from tui.engine.launch import Request
from tui.engine.mlcr_options import FIRST_NAMES, NO, MlcrOptions
from tui.engine.spec import COMPILER, LABEL, STYLES, VERSION

COMMAND = "command"
STYLE_GROUP = "submission-generation-style"
DEFAULT_MODEL, DEFAULT_SCENARIO, DEFAULT_DEVICE = "resnet50", "Offline", "cpu"
"""What mlcr measures where nothing is named."""
ANSWERS = {
    "results_dir": "each run has a fresh folder",
    "output_dir": "each run has a fresh folder",
    "rerun": "each run measures anew",
    "quiet": "it is always added",
    "docker_dt": "it is set where it is needed",
    "docker_it": "a run has no terminal",
}
"""Keys of ours that a command may name: they are left out, with this note."""
AROUND = ("cd", "source", ".", "mkdir", "echo", "set", "clear", "deactivate", "unset")
"""Commands that may stand around mlcr's; what they do is done here anyway."""
PREFIXES = ("sudo", "nohup", "time", "env", "nice", "exec", "command", "numactl", "taskset")
"""Commands that may stand before mlcr: the run is the same without them."""
EXPANDED = "\0"
"""Put before what a shell would put a value in place of."""
FLAGS = ("quiet", "rerun", "debug", "time", "repro", "verbose", "silent", "docker_dt", "docker_it")
"""Keys that never have a value after a blank."""
PUNCTUATION = ";|&\n"
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
PROMPT = re.compile(r"^\s*(\([\w.-]+\)\s*)?([\w.-]+@[\w.-]+:\S*[$#%]|[$>%])\s+")
"""`$ `, `(mlc) user@host:~$ ` at the start of a line that was copied from a terminal or a page."""
REDIRECTION = re.compile(r"\d*(>>?|<)(.*)", re.DOTALL)
LABELLED = re.compile(rf"\s*--rm --label {re.escape(LABEL.partition('=')[0])}=\S+$")
"""What we add to the arguments of `docker run`."""
OWN_VARIABLES = ("MLC_REPOS", "PATH", "VIRTUAL_ENV", "PYTHONUNBUFFERED", "MLPERF_TUI_RUN", "HOME")
"""They come from the installation."""


@dataclass(frozen=True)
class Pasted:
    """What a command says."""

    request: Request
    notes: tuple[str, ...]
    """What was left out or understood otherwise, and why: each a sentence."""


def parse(text: str, catalog: Catalog, root: Path, *, installation: str | None = None) -> Pasted:
    """The choice that a command stands for.

    Args:
        text: one `mlcr run-mlperf,inference …` or `mlc run script --tags=…`, and what is around.
        catalog: to find the benchmark.
        root: our data root, for what mlcr takes.
        installation: whose mlcr shall run it; None: as the command says, else the default.

    Raises:
        SpecError: there is no such command in it, or a part of it that mlcr does not take.
    """
    notes: list[str] = []
    words, variables = _mlcr_words(text, notes)
    found = _sorted(words, notes)
    named = installation or _installation_of(words[0])
    benchmark = _benchmark(found.options.pop("model", DEFAULT_MODEL), catalog, notes)
    takes = launch.takes(benchmark, named, root)
    _check_tags(found.tags, takes)
    return Pasted(_request(benchmark, named, found, variables, takes, notes), tuple(notes))


@dataclass
class _Parts:
    """The words of one mlcr command, sorted."""

    tags: list[str]
    variations: list[str]
    options: dict[str, str]


# --- text -> words ------------------------------------------------------------------------------


def commands(text: str) -> list[list[str]]:
    """The commands of a shell text as words: quotes and backslashes are resolved, nothing else.

    Raises:
        SpecError: a quote is not closed.
    """
    found: list[list[str]] = [[]]
    word: str | None = None
    quote, at = "", 0
    text = re.sub(r"\\[ \t]+\n", "\\\n", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = "\n".join(PROMPT.sub("", line) for line in text.split("\n"))
    while at < len(text):
        char = text[at]
        at += 1
        if quote == "'":
            word, quote = (word, "") if char == quote else (f"{word}{char}", quote)
        elif char == "\\" and at < len(text):
            if text[at] != "\n":
                kept = "" if not quote or text[at] in '"\\$`' else "\\"
                word = f"{word or ''}{kept}{text[at]}"
            at += 1
        elif char in "$`":
            word = f"{word or ''}{EXPANDED}{char}"
        elif quote:
            word, quote = (word, "") if char == quote else (f"{word}{char}", quote)
        elif char in "'\"":
            word, quote = word or "", char
        elif char == "#" and word is None:
            at = text.find("\n", at) if "\n" in text[at:] else len(text)
        elif (char in PUNCTUATION and not (word or "").endswith(">")) or char.isspace():
            if word is not None:
                found[-1].append(word)
                word = None
            if char in PUNCTUATION and found[-1]:
                found.append([])
        else:
            word = f"{word or ''}{char}"
    if quote:
        raise SpecError(COMMAND, f"a quote ({quote}) is not closed")
    if word is not None:
        found[-1].append(word)
    return [one for one in found if one]


def _mlcr_words(text: str, notes: list[str]) -> tuple[list[str], dict[str, str]]:
    """The one mlcr command of the text, and the variables that are set for it."""
    found: list[list[str]] = []
    variables: dict[str, str] = {}
    for words in commands(text):
        assigned = _assignments(words)
        rest = words[len(assigned) :]
        start = next((n for n, one in enumerate(rest) if _is_mlcr(rest[n:])), None)
        if start is not None:
            if start and rest[0] not in PREFIXES:
                raise SpecError(
                    COMMAND,
                    f"'{_plain(' '.join(rest[:start]))}' stands before mlcr: what that does is not "
                    "done here; leave it out, if the run is to be on this machine",
                )
            if start:
                notes.append(f"left out: {' '.join(rest[:start])} (the environment has its own)")
            _take_variables(assigned, variables, notes)
            found.append(rest[start:])
        elif not rest or rest[0] == "export":
            _take_variables([*assigned, *rest[1:]], variables, notes)
        elif rest[0].startswith("-"):
            raise SpecError(
                COMMAND,
                f"'{_plain(' '.join(rest))}' stands on a line of its own: the backslash (\\) at "
                "the end of the line before is missing, or something follows it",
            )
        elif rest[0] not in (*AROUND, "```bash", "```"):
            notes.append(f"left out: {_plain(' '.join(words))} (not an mlcr command)")
    if not found:
        raise SpecError(COMMAND, "there is no mlcr command in it: mlcr run-mlperf,inference …")
    if len(found) > 1:
        raise SpecError(COMMAND, f"there are {len(found)} mlcr commands in it; give one")
    _refuse_non_ascii(found[0])
    return found[0], variables


def _assignments(words: Sequence[str]) -> list[str]:
    count = next((n for n, one in enumerate(words) if not ASSIGNMENT.match(one)), len(words))
    return list(words[:count])


def _take_variables(pairs: Iterable[str], variables: dict[str, str], notes: list[str]) -> None:
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            notes.append(f"left out: export {pair} (it has no value here)")
        elif EXPANDED in value:
            notes.append(f"left out: {_plain(pair)} (only a shell knows its value)")
        elif name not in OWN_VARIABLES:
            variables[name] = value
            notes.append(f"the variable {name} is handed over as --env.{name}")


def _refuse_non_ascii(words: Sequence[str]) -> None:
    for word in words:
        wrong = next((char for char in word if not char.isascii()), None)
        if wrong is not None:
            raise SpecError(
                COMMAND,
                f"'{word}' has the character '{wrong}', which mlcr refuses (pages turn -- and "
                "quotes into others); type it anew",
            )


def _plain(text: str) -> str:
    return text.replace(EXPANDED, "")


def _name(word: str) -> str:
    return word.rpartition("/")[2]


def _is_mlcr(words: Sequence[str]) -> bool:
    name = _name(words[0])
    return name in ("mlcr", "mlcd") or (
        name in ("mlc", "mlcflow") and words[1:3] in (["run", "script"], ["docker", "script"])
    )


def _installation_of(mlcr: str) -> str | None:
    """The installation whose mlcr is named by its path; None for any other."""
    path = Path(mlcr)
    is_one = path.is_absolute() and path.parts[-3:-1] == ("mlc", "bin")
    return str(path.parents[2]) if is_one else None


# --- words -> parts -----------------------------------------------------------------------------


def _sorted(words: Sequence[str], notes: list[str]) -> _Parts:
    found = _Parts([], [], {})
    name = _name(words[0])
    rest = list(words[3:] if name in ("mlc", "mlcflow") else words[1:])
    if name == "mlcd" or words[1:2] == ["docker"]:
        found.options["docker"] = "yes"
    while rest:
        word = rest.pop(0)
        if word.startswith("--") and len(word) > 2:
            _option(word, rest, found, notes)
        elif word.startswith("-") and "=" in word:  # mlcr takes any number of dashes
            _option(f"--{word.lstrip('-')}", rest, found, notes)
        elif word in ("-v", "-s"):
            notes.append(f"left out: {word} (every line is kept and shown here anyway)")
        elif word.startswith("-"):
            raise SpecError(COMMAND, f"mlcr has no option '{word}'")
        elif redirected := REDIRECTION.fullmatch(word):
            target = redirected[2] or (rest.pop(0) if rest else "")
            notes.append(f"left out: {word[: redirected.start(2)]} {target} (every line is kept)")
        elif "=" in word:
            _option(f"--{word}", rest, found, notes)
        else:
            _tags(word, found)
    return found


def _option(word: str, rest: list[str], found: _Parts, notes: list[str]) -> None:
    name, equals, value = word[2:].partition("=")
    name = name if "." in name else name.replace("-", "_")
    if not equals:
        follows = rest and not _stands_alone(rest[0])
        value = rest.pop(0) if follows and name not in FLAGS else "yes"
        if value != "yes":
            notes.append(f"{word} {value} is taken as {word}={value}; mlcr itself takes only that")
    if name == "tags":
        _tags(value, found)
        return
    if name in ("v", "s", "verbose", "silent"):
        notes.append(f"left out: {word} (every line is kept and shown here anyway)")
        return
    if EXPANDED in value:
        said = f"--{name}={_plain(value)}"
        raise SpecError(COMMAND, f"{said}: only a shell knows that value; write it out")
    name = FIRST_NAMES.get(name, name)
    if found.options.get(name, value) != value:
        raise SpecError(COMMAND, f"--{name} stands there twice: {found.options[name]}, {value}")
    found.options[name] = value


def _stands_alone(word: str) -> bool:
    """It is no value of the word before it."""
    return word.startswith(("-", "run-mlperf")) or REDIRECTION.fullmatch(word) is not None


def _tags(word: str, found: _Parts) -> None:
    for one in filter(None, word.split(",")):
        if one.startswith("_"):
            if one[1:] not in found.variations:
                found.variations.append(one[1:])
        else:
            found.tags.append(one)


def _check_tags(tags: Sequence[str], takes: MlcrOptions) -> None:
    if not {"run-mlperf", "run-mlperf-inference"} & set(tags):
        raise SpecError(
            COMMAND,
            f"{','.join(tags)} is not MLPerf's run script; it is called run-mlperf,inference"
            if tags
            else "it names no script; MLPerf's run script is called run-mlperf,inference",
        )
    for tag in tags:
        if takes.tags and tag not in takes.tags:
            raise SpecError(COMMAND, f"'{tag}' is not a tag of the script", takes.tags)


# --- parts -> choice ----------------------------------------------------------------------------


def _benchmark(model: str, catalog: Catalog, notes: list[str]) -> Benchmark:
    """The benchmark of a model as mlcr calls it, or as people do."""
    by_model = {one.mlcr["model"]: one for one in catalog.benchmarks.values() if one.has_mlcr_model}
    if model in by_model:
        return by_model[model]
    if model in catalog.benchmarks and catalog.benchmarks[model].has_mlcr_model:
        chosen = catalog.benchmarks[model]
        notes.append(f"mlcr calls the model of {model} {chosen.mlcr['model']}")
        return chosen
    variants = [one for one in by_model if one.startswith((f"{model}-", f"{model}_"))]
    if not variants:
        near = checks.nearest(model, list(by_model))
        raise SpecError(COMMAND, f"there is no benchmark for --model={model} here", near)
    others = f" (also there: {', '.join(variants[1:])})" if variants[1:] else ""
    notes.append(f"mlcr has no model '{model}' and would end; taken is {variants[0]}{others}")
    return by_model[variants[0]]


def _request(
    benchmark: Benchmark,
    named: str | None,
    found: _Parts,
    variables: dict[str, str],
    takes: MlcrOptions,
    notes: list[str],
) -> Request:
    options = found.options
    scenario = _scenario(options.pop("scenario", DEFAULT_SCENARIO), benchmark)
    device = options.pop("device", None)
    variations = _variations(found.variations, takes, notes)
    mode = _mode(options.pop("mode", None), found.variations, notes)
    checks.variations((MODES[mode], *variations), takes)
    options = {name: value for name, value in options.items() if not _is_ours(name, value, notes)}
    options |= {f"env.{name}": value for name, value in variables.items()}
    settings = {**_defaults(benchmark, takes), **options}
    for name, value in settings.items():
        checks.setting(name, value, takes)
    inner = [takes.value_of("implementation", settings.get("implementation", "reference"))]
    device = device or takes.inner_default("device", inner) or DEFAULT_DEVICE
    inner += [benchmark.mlcr["model"], device]
    if "framework" not in settings and (framework := takes.inner_default("backend", inner)):
        settings["framework"] = framework
    return Request(
        benchmark=benchmark.name,
        scenario=scenario,
        mode=mode,
        device=device,
        installation=None if benchmark.installation else named,
        settings=_without_our_label(settings, [*inner, *settings.values()], takes),
        variations=tuple(one for one in variations if one not in MODES.values()),
    )


def _without_our_label(
    settings: dict[str, str], inner: Sequence[str], takes: MlcrOptions
) -> dict[str, str]:
    """A command of ours labels its containers; what is left may be what they need anyway."""
    name = "docker_extra_run_args"
    if name not in settings:
        return settings
    plain = LABELLED.sub("", settings[name])
    known = [one for one in inner if one in takes.inner]
    kept = {key: value for key, value in settings.items() if key != name}
    return kept if plain == takes.docker_args_of(known) else {**kept, name: plain}


def _scenario(value: str, benchmark: Benchmark) -> str:
    """As it is spelled here; mlcr makes it lower case where it counts."""
    offered = [str(one) for one in benchmark.all_scenarios]
    return next((one for one in offered if one.lower() == value.lower()), value)


def _mode(named: str | None, variations: list[str], notes: list[str]) -> str:
    for mode, variation in MODES.items():
        if variation in variations:
            if named:
                notes.append(f"left out: --mode={named} (_{variation} says it)")
            return mode
    if named in ("performance", "accuracy"):
        notes.append(
            f"--mode={named} alone does not keep mlcr from measuring both; taken is _{MODES[named]}"
        )
        return named
    return "both"


def _defaults(benchmark: Benchmark, takes: MlcrOptions) -> dict[str, str]:
    """What mlcr takes where a command does not name it, and a profile might name another."""
    found = {}
    for name in ("implementation", "execution_mode", "category"):
        key = takes.keys.get(name)
        if key is not None and key.default is not None:
            found[name] = key.default
    return found


def _is_ours(name: str, value: str, notes: list[str]) -> bool:
    """A key that we give ourselves: it is left out, with a note."""
    if name in ANSWERS:
        notes.append(f"left out: --{name} ({ANSWERS[name]})")
        return True
    return (name, value) == (COMPILER, "gcc") or (name == "docker" and value.lower() in NO)


def _variations(named: Sequence[str], takes: MlcrOptions, notes: list[str]) -> tuple[str, ...]:
    """All that were named, and the style and version that mlcr takes without a word."""
    found = list(named)
    if not set(STYLES) & set(takes.with_bases(found, inner=False)):
        style = _style(named, takes)
        found.insert(0, style)
        notes.append(f"no style is named: taken is _{style}, as mlcr does")
    if not any(VERSION.fullmatch(one) for one in found):
        version = takes.default_variation("benchmark-version")
        found += [version] if version else []
    return tuple(found)


def _style(named: Sequence[str], takes: MlcrOptions) -> str:
    """A variation that is named may bring a style; one that is only a default does not."""
    for one in named:
        brought = takes.variations[one].default_variations if one in takes.variations else {}
        if STYLE_GROUP in brought:
            return brought[STYLE_GROUP]
    return takes.default_variation(STYLE_GROUP) or STYLES[0]
