"""A preset -> the choice it stands for, and a choice -> a preset of the user's own."""

from __future__ import annotations

from pathlib import Path

from tui.engine import home
from tui.engine.catalog import NAME, Catalog, Preset
from tui.engine.errors import SpecError, StorageError
from tui.engine.launch import Request

KIND = "presets"


def request_of(preset: Preset) -> Request:
    """The choice that a preset stands for."""
    return Request(
        benchmark=preset.benchmark,
        scenario=preset.scenario,
        mode=preset.mode,
        device=preset.device,
        installation=preset.installation,
        environment=preset.environment,
        repeats=preset.repeats,
        settings=preset.settings,
        variations=preset.variations,
    )


def save(
    name: str, request: Request, catalog: Catalog, *, title: str = "", replace: bool = False
) -> Path:
    """Keep a choice as the user's preset.

    Args:
        name: of the preset, and of its file.
        request: the choice.
        catalog: the presets that are there.
        title: what it is, in words; the name where none is given.
        replace: one of that name may be there: it is replaced (a shipped one is covered).

    Raises:
        SpecError: the name cannot be one, or is taken.
        StorageError: the file cannot be written.
    """
    import yaml

    if not NAME.fullmatch(name):
        raise SpecError("preset", f"'{name}' has more than letters, digits, '.', '_' and '-'")
    path = home.user_profiles() / KIND / f"{name}.yaml"
    if not replace and (path.exists() or name in catalog.read_presets()):
        raise SpecError("preset", f"there is one called {name}; take another name")
    told = {
        "name": name,
        "title": title or name,
        "benchmark": request.benchmark,
        "scenario": request.scenario,
        "mode": request.mode,
        "device": request.device,
        "environment": request.environment,
        "installation": request.installation,
        "repeats": request.repeats if request.repeats > 1 else None,
        "variations": list(request.variations),
        "settings": dict(request.settings),
    }
    kept = {key: value for key, value in told.items() if value not in (None, [], {})}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        home.write_atomic(path, yaml.safe_dump(kept, sort_keys=False, allow_unicode=True))
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error
    return path
