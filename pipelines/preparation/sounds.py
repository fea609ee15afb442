"""Sounds from WAV files at one sampling rate, with a sound in them."""

from fractions import Fraction
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from pipelines.config.errors import UserError
from pipelines.preprocessing import wav_files

SILENT = 1e-9  # standard deviation of a file without a sound


def decode(data: bytes, path: Path) -> wav_files.Wav:
    """The samples of a file with a sound in it."""
    wav = wav_files.decode(data, path)
    if wav.samples.std() < SILENT:
        raise UserError(
            "wav-silent", f"all {len(wav.samples)} samples are equal: silence; remove it",
            path=path, value=float(wav.samples[0]),
        )  # fmt: skip
    return wav


def at_rate(path: Path, wav: wav_files.Wav, rate_hz: int, resample: bool) -> np.ndarray:
    """(n,) float32 samples at the rate, by a polyphase filter where another one is converted."""
    if wav.rate_hz == rate_hz:
        return wav.samples
    if not resample:
        raise UserError(
            "wav-rate", f"{wav.rate_hz} samples a second, and {rate_hz} are expected; convert it, "
            f"or set rate_hz: {rate_hz} and resample: true", path=path, key="rate_hz",
            value=wav.rate_hz,
        )  # fmt: skip
    ratio = Fraction(rate_hz, wav.rate_hz)
    converted = resample_poly(wav.samples.astype(np.float64), ratio.numerator, ratio.denominator)
    return converted.astype(np.float32)
