"""Bearer tokens (RFC 6750): who may ask, where the server listens beyond loopback."""

import hashlib
import hmac
import logging
import os
import time
from pathlib import Path

from pipelines.config.errors import UserError
from serving.errors import Unauthorized

SCHEME = "bearer "
MIN_CHARACTERS = 16
CHECK_INTERVAL_S = 1.0  # between two looks at the file
log = logging.getLogger("serving")


class Tokens:
    """The tokens in a file, one on each line: two while clients change from one to the next.

    A changed file is read again. If it cannot be read any more, the tokens last read stay valid.
    """

    def __init__(self, path: Path):
        self._path = path
        self._state, self._checked_at = file_state(path), time.monotonic()
        self._digests = read_digests(path)

    def check(self, authorization: str | None) -> None:
        """Takes equally long for every wrong token of the same length.

        Args:
            authorization: the value of the request's header.

        Raises:
            Unauthorized: it has no valid token.
        """
        self._reread()
        if authorization is None or authorization[: len(SCHEME)].lower() != SCHEME:
            raise Unauthorized("a token is needed: send the header Authorization: Bearer TOKEN")
        sent = digest(authorization[len(SCHEME) :].strip())
        # No short cut: all are compared.
        if not sum(hmac.compare_digest(sent, valid) for valid in self._digests):
            raise Unauthorized("the token is not valid")

    def _reread(self) -> None:
        now = time.monotonic()
        if now - self._checked_at < CHECK_INTERVAL_S:
            return
        self._checked_at = now
        try:
            state = file_state(self._path)
            if state == self._state:
                return
            self._state = state
            self._digests = read_digests(self._path)
            log.info("%s: read again", self._path)
        except UserError as error:
            log.error("%s; the tokens last read stay valid", error)


def digest(token: str) -> bytes:
    """Of equal length for all tokens, as a comparison in constant time needs."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def file_state(path: Path) -> tuple:
    """Differs after a change of the file."""
    try:
        status = path.stat()
    except OSError as error:
        raise unreadable(path, error) from None
    return status.st_ino, status.st_size, status.st_mtime_ns


def read_digests(path: Path) -> list[bytes]:
    try:
        lines = path.read_text("utf-8").splitlines()
        readable_by_all = path.stat().st_mode & 0o004
    except OSError as error:
        raise unreadable(path, error) from None
    except UnicodeDecodeError:
        message = "not UTF-8 text; write one token on each line"
        raise UserError("tokens-invalid", message, path=path) from None
    tokens = {line.strip() for line in lines} - {""}
    if not tokens or min(map(len, tokens)) < MIN_CHARACTERS:
        raise UserError(
            "tokens-invalid",
            f"found {len(tokens)} tokens; accepted: one or more lines of at least {MIN_CHARACTERS} "
            "characters, such as of `openssl rand -hex 32`",
            path=path, value=len(tokens),
        )  # fmt: skip
    if readable_by_all and os.name == "posix":
        log.warning("%s can be read by every user of this computer; use chmod 600", path)
    return [digest(token) for token in tokens]


def unreadable(path: Path, error: OSError) -> UserError:
    message = f"cannot be read: {error.strerror}; give an existing file with --token-file"
    return UserError("file-unreadable", message, path=path)
