"""Mistakes that a user can correct: an error with a code, the place, the value and a remedy.

Every check raises `UserError`. The front door prints it in one sentence and exits with status 2,
without a traceback. Tests assert code, path, line, key and value; the wording of every message is
in tests/messages.yaml.
"""

import difflib
from collections.abc import Iterable
from pathlib import Path


class UserError(Exception):
    """A mistake in the user's files or parameters.

    Args:
        code: a stable name of the kind of mistake, in kebab case: `column-missing`.
        message: what was found, what is accepted and how to fix it; without the place.
        path: the file or folder that holds the mistake.
        line: its line in the file, counted from 1.
        key: the key in the params file, with dots: `experiments.spam_cnn.fit.epochs`.
        value: the offending value, as it was read.
    """

    def __init__(
        self, code: str, message: str | None = None, *, path: Path | str | None = None,
        line: int | None = None, key: str | None = None, value: object = None,
    ):  # fmt: skip
        if message is None:
            code, message = "unclassified", code
        self.code, self.message = code, message
        self.path = None if path is None else str(path)
        self.line, self.key, self.value = line, key, value
        super().__init__(str(self))

    def __str__(self) -> str:
        place = self.path or ""
        if self.line is not None:
            place += f", line {self.line}"
        return ": ".join(filter(None, (place, self.key, self.message)))


def one_of(name: object, choices: Iterable[str]) -> str:
    """'accepted: a, b; did you mean a?' for a name that is not among choices."""
    choices = sorted(map(str, choices))
    close = difflib.get_close_matches(str(name), choices, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"accepted: {', '.join(choices) or 'nothing yet'}{hint}"


def existing(path: Path, remedy: str) -> Path:
    """The path, if there is a file or folder at it."""
    if not path.exists():
        raise UserError("file-missing", f"no such file; {remedy}", path=path)
    return path
