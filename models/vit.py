"""The Vision Transformer: a picture is a sentence of patches.

Reference: Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at
Scale", ICLR 2021. The stem: Hassani et al., "Escaping the Big Data Paradigm with Compact
Transformers", 2021; Xiao et al., "Early Convolutions Help Transformers See Better", NeurIPS 2021.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import keras
from keras import layers

from models.layers import ClassToken, LearnedPositions, Patches
from models.layers.pictures import varied
from pipelines.config.errors import UserError
from pipelines.spec import DataSpec

EPSILON = 1e-6


def vit(
    spec: DataSpec,
    *,
    patch: int = 4,
    width: int = 64,
    depth: int = 4,
    heads: int = 4,
    mlp_width: int | None = None,
    pool: Literal["token", "mean"] = "token",
    patchify: Literal["reshape", "convolution"] = "reshape",
    stem: Sequence[int] = (),
    dropout: float = 0.1,
    augment: Mapping[str, float] | None = None,
) -> keras.Model:
    """Squares of `patch` pixels are projected to tokens; every token looks at every other one,
    `depth` times over; one of them, or their mean, is classified.

    Input: the spec's only field, (B, H, W, C) uint8, H and W multiples of `patch` after the stem
    (UserError otherwise). Output: (B, outputs) logits. `patchify` by reshaping and a dense layer or
    by a convolution with stride: the same numbers in another order. mlp_width: by default 4 width.
    pool: a learned class token, as in the paper, or the mean of the patches (Beyer, Zhai and
    Kolesnikov, "Better plain ViT baselines", 2022). Blocks normalise first. ViT-B/16 is patch 16,
    width 768, depth 12, heads 12: 86,567,656 parameters at 224 x 224 x 3 and 1,000 classes.
    stem: filters of convolutions before the patches, which makes it a hybrid (section 3.1): each is
    3 x 3, normalised over the batch, rectified and pooled by 2. They know that neighbouring pixels
    belong together, which a plain one must learn, and small data sets do not teach it.
    Differs from the paper: the last layer has Keras's ordinary start instead of zeros.
    """
    ((name, field),) = spec.inputs.items()
    height, across = (_stemmed(side, len(stem)) for side in field.shape[:2])
    if height % patch or across % patch or width % heads:
        raise UserError(
            f"vit: pictures of {height} x {across}{' after the stem' if stem else ''} need a "
            f"patch that divides both sides (found {patch}), and width {width} a number of heads "
            f"that divides it ({heads})"
        )
    pictures = keras.Input(field.shape, dtype=field.dtype, name=name)
    x = layers.Rescaling(1 / 127.5, -1.0, name="scale")(varied(pictures, augment))
    for number, filters in enumerate(stem, start=1):
        x = _convolution(x, filters, f"stem{number}")
    x = _tokens(x, patch, width, patchify)
    if pool == "token":
        x = ClassToken(name="class_token")(x)
    x = layers.Dropout(dropout)(LearnedPositions(name="positions")(x))
    for number in range(1, depth + 1):
        x = _block(x, width, heads, mlp_width or 4 * width, dropout, f"block{number}")
    x = layers.LayerNormalization(epsilon=EPSILON, name="norm")(x)
    x = x[:, 0] if pool == "token" else layers.GlobalAveragePooling1D(name="mean")(x)
    logits = layers.Dense(spec.outputs, name="logits")(x)
    return keras.Model({name: pictures}, logits, name="vit")


def _stemmed(side: int, times: int) -> int:
    for _ in range(times):
        side = -(-side // 2)
    return side


def _convolution(x, filters: int, name: str):
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    x = layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_norm")(x))
    return layers.MaxPooling2D(2, padding="same", name=f"{name}_pool")(x)


def _tokens(x, patch: int, width: int, patchify: str):
    if patchify == "reshape":
        return layers.Dense(width, name="tokens")(Patches(patch, name="patches")(x))
    x = layers.Conv2D(width, patch, patch, name="tokens")(x)
    return layers.Reshape((-1, width), name="patches")(x)


def _block(x, width: int, heads: int, mlp_width: int, dropout: float, name: str):
    seen = layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_norm1")(x)
    seen = layers.MultiHeadAttention(
        heads, width // heads, dropout=dropout, name=f"{name}_attention"
    )(seen, seen)
    x = layers.Add(name=f"{name}_add1")([x, layers.Dropout(dropout)(seen)])
    thought = layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_norm2")(x)
    thought = layers.Dense(mlp_width, activation="gelu", name=f"{name}_mlp1")(thought)
    thought = layers.Dense(width, name=f"{name}_mlp2")(layers.Dropout(dropout)(thought))
    return layers.Add(name=f"{name}_add2")([x, layers.Dropout(dropout)(thought)])
