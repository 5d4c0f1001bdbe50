"""The tree of errors, each with the exit code of the contract.

MlperfTuiError (1)          the work failed
├── StorageError (1)        the data root cannot be written
├── StartError (1)          a run could not be started
├── UsageError (2)          a choice that cannot be; nothing was started
│   ├── SpecError (2)       names the field and the allowed values
│   ├── ProfileError (2)    names the file, the key and the allowed values
│   └── InstallationError (2)   no usable mlcr there
└── NotFoundError (4)       no such run or path, or no LoadGen output in it

Messages say what, where, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable


class MlperfTuiError(Exception):
    """Base of all errors that a user shall read as one sentence."""

    exit_code = 1


class StorageError(MlperfTuiError):
    """The data root cannot be made, read or written."""


class StartError(MlperfTuiError):
    """A run could not be started."""


class UsageError(MlperfTuiError):
    """A choice that cannot be; nothing was started."""

    exit_code = 2


class SpecError(UsageError):
    """A field of a run has a value that cannot be.

    Args:
        field: the field as the user wrote it, e.g. `--scenario`.
        problem: what is wrong with it, as the end of a sentence.
        allowed: the values that would do; empty if they cannot be listed.
        key: which key of mlcr it is about, where the field alone does not tell.
    """

    def __init__(
        self, field: str, problem: str, allowed: Iterable[str] = (), *, key: str = ""
    ) -> None:
        choices = ", ".join(allowed)
        super().__init__(f"{field}: {problem}" + (f"; allowed: {choices}" if choices else ""))
        self.field = field
        self.key = key or field.removeprefix("--")


class ProfileError(UsageError):
    """A profile file is wrong: its name, the key, what is allowed."""


class InstallationError(UsageError):
    """There is no usable MLCFlow installation where one was named."""


class NotFoundError(MlperfTuiError):
    """No such run or path, or no LoadGen output in it."""

    exit_code = 4
