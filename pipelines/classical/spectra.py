"""Spectra of signals: power in bands, log-mel spectra and cepstra, in double precision.

A frame of N samples x_n, times the periodic Hann window w_n, has the power |X_k|^2 at the
frequencies k rate / N,

    X_k = sum over n of w_n x_n exp(-2 pi i k n / N),      w_n = (1 - cos(2 pi n / N)) / 2.

A mel is a step of pitch that sounds alike (HTK's formula: 1127 ln(1 + f / 700 Hz)). A log-mel
spectrum has the logarithm of the power in triangular bands that are equally wide in mel; cepstra
(MFCC) are its discrete cosine transform, of which the first few describe the shape of the spectrum
and not the pitch. models/layers/log_mel.py computes the same in a network.

Reference: Davis and Mermelstein, "Comparison of parametric representations for monosyllabic word
recognition", IEEE TASSP 1980, https://doi.org/10.1109/TASSP.1980.1163420.
"""

from dataclasses import dataclass

import numpy as np
from scipy.fft import dct

FRAME_SECONDS = 0.032
SMALLEST = 1e-6  # added to powers before the logarithm: that of silence
LOWEST_HZ = 50.0


@dataclass(frozen=True)
class Frames:
    """How a signal is cut into frames.

    Args:
        rate_hz: samples a second.
        size: samples of a frame, a power of two.
        hop: samples from one frame to the next.
        bands: of the mel spectrum.
    """

    rate_hz: float
    size: int
    hop: int
    bands: int

    @classmethod
    def of(cls, rate_hz: float, steps: int, bands: int = 40) -> "Frames":
        """Frames of some 32 ms that overlap by half, or a quarter of the signal where it is
        shorter.

        Args:
            rate_hz: samples a second.
            steps: of the signal.
            bands: at most; there is no more than a band for each frequency.
        """
        longest = max(8, min(rate_hz * FRAME_SECONDS, steps / 4))
        size = 1 << int(np.floor(np.log2(longest) + 0.5))
        return cls(rate_hz, min(size, steps), max(1, size // 2), min(bands, size // 4))

    def count(self, steps: int) -> int:
        return 1 + (steps - self.size) // self.hop

    @property
    def window(self) -> np.ndarray:
        """(N,) the periodic Hann window."""
        return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.size) / self.size)


def power(signal: np.ndarray, frames: Frames) -> np.ndarray:
    """(B, T) -> (B, F, N / 2 + 1) powers of each frame."""
    starts = frames.hop * np.arange(frames.count(signal.shape[1]))
    cut = np.asarray(signal, np.float64)[:, starts[:, None] + np.arange(frames.size)]
    spectrum = np.fft.rfft(cut * frames.window, axis=2)
    return np.square(spectrum.real) + np.square(spectrum.imag)


def mel(hertz) -> np.ndarray:
    return 1127.0 * np.log1p(np.asarray(hertz, np.float64) / 700.0)


def mel_filters(frames: Frames) -> np.ndarray:
    """(N / 2 + 1, bands) weights of triangular bands from LOWEST_HZ to half the rate."""
    lowest = min(LOWEST_HZ, frames.rate_hz / 50)
    of_bin = mel(frames.rate_hz / frames.size * np.arange(frames.size // 2 + 1))[:, None]
    edges = np.linspace(mel(lowest), mel(frames.rate_hz / 2), frames.bands + 2)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (of_bin - left) / (centre - left), (right - of_bin) / (right - centre)
    filters = np.maximum(0, np.minimum(rising, falling))
    filters[0] = 0  # the mean of a frame is no sound
    return filters


def log_mel(signal: np.ndarray, frames: Frames) -> np.ndarray:
    """(B, T) -> (B, F, bands), natural logarithms."""
    return np.log(power(signal, frames) @ mel_filters(frames) + SMALLEST)


def cepstra(log_mels: np.ndarray, count: int) -> np.ndarray:
    """(B, F, bands) -> (B, F, count): the orthonormal DCT-II of each frame."""
    return dct(log_mels, type=2, norm="ortho", axis=2)[..., :count]


def cosines(bands: int, count: int) -> np.ndarray:
    """(bands, count): the matrix of `cepstra`."""
    return dct(np.eye(bands), type=2, norm="ortho", axis=1)[:, :count]
