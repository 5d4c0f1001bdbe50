"""Why a command of a setup failed: by what it printed."""

from __future__ import annotations

import re
import signal

from tui.engine.setup.problem import Problem

KNOWN: tuple[tuple[str, str, str, str | None], ...] = (
    (
        r"No space left on device|Errno 28",
        "the disk is full",
        "make room, then run setup again: it goes on from here",
        None,
    ),
    (
        r"Disk quota exceeded",
        "your disk quota is used up",
        "make room, then run setup again: it goes on from here",
        None,
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|certificate verif|server certificate",
        "a server's certificate is not trusted here, as behind a company's proxy",
        "tell pip and git the proxy's certificate: PIP_CERT and GIT_SSL_CAINFO",
        None,
    ),
    (
        r"Proxy Authentication Required|\b407\b",
        "the proxy wants a name and a password",
        "put them into HTTPS_PROXY: http://NAME:PASSWORD@HOST:PORT",
        None,
    ),
    (
        r"Could not resolve host|name resolution|Failed to resolve|Name or service not known",
        "a host's name cannot be resolved: offline, or no DNS",
        "connect this machine, or use setup --from-mirror DIR",
        None,
    ),
    (
        r"Max retries exceeded|Connection (?:refused|reset|timed out)|Failed to connect"
        r"|Network is unreachable|early EOF|RPC failed|Read timed out",
        "the connection failed",
        "run setup again: it goes on from here",
        None,
    ),
    (
        r"Remote branch (\S+) not found",
        "the repository has no branch {0}",
        "name another one with --branch, or leave it out: dev",
        None,
    ),
    (
        r"pathspec '(\S+)' did not match|reference is not a tree: (\S+)|invalid reference: (\S+)",
        "the repository has no commit or branch {0}",
        "look it up with git log, and name it with --checkout or --branch",
        None,
    ),
    (
        r"detected dubious ownership in repository at '([^']+)'",
        "{0} belongs to another user, and git takes nothing from it",
        "allow it, once",
        "git config --global --add safe.directory {0}",
    ),
    (
        r"would be overwritten by (?:merge|checkout)|Please commit your changes",
        "the clone has local changes that are in the way",
        "run setup with --force: it puts them aside, pulls, and brings them back",
        None,
    ),
    (
        r"No matching distribution found for ([^\s(]+)",
        "the package index has no {0} for this Python and CPU",
        "use another Python (3.9 to 3.13), or an index that has it",
        None,
    ),
    (r"\bld: not found", "the linker ld is missing", "install it", "apt-get install -y binutils"),
    (
        r"Permission denied(?:: '([^']+)')?",
        "something may not be written: {0}",
        "make the folder yours",
        None,
    ),
)
"""What a line says, why, what to do, and a command for that."""
TELLING = re.compile(
    r"^\s*(?:ERROR|error|fatal|Error)\b.*|^\w*(?:Error|Exception): .*| ERROR\b.* - .*"
)
MOST_LINES = 400


def explain(lines: list[str], code: int, what: str) -> Problem:
    """The cause of a failure.

    Args:
        lines: what the command printed.
        code: its exit code, negative for a signal.
        what: the command's name, for where nothing is known.
    """
    text = "\n".join(lines[-MOST_LINES:])
    for pattern, why, fix, command in KNOWN:
        if match := re.search(pattern, text):
            named = next((one for one in match.groups() if one), "see the log")
            return Problem(why.format(named), fix, command and command.format(named))
    if code < 0:
        name = signal.Signals(-code).name
        memory = "; that is what the kernel does when memory runs out" if code == -9 else ""
        return Problem(
            f"{what} was ended by {name}{memory}", "run setup again: it goes on from here"
        )
    told = [one.strip() for one in lines if TELLING.search(one)]
    last = told[-1] if told else (lines[-1].strip() if lines else "it printed nothing")
    return Problem(f"{what} ended with code {code}: {last}", "the log has all it printed")
