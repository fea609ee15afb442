"""Names and texts as MLflow takes them, whatever the columns, labels and classes are called.

MLflow takes letters and digits of any script, `_ - . : /` and spaces, at most 250 characters. A
name that it would refuse is changed and ends in a hash of the name as it was, so that two names
never become one: `load %` is stored as `load _.1f0a9c3b`, for example.
"""

import hashlib
import posixpath
import re
from pathlib import PurePosixPath

NAME_LENGTH, PARAM_LENGTH = 250, 6000
HASH_LENGTH = 8
_REFUSED = re.compile(r"[^/\w.\- :]")


def accepted(name: str) -> str:
    """The name itself if MLflow takes it, else a readable one that no other name becomes."""
    if _is_accepted(name):
        return name
    readable = _REFUSED.sub("_", name)[: NAME_LENGTH - HASH_LENGTH - 1]
    # Not a path: MLflow refuses `a//b`, `../a`, `/a` and `a/` as well.
    parts = [part for part in PurePosixPath(readable).parts if part not in ("/", "..")]
    return f"{'/'.join(parts) or '_'}.{_hash(name)}"


def shortened(text: str) -> str:
    """A parameter's text; what MLflow would cut off is named by a hash of the whole."""
    if len(text) <= PARAM_LENGTH:
        return text
    end = f"... ({len(text)} characters, sha256 {hashlib.sha256(text.encode()).hexdigest()})"
    return text[: PARAM_LENGTH - len(end)] + end


def _is_accepted(name: str) -> bool:
    return (
        0 < len(name) <= NAME_LENGTH
        and _REFUSED.search(name) is None
        and posixpath.normpath(name) == name
        and name != "."
        and not name.startswith(("..", "/"))
    )


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_LENGTH]
