"""What is refused, and the words it is refused with.

Every check raises `Refused` with one sentence that names the place (file, line, key), what was
found there and what to do. The front door prints that sentence and exits 2, without a traceback.
"""

import difflib
from collections.abc import Iterable
from pathlib import Path


class Refused(Exception):
    """A mistake in the user's files or parameters. The message is all a user sees."""


def one_of(name: str, choices: Iterable[str]) -> str:
    """'accepted: a, b; did you mean a?' for a name that was not found among choices."""
    choices = sorted(map(str, choices))
    close = difflib.get_close_matches(str(name), choices, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"accepted: {', '.join(choices) or 'nothing yet'}{hint}"


def existing(path: Path, what: str) -> Path:
    if not path.exists():
        raise Refused(f"{path}: no such file; {what}")
    return path
