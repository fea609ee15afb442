"""WAV files as samples, and back; pipelines/tasks/signal_classification/graph_wav.py is the same.

Read are PCM of 8 (unsigned), 16, 24 and 32 bits and float of 32 bits, little-endian, with any
number of channels, which are mixed down to their mean. Full scale is 1.

Reference: IBM and Microsoft, "Multimedia Programming Interface and Data Specifications 1.0", 1991,
https://www.aelius.com/njh/wavemetatools/doc/riffmci.pdf, "WAVE"; the extensible header is of
https://learn.microsoft.com/windows/win32/api/mmreg/ns-mmreg-waveformatextensible.
"""

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipelines.config.errors import UserError

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
FORMATS = {(PCM, 8), (PCM, 16), (PCM, 24), (PCM, 32), (FLOAT, 32)}
PROBLEMS = {
    "wav-kind": "not a WAV file",
    "wav-truncated": "the WAV file is cut short",
    "wav-codec": "compressed, or samples of another kind than PCM of 8, 16, 24 or 32 bits and "
    "float of 32 bits",
    "wav-empty": "the WAV file has no samples",
    "wav-not-finite": "a sample is NaN or infinite",
}
CURES = {
    "wav-kind": "convert it to WAV",
    "wav-truncated": "copy or record it again",
    "wav-codec": "write it as PCM of 16 bits",
    "wav-empty": "remove it",
    "wav-not-finite": "write it again without such samples",
}


class Wav(NamedTuple):
    """rate_hz: samples a second. samples: (n,) float32, the mean of the channels."""

    rate_hz: int
    samples: np.ndarray


def decode(data: bytes, path: Path | str) -> Wav:
    """The samples of a file.

    Args:
        data: its bytes.
        path: for errors.

    Raises:
        UserError: with a code of PROBLEMS.
    """
    kind, channels, rate_hz, bits, content = _chunks(data, path)
    if (kind, bits) not in FORMATS or not channels or not rate_hz:
        raise _problem("wav-codec", path, f"format {kind}, {bits} bits")
    frame = channels * bits // 8
    content = content[: len(content) // frame * frame]
    if not content:
        raise _problem("wav-empty", path, len(data))
    samples = mixed_down(numbers(content, bits, kind == FLOAT).reshape(-1, channels), bits, kind)
    if not np.isfinite(samples).all():
        raise _problem("wav-not-finite", path, int(np.argmin(np.isfinite(samples))))
    return Wav(rate_hz, samples)


def numbers(content: bytes, bits: int, is_float: bool) -> np.ndarray:
    """All samples as they are written, those of 8 bits from -128 on."""
    if is_float:
        return np.frombuffer(content, "<f4")
    if bits == 8:
        return np.frombuffer(content, np.uint8).astype(np.int32) - 128
    if bits == 24:
        low, middle, high = np.frombuffer(content, np.uint8).reshape(-1, 3).astype(np.int32).T
        unsigned = low + (middle << 8) + (high << 16)
        return unsigned - ((unsigned >> 23) << 24)
    return np.frombuffer(content, f"<i{bits // 8}")


def mixed_down(values: np.ndarray, bits: int, kind: int) -> np.ndarray:
    """(n, channels) -> (n,) float32: exact sums, rounded once."""
    full_scale = 1.0 if kind == FLOAT else float(1 << (bits - 1))
    total = values.astype(np.float64).sum(axis=1)
    return (total / (full_scale * values.shape[1])).astype(np.float32)


def encode(samples: np.ndarray, rate_hz: int) -> bytes:
    """A file with one channel that `decode` reads to the same samples.

    PCM of 16 bits if that has them all, else float.
    """
    whole = np.clip(np.round(samples * np.float64(1 << 15)), -(1 << 15), (1 << 15) - 1)
    is_exact = bool((whole / (1 << 15) == samples).all())
    kind, bits = (PCM, 16) if is_exact else (FLOAT, 32)
    content = (whole.astype("<i2") if is_exact else samples.astype("<f4")).tobytes()
    size = bits // 8
    header = struct.pack("<HHIIHH", kind, 1, rate_hz, rate_hz * size, size, bits)
    body = b"WAVE" + _chunk(b"fmt ", header) + _chunk(b"data", content)
    return _chunk(b"RIFF", body)


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _chunks(data: bytes, path: Path | str) -> tuple[int, int, int, int, bytes]:
    """(kind, channels, rate, bits, samples) of the chunks "fmt " and "data"."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise _problem("wav-kind", path, data[:4].hex())
    at, header = 12, b""
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        content = data[at + 8 : at + 8 + size]
        if name == b"fmt ":
            header = content
        if name == b"data":
            if len(header) < 16 or len(content) < size:
                break
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", header)
            if kind == EXTENSIBLE and len(header) >= 26:
                kind = struct.unpack_from("<H", header, 24)[0]
            return kind, channels, rate, bits, content
        at += 8 + size + size % 2
    raise _problem("wav-truncated", path, len(data))


def _problem(code: str, path: Path | str, value: object) -> UserError:
    return UserError(code, f"{PROBLEMS[code]}; {CURES[code]}", path=Path(path), value=value)
