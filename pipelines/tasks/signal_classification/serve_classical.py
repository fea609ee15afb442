"""Classical models of windows in TensorFlow: the same answers as numpy's.

In double precision as there; MiniRocket's sums are of whole numbers, so its shares are equal.
Shapes: B windows, T steps, C columns, F frames, d features.
"""

import numpy as np
import tensorflow as tf

from models.classical.signal_classifiers import BandForest, RocketRidge, SignalClassifier
from pipelines.classical import spectra
from pipelines.classical.minirocket import KERNELS, LIMIT, UNIT, WEIGHTS, MiniRocket
from pipelines.classical.signal_features import SMALLEST_DEVIATION, BandFeatures, Series
from pipelines.classical.spectra import Frames
from pipelines.evaluation.tf_classifier import GraphOneVsRest
from pipelines.evaluation.tf_forest import GraphForest


class GraphBandForest(tf.Module):
    """`BandForest` in the graph: (B, T, C) float32 -> (B, classes) float64 probabilities."""

    def __init__(self, method: BandForest):
        super().__init__()
        self.features, self.forest = method.features, GraphForest(method.forest)

    def __call__(self, signal):
        votes = tf.cast(self.forest(band_features(signal, self.features)), tf.float64)
        return votes / tf.reduce_sum(votes, axis=1, keepdims=True)


class GraphRocketRidge(tf.Module):
    """`RocketRidge` in the graph."""

    def __init__(self, method: RocketRidge):
        super().__init__()
        self.series, self.rocket = method.series, GraphMiniRocket(method.rocket)
        self.classifier, self.calibration = GraphOneVsRest(method.classifier), method.calibration

    def __call__(self, signal):
        margins, _ = self.classifier(self.rocket(series(signal, self.series)))
        log_odds = margins * self.calibration.slopes + self.calibration.intercepts
        return tf.nn.softmax(log_odds)


class GraphMiniRocket(tf.Module):
    """`MiniRocket` in the graph: (B, T, C) float64 -> (B, d) float64."""

    def __init__(self, rocket: MiniRocket):
        super().__init__()
        self.rocket = rocket

    def __call__(self, values):
        rocket = self.rocket
        scaled = (values - rocket.centre) / rocket.scale
        rounded = tf.cast(tf.round(tf.clip_by_value(scaled, -LIMIT, LIMIT) * UNIT), tf.float32)
        return tf.concat(
            [self._shares(rounded, number) for number in range(len(rocket.dilations))], axis=1
        )

    def _shares(self, rounded, number: int):
        """Of one dilation: (B, 84 q), the biases of a kernel one behind the other."""
        rocket, steps = self.rocket, rounded.shape[1]
        reach = WEIGHTS // 2 * int(rocket.dilations[number])
        padded = tf.pad(rounded, [[0, 0], [reach, reach], [0, 0]])
        starts = (int(rocket.dilations[number]) * np.arange(WEIGHTS)).tolist()
        shifted = tf.concat([padded[:, s : s + steps] for s in starts], axis=2)
        outputs = shifted @ tf.constant(rocket.matrix(number))  # (B, T, 84)
        inside, everywhere = rocket.inside(number, steps), rocket.is_padded(number)
        shares = []
        for biases in rocket.biases_of(number).T.astype(np.float32):  # (84,), one of each kernel
            above = tf.cast(outputs > biases, tf.float64)
            all_steps = tf.reduce_sum(above, axis=1) / steps
            some = tf.reduce_sum(above[:, inside], axis=1) / (inside.stop - inside.start)
            shares.append(tf.where(everywhere, all_steps, some))
        return tf.reshape(tf.stack(shares, axis=2), (-1, len(KERNELS) * len(shares)))


def series(signal, rule: Series):
    """`Series` in the graph."""
    values = tf.cast(signal, tf.float64)
    return values if rule.frames is None else log_mel(values[..., 0], rule.frames)


def log_mel(values, frames: Frames):
    """`spectra.log_mel` in the graph: (B, T) float64 -> (B, F, bands)."""
    cut = tf.signal.frame(values, frames.size, frames.hop)
    spectrum = tf.signal.rfft(cut * frames.window)
    power = tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))
    return tf.math.log(power @ tf.constant(spectra.mel_filters(frames)) + spectra.SMALLEST)


def band_features(signal, rule: BandFeatures):
    """`BandFeatures` in the graph: (B, T, C) float32 -> (B, d) float32."""
    x = tf.cast(signal, tf.float64)
    mean = tf.reduce_mean(x, axis=1)
    centred = x - mean[:, None]
    deviation = tf.sqrt(tf.reduce_mean(tf.square(centred), axis=1))
    unit = centred / tf.maximum(deviation, SMALLEST_DEVIATION)[:, None]
    first, second = np.triu_indices(signal.shape[2], 1)
    pairs = tf.gather(unit, first, axis=2) * tf.gather(unit, second, axis=2)
    parts = [
        mean, deviation, tf.reduce_mean(unit**3, axis=1), tf.reduce_mean(unit**4, axis=1),
        tf.reduce_min(x, axis=1), tf.reduce_max(x, axis=1),
        tf.reduce_mean(tf.abs(x[:, 1:] - x[:, :-1]), axis=1), tf.reduce_mean(pairs, axis=1),
    ]  # fmt: skip
    for column in range(signal.shape[2]):
        bands = log_mel(x[..., column], rule.frames)
        parts += [tf.reduce_mean(bands, axis=1), tf.math.reduce_std(bands, axis=1)]
    return tf.cast(tf.concat(parts, axis=1), tf.float32)


GRAPHS = {BandForest: GraphBandForest, RocketRidge: GraphRocketRidge}


def classical_model(estimator: SignalClassifier) -> GraphBandForest | GraphRocketRidge:
    """The method that answers, as a `WindowModel`."""
    return GRAPHS[type(estimator.best)](estimator.best)
