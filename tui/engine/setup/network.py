"""Can what has to be fetched be fetched? Asked before, so that nobody waits a minute for a no.

A host is asked only where nothing else could serve: a proxy, an index or a mirror on disk, git's
own insteadOf are all looked at first.
"""

from __future__ import annotations

import configparser
import os
import socket
import threading
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from tui.engine import process
from tui.engine.setup import causes
from tui.engine.setup.place import Place
from tui.engine.setup.problem import Problem

SECONDS = 2.0
PYPI = "https://pypi.org/simple"
PORTS = {"http": 80, "https": 443, "ssh": 22, "git": 9418}
MIRROR_FIX = "connect this machine, or bring clones of both repositories: setup --from-mirror DIR"
INDEX_FIX = "connect this machine, or name a package index that it can reach"


def no_index(place: Place) -> Problem | None:
    """Why pip could fetch nothing."""
    settings = pip_settings(place.venv)
    sources = settings.get("find-links", "").split() + settings.get("extra-index-url", "").split()
    if settings.get("no-index", "").lower() not in ("1", "true", "yes", "on"):
        sources.append(settings.get("index-url") or PYPI)
    why = ""
    for source in sources:
        host = _host(source)
        if host is None:
            return None  # on this machine: pip will see
        why = _unreachable(_proxy(source, settings.get("proxy", "")) or host)
        if not why:
            return None
    if not sources:
        return Problem("pip is told to use no index, and no folder of wheels", INDEX_FIX)
    return Problem(
        f"offline: {why}, and the packages are not here",
        INDEX_FIX,
        "python3 -m pip config set global.index-url URL",
    )


def no_git_source(url: str, env: Mapping[str, str]) -> Problem | None:
    """Why git could fetch nothing from there.

    Args:
        url: the repository, as it is written.
        env: git's environment.
    """
    seen = process.ask(["git", "ls-remote", "--get-url", url], env=env).text.strip() or url
    host = _host(seen)
    if host is None:  # a mirror on this machine: git takes it, or says why not
        said = process.ask(["git", "ls-remote", seen, "HEAD"], env=env)
        return None if said.code == 0 else causes.explain(said.text.splitlines(), 1, seen)
    own = process.ask(["git", "config", "--get-urlmatch", "http.proxy", seen], env=env)
    why = _unreachable(_proxy(seen, own.text.strip() if own.code == 0 else "") or host)
    return Problem(f"offline: {why}", MIRROR_FIX) if why else None


def pip_settings(venv: Path, env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What pip is told by its files and by PIP_ variables, as far as it says where to fetch."""
    found: dict[str, str] = {}
    for file in _pip_files(venv, env):
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip will say so
        for section in ("global", "install"):
            if parser.has_section(section):
                found |= {name.replace("_", "-"): value for name, value in parser.items(section)}
    names = ("index-url", "extra-index-url", "find-links", "no-index", "proxy")
    told = {name: env.get("PIP_" + name.upper().replace("-", "_")) for name in names}
    return found | {name: value for name, value in told.items() if value is not None}


def _pip_files(venv: Path, env: Mapping[str, str]) -> Sequence[Path]:
    named = env.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return ()
    home = Path(env.get("HOME") or "~").expanduser()
    shared = env.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    own = Path(env.get("XDG_CONFIG_HOME") or home / ".config")
    return (
        *(Path(one) / "pip/pip.conf" for one in reversed(shared.split(":")) if one),
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        own / "pip/pip.conf",
        venv / "pip.conf",
        *((Path(named),) if named else ()),
    )


def _proxy(url: str, told: str) -> tuple[str, int] | None:
    """The proxy that stands before a host; None: none does, or it is not to be told by its URL."""
    parts = urlsplit(url)
    if not told and parts.hostname and not urllib.request.proxy_bypass(parts.hostname):
        known = urllib.request.getproxies()
        told = known.get(parts.scheme) or known.get("all") or ""
    if not told:
        return None
    proxy = urlsplit(told if "://" in told else f"http://{told}")
    return (proxy.hostname or "", proxy.port or PORTS.get(proxy.scheme, 1080))


def _host(url: str) -> tuple[str, int] | None:
    """Host and port; None: it is on this machine."""
    parts = urlsplit(url)
    if parts.scheme and parts.scheme != "file" and "://" in url:
        return (parts.hostname or "", parts.port or PORTS.get(parts.scheme, 443))
    before, colon, _ = url.partition(":")
    if colon and "/" not in before and parts.scheme != "file":
        return (before.rpartition("@")[2], PORTS["ssh"])  # git's user@host:path
    return None


def _unreachable(host: tuple[str, int]) -> str:
    """Why a host cannot be reached; "": it can."""
    why = [f"{host[0]} did not answer within {SECONDS:.0f} s"]

    def ask() -> None:
        try:
            socket.create_connection(host, timeout=SECONDS).close()
            why[0] = ""
        except socket.gaierror:
            why[0] = f"the name {host[0]} cannot be resolved"
        except TimeoutError:
            pass  # said already
        except OSError as error:
            why[0] = f"{host[0]}:{host[1]} cannot be reached ({error.strerror or error})"

    # Looking up a name has no time limit of its own.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(SECONDS + 0.2)
    return why[0]
