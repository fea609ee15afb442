"""Networks that read a signal as it is: readings of sensors, samples of a sound.

Input of all: signal (B, T, C), standardised with mean and standard deviation of train
(layers/sequence_inputs.py). Output: logits (B, classes). Recurrent networks and the temporal
convolutional network of recurrent_sequence_models.py and tcn.py read signals as well.
"""

from collections.abc import Sequence

import keras
from keras import layers, ops

from models.layers import EncoderBlock, SinePositions
from models.layers.sequence_inputs import read_sequence, total_steps
from pipelines.config.errors import UserError
from pipelines.spec import DataSpec


def signal_cnn(
    spec: DataSpec, *, filters: Sequence[int] = (32, 64, 128), kernel_size: int = 7, pool: int = 2,
    dropout: float = 0.3,
) -> keras.Model:  # fmt: skip
    """Convolutions along time, and the mean over time of what they find (FCN, Wang et al. 2017).

    Each block is Conv1D, batch normalisation, ReLU and max pooling. The mean over time makes the
    answer independent of where in the window a movement begins.

    Reference: "Time Series Classification from Scratch with Deep Neural Networks: A Strong
    Baseline", https://arxiv.org/abs/1611.06455. Differs from it: pooling after each block but the
    last, which makes deeper filters longer; dropout; fewer filters.

    Args:
        spec: of a data set of signals.
        filters: of each block.
        kernel_size: steps that a filter covers.
        pool: steps that become one after each block but the last.
        dropout: rate of whole channels after each block.

    Raises:
        UserError: pooling leaves no step.
    """
    steps = total_steps(spec)
    if pool ** (len(filters) - 1) > steps:
        raise UserError(
            "pooling-too-deep",
            f"{len(filters) - 1} times pooling by {pool} needs {pool ** (len(filters) - 1)} steps, "
            f"and a window has {steps}; use fewer filters or a smaller pool",
            key="build.pool", value=pool,
        )  # fmt: skip
    inputs, x = read_sequence(spec)  # (B, T, C)
    for number, count in enumerate(filters):
        x = layers.Conv1D(count, kernel_size, padding="same", use_bias=False,
                          name=f"conv{number}")(x)  # fmt: skip
        x = layers.ReLU(name=f"relu{number}")(layers.BatchNormalization(name=f"norm{number}")(x))
        if number < len(filters) - 1:
            x = layers.MaxPooling1D(pool, name=f"pool{number}")(x)
        x = layers.SpatialDropout1D(dropout, name=f"dropout{number}")(x)
    x = layers.GlobalAveragePooling1D(name="mean_over_time")(x)  # (B, filters[-1])
    return _classifier(spec, inputs, x, "signal_cnn")


def signal_transformer(
    spec: DataSpec, *, patch_steps: int = 8, hidden_dim: int = 64, num_heads: int = 4,
    depth: int = 2, mlp_dim: int = 128, dropout: float = 0.2,
) -> keras.Model:  # fmt: skip
    """Encoder blocks over patches of the signal, as a Vision Transformer has of an image.

    Reference: Nie et al., "A Time Series is Worth 64 Words", ICLR 2023,
    https://arxiv.org/abs/2211.14730. Differs from it: all columns of a patch are one token, since
    the axes of one sensor belong together; the mean over tokens is classified.

    Args:
        spec: of a data set of signals.
        patch_steps: steps of a patch; what is left of a window at its end is not read.
        hidden_dim: D, dimension of a token; a multiple of num_heads, and even.
        num_heads: heads of each attention.
        depth: number of encoder blocks.
        mlp_dim: units of the feed-forward networks' hidden layers.
        dropout: rate on each residual branch.

    Raises:
        UserError: a patch is longer than a window.
    """
    if patch_steps > total_steps(spec):
        raise UserError(
            "patch-too-long", f"a window has {total_steps(spec)} steps; use shorter patches",
            key="build.patch_steps", value=patch_steps,
        )  # fmt: skip
    inputs, x = read_sequence(spec)  # (B, T, C)
    x = layers.Conv1D(hidden_dim, patch_steps, patch_steps, name="tokens")(x)  # (B, N, D)
    x = SinePositions(name="positions")(x)
    every = ops.ones_like(x[..., 0], dtype="bool")  # (B, N)
    for number in range(depth):
        x = EncoderBlock(num_heads, mlp_dim, dropout, name=f"block{number}")(x, every)
    x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
    x = layers.GlobalAveragePooling1D(name="mean_over_tokens")(x)  # (B, D)
    return _classifier(spec, inputs, x, "signal_transformer")


def _classifier(spec: DataSpec, inputs, features, name: str) -> keras.Model:
    logits = layers.Dense(spec.outputs, name="logits")(features)
    return keras.Model({inputs.name: inputs}, logits, name=name)
