"""Features of windows for classical models: moments, power in bands, and series of spectra.

Shapes: n windows, T steps, C columns, F frames.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.classical import spectra
from pipelines.classical.spectra import Frames

BANDS = 12


@dataclass(frozen=True)
class BandFeatures:
    """(n, T, C) -> (n, d) float32: what a window is like, wherever in it that happens.

    Of each column: mean, standard deviation, skewness, kurtosis, lowest and highest value, mean
    size of a step; and mean and standard deviation over the frames of the logarithm of the power in
    mel bands. Of each pair of columns: the correlation.

    Args:
        frames: of the spectra.
    """

    frames: Frames

    @classmethod
    def of(cls, rate_hz: float, steps: int) -> "BandFeatures":
        return cls(Frames.of(rate_hz, steps, BANDS))

    def __call__(self, signal: np.ndarray) -> np.ndarray:
        x = np.asarray(signal, np.float64)
        mean = x.mean(axis=1)
        centred = x - mean[:, None]
        deviation = np.sqrt(np.square(centred).mean(axis=1))  # (n, C)
        unit = centred / np.maximum(deviation, SMALLEST_DEVIATION)[:, None]
        columns = x.shape[2]
        first, second = np.triu_indices(columns, 1)
        parts = [
            mean, deviation, (unit**3).mean(axis=1), (unit**4).mean(axis=1), x.min(axis=1),
            x.max(axis=1), np.abs(np.diff(x, axis=1)).mean(axis=1),
            (unit[..., first] * unit[..., second]).mean(axis=1),
        ]  # fmt: skip
        for column in range(columns):
            bands = spectra.log_mel(x[..., column], self.frames)  # (n, F, bands)
            parts += [bands.mean(axis=1), bands.std(axis=1)]
        return np.concatenate(parts, axis=1).astype(np.float32)


SMALLEST_DEVIATION = 1e-9


@dataclass(frozen=True)
class Series:
    """What MiniRocket reads: the columns themselves, or of a sound its log-mel spectrum.

    The samples of a sound are too many, and their phases say nothing.

    Args:
        frames: of the spectrum; None: the signal as it is.
    """

    frames: Frames | None

    @classmethod
    def of(cls, rate_hz: float, steps: int, is_sound: bool) -> "Series":
        return cls(Frames.of(rate_hz, steps) if is_sound else None)

    def __call__(self, signal: np.ndarray) -> np.ndarray:
        """(n, T, C) -> (n, T, C), or (n, F, bands) of the first column."""
        if self.frames is None:
            return np.asarray(signal, np.float64)
        return spectra.log_mel(np.asarray(signal)[..., 0], self.frames)
