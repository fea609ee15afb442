"""Networks that read the log-mel spectrum of a signal: an image whose axes are time and pitch.

The spectrum is computed in the network (layers/log_mel.py), so a client sends samples. Its mean
over time and bands is subtracted and its deviation divided out, window by window: how loud a
recording is does not matter. Input: signal (B, T, C). Output: logits (B, classes).
"""

from collections.abc import Sequence

import keras
from keras import layers

from models.layers.log_mel import LogMel
from pipelines.classical import spectra
from pipelines.config.errors import UserError
from pipelines.spec import DataSpec

QUIET = 1e-3  # variance of a spectrum that is the same everywhere


def log_mel_cnn(
    spec: DataSpec, *, bands: int = 40, filters: Sequence[int] = (16, 32, 64, 64),
    dropout: float = 0.3,
) -> keras.Model:  # fmt: skip
    """Convolutions over time and pitch, and the mean over time of what they find.

    Each block is Conv2D of 3 x 3, batch normalisation, ReLU, and max pooling by 2 along both axes.
    When something sounds does not matter, its pitch does: the mean is over time alone.

    Reference: Hershey et al., "CNN Architectures for Large-Scale Audio Classification", ICASSP
    2017, https://arxiv.org/abs/1609.09430. Differs from it: the size, the normalisation of each
    window, and the mean over time, where there it is over both axes.

    Args:
        spec: of a data set of signals.
        bands: of the mel spectrum, at most.
        filters: of each block.
        dropout: rate of whole maps after each block, and of the features.

    Raises:
        UserError: pooling leaves nothing.
    """
    inputs, x = _spectrum(spec, bands)
    x = _blocks(x, filters, dropout, pool=(2, 2))
    x = _by_frame(x)  # (B, F', bands' * filters[-1])
    x = layers.GlobalAveragePooling1D(name="mean_over_time")(x)
    return _classifier(spec, inputs, x, dropout, "log_mel_cnn")


def log_mel_crnn(
    spec: DataSpec, *, bands: int = 40, filters: Sequence[int] = (16, 32, 48), units: int = 40,
    dropout: float = 0.3,
) -> keras.Model:  # fmt: skip
    """Convolutions, and a GRU that reads what they find frame by frame (Choi et al. 2017).

    Pooling shortens time in the first block alone, so that the GRU sees the order of sounds.

    Reference: "Convolutional Recurrent Neural Networks for Music Classification", ICASSP 2017,
    https://arxiv.org/abs/1609.04243. Differs from it: one recurrent layer, in both directions.

    Args:
        spec: of a data set of signals.
        bands: of the mel spectrum, at most.
        filters: of each block.
        units: of the GRU in each direction.
        dropout: rate of whole maps after each block, and of the features.

    Raises:
        UserError: pooling leaves nothing.
    """
    inputs, x = _spectrum(spec, bands)
    x = _blocks(x, filters[:1], dropout, pool=(2, 2))
    x = _blocks(x, filters[1:], dropout, pool=(1, 2), first=1)
    x = _by_frame(x)  # (B, F', bands' * filters[-1])
    x = layers.Bidirectional(layers.GRU(units), name="gru")(x)  # (B, 2 units)
    return _classifier(spec, inputs, x, dropout, "log_mel_crnn")


def _spectrum(spec: DataSpec, bands: int):
    """(input, normalised log-mel spectrum (B, F, bands, C))."""
    ((name, field),) = spec.inputs.items()
    frames = spectra.Frames.of(spec.task_metadata["rate_hz"], field.shape[0], bands)
    inputs = keras.Input(field.shape, dtype=field.dtype, name=name)
    layer = LogMel(frames.size, frames.hop, frames.bands, spectra.SMALLEST, name="log_mel")
    x = layer(inputs)
    layer.set_filters(spectra.mel_filters(frames))
    return inputs, layers.LayerNormalization(
        axis=[1, 2, 3], epsilon=QUIET, center=False, scale=False, name="loudness"
    )(x)


def _blocks(x, filters: Sequence[int], dropout: float, *, pool: tuple[int, int], first: int = 0):
    for number, count in enumerate(filters, first):
        if any(size < step for size, step in zip(x.shape[1:3], pool, strict=True)):
            raise UserError(
                "pooling-too-deep",
                f"after {number} blocks the spectrum is {x.shape[1]} x {x.shape[2]} and cannot be "
                "pooled again; use fewer filters or a longer window",
                key="build.filters", value=list(filters),
            )  # fmt: skip
        x = layers.Conv2D(count, 3, padding="same", use_bias=False, name=f"conv{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(layers.BatchNormalization(name=f"norm{number}")(x))
        x = layers.MaxPooling2D(pool, name=f"pool{number}")(x)
        x = layers.SpatialDropout2D(dropout, name=f"dropout{number}")(x)
    return x


def _by_frame(x):
    """(B, F', bands', filters) -> (B, F', bands' * filters)."""
    return layers.Reshape((x.shape[1], -1), name="frames")(x)


def _classifier(spec: DataSpec, inputs, x, dropout: float, name: str) -> keras.Model:
    x = layers.Dropout(dropout, name="dropout_features")(x)
    logits = layers.Dense(spec.outputs, name="logits")(x)
    return keras.Model({inputs.name: inputs}, logits, name=name)
