"""Where things lie, and how files are written so that a reader never sees half of one."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tui.engine.errors import StorageError

APP = "mlperf-tui"


def data_root() -> Path:
    """`$MLPERF_TUI_HOME`, else the user's data folder; made with mode 0700 where it is missing.

    Raises:
        StorageError: it cannot be made or written.
    """
    named = os.environ.get("MLPERF_TUI_HOME")
    if named:
        root = Path(named).absolute()
    else:
        import platformdirs

        root = Path(platformdirs.user_data_dir(APP))
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"the data root {root} cannot be made ({error.strerror}); "
            "set MLPERF_TUI_HOME to a folder that you may write"
        ) from error
    return root


def require_writable(root: Path) -> None:
    """Raise StorageError where runs cannot be written to `root`."""
    if not os.access(root, os.W_OK | os.X_OK):
        raise StorageError(
            f"the data root {root} cannot be written; "
            "set MLPERF_TUI_HOME to a folder that you may write"
        )


def config_dir() -> Path:
    """The user's config folder: `settings.yaml`, `profiles/`."""
    import platformdirs

    return Path(platformdirs.user_config_dir(APP))


def user_profiles() -> Path:
    """`$MLPERF_TUI_PROFILES`, else `profiles` in the user's config folder; may not exist."""
    named = os.environ.get("MLPERF_TUI_PROFILES")
    return Path(named).absolute() if named else config_dir() / "profiles"


def write_atomic(path: Path, text: str, *, durable: bool = False) -> None:
    """Replace `path` by `text` in one step; `durable` survives a power cut (about 8 ms).

    Raises:
        OSError: the disk is full or not writable; `path` is then as it was.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(part, "w", encoding="utf-8") as file:
            file.write(text)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def write_reserve(reserve: Path, size: int) -> None:
    """Take `size` bytes of the disk now, for a file that must be written when the disk is full."""
    with open(reserve, "wb") as file:
        file.write(b" " * size)
        file.flush()
        os.fsync(file.fileno())


def write_from_reserve(reserve: Path, path: Path, text: str) -> None:
    """Like `write_atomic`, into the blocks that `write_reserve` took: works on a full disk.

    Used once: the reserve becomes `path`, and what is left of it is given back.
    """
    with open(reserve, "r+b") as file:
        file.write(text.encode())
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
    os.replace(reserve, path)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def append_whole(path: Path, data: bytes) -> None:
    """Append `data` wholly or not at all.

    Raises:
        OSError: the disk is full or not writable; `path` is then as it was.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        written = os.write(handle, data)
        if written < len(data):
            os.ftruncate(handle, os.fstat(handle).st_size - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    finally:
        os.close(handle)


def to_json(value: Any) -> str:
    """One JSON document as our files hold it: ASCII, so that any path or variable survives."""
    return json.dumps(value, indent=1) + "\n"


def read_json(path: Path | str) -> Any:
    """The JSON document in `path`, or None where there is none or only a part of one."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def utc_now() -> str:
    """The time as our files hold it: UTC, RFC 3339, milliseconds."""
    now = datetime.now(timezone.utc)
    return now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"


def read_settings() -> Mapping[str, Any]:
    """The user's `settings.yaml`; empty where there is none."""
    path = config_dir() / "settings.yaml"
    if not path.is_file():
        return {}
    from tui.engine import yaml_file

    try:
        found = yaml_file.load(path)
    except yaml_file.NotYaml as error:
        raise StorageError(f"{path} cannot be read: {error}") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise StorageError(f"{path} is not a list of `key: value` lines")
    return found


def write_setting(name: str, value: str) -> Path:
    """Set one key of the user's `settings.yaml`; every other line stays as it is.

    Args:
        name: the key.
        value: its value, as YAML has it.

    Raises:
        StorageError: it cannot be written.
    """
    import re

    from tui.engine import yaml_file

    path = (config_dir() / "settings.yaml").resolve()  # it may be a link into someone's dotfiles
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        wanted = f"{name}: {value}"
        same = [n for n, line in enumerate(lines) if re.match(rf"{re.escape(name)}\s*:", line)]
        if same:
            lines[same[-1]] = wanted
        else:
            lines.append(wanted)
        text = "\n".join(lines) + "\n"
        if not isinstance(yaml_file.loads(text), dict):
            raise yaml_file.NotYaml("it is not a list of `key: value` lines")
        write_atomic(path, text)
    except (OSError, UnicodeDecodeError, yaml_file.NotYaml) as error:
        raise StorageError(
            f"{path} cannot be changed; write `{name}: {value}` into it yourself ({error})"
        ) from error
    return path
