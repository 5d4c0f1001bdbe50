"""The check that leaves the machine: made only when it is asked for."""

from __future__ import annotations

from urllib.parse import urlsplit

from tui.engine.doctor.check import Finding, by_hand, check, ok, warning
from tui.engine.doctor.here import Here

GITHUB, PYPI = "github.com", "https://pypi.org/simple"
CONNECT_S = 2.0
HTTPS = 443


@check(
    "network",
    "network",
    "Setup and the first run of each benchmark download scripts, packages, models and data.",
    limit_s=2 * CONNECT_S + 1.0,
)
def network(here: Here) -> Finding:
    """Can github.com and pip's index be reached."""
    index = urlsplit(index_url(here))
    places = [(GITHUB, HTTPS)]
    if index.hostname:
        places.append((index.hostname, index.port or (80 if index.scheme == "http" else HTTPS)))
    failed = []
    for host, port in places:
        try:
            here.outside.connect(host, port, CONNECT_S)
        except OSError as error:
            failed.append(f"{host}:{port} ({error.strerror or error})")
    names = [host for host, _ in places]
    if not failed:
        return ok(f"{' and '.join(names)} can be reached")
    proxy = here.outside.variables.get("https_proxy") or here.outside.variables.get("HTTPS_PROXY")
    note = ", though a proxy is set, which may do" if proxy else ""
    return warning(
        f"cannot be reached: {', '.join(failed)}{note}",
        by_hand("Without network set up from a mirror:", "mlperf-tui setup --from-mirror DIR",
                "it takes minutes: run it in a terminal of its own"),
    )  # fmt: skip


def index_url(here: Here) -> str:
    """Where pip takes packages from: its variables before its files, the user's before others."""
    variables = here.outside.variables
    if variables.get("PIP_INDEX_URL"):
        return variables["PIP_INDEX_URL"]
    home = variables.get("HOME", "")
    named = (variables.get("PIP_CONFIG_FILE", ""), f"{home}/.config/pip/pip.conf",
             f"{home}/.pip/pip.conf", "etc/pip.conf", "etc/xdg/pip/pip.conf")  # fmt: skip
    for name in filter(None, named):
        for line in (here.text(name) or "").splitlines():
            key, equals, value = line.partition("=")
            if equals and key.strip() in ("index-url", "index_url"):
                return value.strip()
    return PYPI
