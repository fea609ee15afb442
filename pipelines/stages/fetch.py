"""Stage fetch: public files, pinned by sha256, into data/raw/<key>/<name>.

Sources in order: the mirror that DATASETS_MIRROR names (a folder or http address that holds
<key>/<name> or, packed, <key>/<name>.gz), then each official url, which may give an archive that
holds the file. The sha256 is always the file's own; an official url that gives the same data packed
anew has another. Faults that pass (timeouts, resets, cut bodies, 5xx) are tried again; any other
takes the next source. data/raw/<key> is never half done.
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

from pipelines.config.errors import UserError, one_of
from pipelines.preparation import archives
from pipelines.storage import atomic

MIRROR = "DATASETS_MIRROR"
SIZE_LIMIT = 1 << 33  # 8 GiB, for archives and where no size is declared
_PASSING = (TimeoutError, ConnectionError, http.client.IncompleteRead, ssl.SSLEOFError)


class SourceFailed(Exception):
    """Why one source did not give the file."""


class PassingFault(SourceFailed):
    """The same request may succeed soon."""


@dataclass(frozen=True)
class Patience:
    """The limit of each connect and read, and the pauses between tries of one source."""

    timeout_s: float = 30.0
    pauses_s: tuple[float, ...] = (1.0, 4.0)
    sleep: Callable[[float], None] = time.sleep


def run(params_file: Path, key: str) -> None:
    """Fetch `downloads.<key>` of the params file into data/raw/<key>/."""
    from pipelines.config import loader  # here: fetch() itself needs the standard library only

    downloads = loader.load(params_file).downloads
    if key not in downloads:
        raise UserError(f"{params_file}: no {key!r} under downloads; {one_of(key, downloads)}")
    fetch(key, downloads[key], Path("data/raw") / key, os.environ.get(MIRROR))


def fetch(key: str, files: Mapping[str, Any], out: Path, mirror: str | None, patience=None) -> None:
    """Fill the folder `out`; it changes only when every file is right.

    `files`: name -> config.Download, or anything with `.sha256`, `.bytes` (or None) and `.urls`,
    each a string or an object with `.url`, `.member` and `.sha256` (or None).
    Raises UserError: every source tried with its reason, or what is wrong with our own disk.
    """
    for name in (key, *files):
        if archives.unsafe(name):
            raise UserError(
                f"downloads.{key}: {name!r} leads out of data/raw; give a relative name"
            )
    try:
        with atomic.folder(out) as tmp:
            job = _Job(key, mirror, tmp, patience or Patience())
            for name, entry in files.items():
                job.get(name, entry)
            shutil.rmtree(tmp / ".archives", ignore_errors=True)
    except OSError as error:  # faults of sources are SourceFailed by now
        raise UserError(f"{out}: cannot write ({error}); see to disk space and rights") from error


@dataclass(frozen=True)
class _Job:
    key: str
    mirror: str | None
    folder: Path
    patience: Patience
    kept: dict[str, Path] = field(default_factory=dict)  # url -> archive, for its next member

    def get(self, name: str, entry: Any) -> None:
        reasons = ""
        for where, source in self.sources(name, entry):
            try:
                size = self.obtain(where, source, name, entry)
                return _say(f"{self.key}/{name}: {size:,} bytes, sha256 right, from {where}")
            except (SourceFailed, UserError) as failure:
                reasons += f"\n  - {where}: {failure}"
                _say(f"{self.key}/{name}: {where}: {failure}")
        raise UserError(
            f"{self.key}/{name}: no source gave the file with sha256 {entry.sha256}:{reasons}"
            f"\nSet {MIRROR} (now: {self.mirror or 'not set'}) to a folder or http address that "
            f"holds {self.key}/{name}, or correct downloads.{self.key}"
        )

    def sources(self, name: str, entry: Any) -> Iterator[tuple[str, Any]]:
        """Where to look, and what params.yaml says of it."""
        for path in (f"{self.key}/{name}", f"{self.key}/{name}.gz") if self.mirror else ():
            if _is_url(self.mirror):
                yield f"{self.mirror.rstrip('/')}/{urllib.parse.quote(path)}", None
            else:
                yield str(Path(self.mirror).expanduser().absolute() / path), None
        for url in entry.urls:
            yield getattr(url, "url", url), url

    def obtain(self, where: str, source: Any, name: str, entry: Any) -> int:
        """Put the file in its place and return its size, or raise why `where` did not give it."""
        member, own = (getattr(source, key, None) for key in ("member", "sha256"))
        wanted, declared = (own, None) if own else (entry.sha256, entry.bytes)
        target, limit = self.folder / name, declared or SIZE_LIMIT
        if member is None:
            packed = where.endswith(f"/{name}.gz")
            size, found = _download(where, target, limit, self.patience, packed)
        else:
            size, found = _write(archives.blocks(self.archive(where), member, limit), target, limit)
        if found != wanted:
            of = f" of {declared:,}" if declared else ""
            raise SourceFailed(f"wrong file: {size:,}{of} bytes, sha256 {found}")
        return size

    def archive(self, url: str) -> Path:
        if url not in self.kept:
            named = Path(urllib.parse.urlsplit(url).path).name or "archive"
            path = self.folder / ".archives" / str(len(self.kept)) / named
            _download(url, path, SIZE_LIMIT, self.patience)
            self.kept[url] = path
        return self.kept[url]


def _download(where: str, target: Path, limit: int, patience: Patience, packed: bool = False):
    """Size and sha256 of what `where` gave, or had packed, in `target`. Raises SourceFailed."""

    def attempt() -> tuple[int, str]:
        blocks = _blocks(where, patience.timeout_s)
        return _write(archives.unpacked(blocks) if packed else blocks, target, limit)

    for pause_s in patience.pauses_s:
        try:
            return attempt()
        except PassingFault as fault:
            _say(f"{where}: {fault}; trying again in {pause_s:g} s")
            patience.sleep(pause_s)
    return attempt()


def _write(blocks: Iterable[bytes], target: Path, limit: int) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as sink:
        for block in blocks:
            size += len(block)
            if size > limit:
                raise SourceFailed(f"wrong file: more than the allowed {limit:,} bytes")
            digest.update(block)
            sink.write(block)
    return size, digest.hexdigest()


def _blocks(where: str, timeout_s: float) -> Iterator[bytes]:
    """The bytes at a url or path. Nothing is written in here: an OSError is the source's."""
    seen, told = 0, time.monotonic()
    try:
        stream, length = _open(where, timeout_s)
        with stream:
            while block := stream.read(archives.BLOCK):
                yield block
                seen += len(block)
                told = _progress(where, seen, length, told)
    except urllib.error.HTTPError as error:
        kind = PassingFault if error.code in (408, 429) or error.code >= 500 else SourceFailed
        raise kind(f"HTTP {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        words = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
        raise (PassingFault if isinstance(cause, _PASSING) else SourceFailed)(words) from error
    if length is not None and seen < length:
        raise PassingFault(f"cut off after {seen:,} of {length:,} bytes")


def _open(where: str, timeout_s: float) -> tuple[BinaryIO, int | None]:
    if not _is_url(where):
        return Path(where).open("rb"), Path(where).stat().st_size
    asked = urllib.request.Request(where, headers={"User-Agent": "pipelines-fetch/1"})
    stream = urllib.request.urlopen(asked, timeout=timeout_s)
    return stream, stream.length  # from Content-Length; None where the server gives none


def _is_url(where: str) -> bool:
    return where.startswith(("http://", "https://"))


def _progress(where: str, seen: int, length: int | None, told: float) -> float:
    """One changing line on a terminal, elsewhere a line every five seconds."""
    if time.monotonic() - told < (0.2 if sys.stderr.isatty() else 5.0):
        return told
    share = f" of {length:,} ({seen / length:.0%})" if length else ""
    _say(f"{Path(where).name}: {seen:,}{share} bytes", end="" if sys.stderr.isatty() else "\n")
    return time.monotonic()


def _say(text: str, end: str = "\n") -> None:
    print("\r\x1b[K" * sys.stderr.isatty() + f"fetch: {text}", end=end, file=sys.stderr, flush=True)
