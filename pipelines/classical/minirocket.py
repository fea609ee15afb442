"""MiniRocket: 10,000 features of a series from 84 fixed convolutions (Dempster et al. 2021).

Every kernel has nine weights, -1 six times and 2 three times; there are 84 choices of the three.
Each is applied with several dilations, with and without zeros around the series, and of what comes
out only the share of steps above a bias is kept, "the proportion of positive values". Biases are
quantiles of what a kernel gives on a row of train, so that this share varies. A linear classifier
of these shares is about as accurate as any method on the 109 series of the UCR archive.

Several columns: a kernel and dilation sums a random subset of them, of random size.

Reference: "MiniRocket: A Very Fast (Almost) Deterministic Transform for Time Series
Classification", KDD 2021, https://arxiv.org/abs/2012.08791, and its code for several columns,
https://github.com/angus924/minirocket. Differs from it: values are rounded to 1/256 of a standard
deviation, so that all sums are of whole numbers and any order of them, in numpy or in a served
graph, gives the same shares. Shapes: n rows, T steps, C columns, d dilations, q biases.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

WEIGHTS, LARGE = 9, 3
KERNELS = np.array(list(combinations(range(WEIGHTS), LARGE)))  # (84, 3)
MAX_DILATIONS = 32
MAX_COLUMNS = 9  # that a kernel sums
UNIT, LIMIT = 256, 16  # of a standard deviation; deviations from the mean, at which values are cut
GOLDEN = (np.sqrt(5) + 1) / 2
CHUNK = 128  # rows at a time, so that a dilation's outputs stay in the cache


@dataclass(frozen=True)
class MiniRocket:
    """What `fit` draws; the features of every dilation are one behind the other.

    Args:
        centre, scale: (C,) of the columns in train.
        dilations: (d,) steps between the weights of a kernel.
        counts: (d,) biases of each kernel.
        columns: (d, 84, C) bool, which columns are summed.
        biases: (84 * sum of counts,) whole numbers: of a dilation (84, q).
    """

    centre: np.ndarray
    scale: np.ndarray
    dilations: np.ndarray
    counts: np.ndarray
    columns: np.ndarray
    biases: np.ndarray

    @classmethod
    def fit(cls, series: np.ndarray, features: int, seed: int) -> "MiniRocket":
        """Draws columns and biases.

        Args:
            series: (n, T, C) of train, with at least WEIGHTS steps.
            features: how many, about.
            seed: of the columns, and of the rows that give the biases.
        """
        _, steps, width = series.shape
        rng = np.random.default_rng(seed)
        dilations, counts = dilations_of(steps, features)
        columns = np.stack([_columns(rng, width) for _ in dilations])
        centre = series.mean(axis=(0, 1), dtype=np.float64)
        scale = np.maximum(series.std(axis=(0, 1), dtype=np.float64), 1e-12)
        drawn = cls(centre, scale, dilations, counts, columns, np.zeros(0))
        biases, used = [], 0
        for number, count in enumerate(counts):
            rows = rng.integers(len(series), size=len(KERNELS))
            outputs = drawn.convolve(drawn.rounded(series[rows]), number)  # (84, T, 84)
            places = (np.arange(used + 1, used + len(KERNELS) * count + 1) / GOLDEN) % 1
            for kernel, at in enumerate(places.reshape(len(KERNELS), count)):
                biases.append(np.quantile(outputs[kernel, :, kernel], at))  # (q,)
            used += len(KERNELS) * int(count)
        return cls(centre, scale, dilations, counts, columns, np.floor(np.concatenate(biases)))

    def __call__(self, series: np.ndarray) -> np.ndarray:
        """(n, T, C) -> (n, features) float64 shares, from 0 to 1."""
        starts = range(0, len(series), CHUNK)
        return np.concatenate([self._shares(series[s : s + CHUNK]) for s in starts])

    def rounded(self, series: np.ndarray) -> np.ndarray:
        """(n, T, C) float32 whole numbers below 2^24 / (15 * MAX_COLUMNS)."""
        scaled = (np.asarray(series, np.float64) - self.centre) / self.scale
        return np.round(np.clip(scaled, -LIMIT, LIMIT) * UNIT).astype(np.float32)

    def matrix(self, number: int) -> np.ndarray:
        """(9 C, 84) weights of a dilation's kernels, for the nine shifted copies of a series."""
        weights = np.full((WEIGHTS, len(KERNELS)), -1, np.float32)
        weights[KERNELS.T, np.arange(len(KERNELS))] = 2
        summed = self.columns[number].T.astype(np.float32)  # (C, 84)
        return (weights[:, None] * summed).reshape(-1, len(KERNELS))

    def convolve(self, rounded: np.ndarray, number: int) -> np.ndarray:
        """(n, T, 84), with zeros around the series."""
        reach, steps = WEIGHTS // 2 * int(self.dilations[number]), rounded.shape[1]
        padded = np.pad(rounded, [(0, 0), (reach, reach), (0, 0)])
        starts = int(self.dilations[number]) * np.arange(WEIGHTS)
        shifted = np.concatenate([padded[:, s : s + steps] for s in starts], axis=2)
        return shifted @ self.matrix(number)

    def inside(self, number: int, steps: int) -> slice:
        """The steps at which no zero around the series is read."""
        reach = WEIGHTS // 2 * int(self.dilations[number])
        return slice(reach, steps - reach)

    @staticmethod
    def is_padded(number: int) -> np.ndarray:
        """(84,) bool: kernels that are counted at all steps; the others only inside."""
        return (number + np.arange(len(KERNELS))) % 2 == 0

    def biases_of(self, number: int) -> np.ndarray:
        """(84, q)."""
        begin = len(KERNELS) * int(self.counts[:number].sum())
        count = int(self.counts[number])
        return self.biases[begin : begin + len(KERNELS) * count].reshape(len(KERNELS), count)

    def _shares(self, series: np.ndarray) -> np.ndarray:
        rounded = self.rounded(series)
        parts = []
        for number in range(len(self.dilations)):
            outputs = np.ascontiguousarray(self.convolve(rounded, number).transpose(2, 0, 1))
            inside, biases = self.inside(number, series.shape[1]), self.biases_of(number)
            for kernel, padded in enumerate(self.is_padded(number)):
                values = outputs[kernel] if padded else outputs[kernel][:, inside]
                for bias in biases[kernel].astype(np.float32):
                    parts.append(np.count_nonzero(values > bias, axis=1) / values.shape[1])
        return np.stack(parts, axis=1)


def dilations_of(steps: int, features: int) -> tuple[np.ndarray, np.ndarray]:
    """(dilations, biases of a kernel with each), as in the paper's code.

    Dilations are powers of two with exponents evenly between 0 and the largest at which a kernel
    is not longer than the series; those that round down to the same whole number are one, with more
    biases.
    """
    per_kernel = max(1, features // len(KERNELS))
    most = min(per_kernel, MAX_DILATIONS)
    exponents = np.linspace(0, np.log2((steps - 1) / (WEIGHTS - 1)), most)
    dilations, counts = np.unique((2**exponents).astype(int), return_counts=True)
    counts = (counts * (per_kernel / most)).astype(int)
    for number in range(per_kernel - int(counts.sum())):
        counts[number % len(counts)] += 1
    return dilations, counts


def _columns(rng: np.random.Generator, width: int) -> np.ndarray:
    """(84, C) bool: at most MAX_COLUMNS for each kernel, few more often than many."""
    most = min(width, MAX_COLUMNS)
    is_large = np.zeros((len(KERNELS), width), bool)
    for row in is_large:
        size = int(2 ** rng.uniform(0, np.log2(most + 1)))
        row[rng.choice(width, size, replace=False)] = True
    return is_large
