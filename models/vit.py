"""Vision Transformer.

References: Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition
at Scale", ICLR 2021, https://arxiv.org/abs/2010.11929. Mean pooling: Beyer, Zhai and Kolesnikov,
"Better plain ViT baselines for ImageNet-1k", 2022, https://arxiv.org/abs/2205.01580. Convolutional
stem: Hassani et al., "Escaping the Big Data Paradigm with Compact Transformers", 2021,
https://arxiv.org/abs/2104.05704; Xiao et al., "Early Convolutions Help Transformers See Better",
NeurIPS 2021, https://arxiv.org/abs/2106.14881.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import keras
from keras import layers

from models.layers import ClassToken, LearnedPositions, Patches
from models.layers.attention import head_dim
from models.layers.augmentation import augment_images
from models.layers.transformer_blocks import branch_input, branch_sum
from pipelines.config.errors import UserError
from pipelines.spec import DataSpec

EPSILON = 1e-6


def vit(
    spec: DataSpec,
    *,
    patch_size: int = 4,
    hidden_dim: int = 64,
    depth: int = 4,
    num_heads: int = 4,
    mlp_dim: int | None = None,
    pooling: Literal["token", "mean"] = "token",
    head_units: int | None = None,
    norm_first: bool = True,
    patchify: Literal["reshape", "convolution"] = "reshape",
    stem: Sequence[int] = (),
    dropout: float = 0.1,
    augment: Mapping[str, float] | None = None,
) -> keras.Model:
    """Transformer encoder on image patches, after Dosovitskiy et al. 2021.

    Patch embedding: the image is cut into squares of P x P pixels, and one linear map turns each
    into a token of hidden_dim numbers. Learned position embeddings are added, since attention does
    not know the order of its inputs. Each of `depth` blocks is multi-head self-attention,
    softmax(Q K^T / sqrt(d)) V with d = hidden_dim / num_heads, and a feed-forward network, both as
    pre-norm residual branches, x + f(norm(x)). The class token's output, or the mean of all
    tokens, is classified by a linear layer, or by a multilayer perceptron.

    Input: the spec's only field, (B, H, W, C) uint8. Output: (B, outputs) logits. ViT-B/16 is
    patch_size 16, hidden_dim 768, depth 12, num_heads 12: 86,567,656 parameters for 224 x 224 x 3
    and 1,000 classes.

    Differs from the paper: the last layer starts from Keras's default instead of zeros; optional
    mean pooling, convolutional stem, post-norm, and rectifiers in the head (the authors' code has
    tanh).

    Args:
        spec: of an image classification data set.
        patch_size: P; it divides height and width, after the stem.
        hidden_dim: D, dimension of a token; a multiple of num_heads.
        depth: number of encoder blocks.
        num_heads: heads of each attention.
        mlp_dim: units of the feed-forward networks' hidden layers; null for 4 hidden_dim.
        pooling: "token" classifies a learned class token, as in the paper; "mean" the mean.
        head_units: of a hidden layer with rectifiers between those features and the logits; null
            for none. The paper has one in pre-training, none in fine-tuning.
        norm_first: layer normalisation before each sub-layer, as in the paper (pre-norm); otherwise
            norm(x + f(x)), as in the first Transformer (post-norm), which needs warm-up.
        patchify: "reshape" and a dense layer, or an equivalent "convolution" with stride P.
        stem: filters of convolutions before the patches, each 3 x 3 with batch normalisation, relu
            and pooling by 2 (a hybrid, section 3.1 of the paper). Convolutions know that
            neighbouring pixels belong together, which small data sets do not teach a plain ViT.
        dropout: rate on embeddings, attention weights, hidden layers and residual branches.
        augment: arguments of `RandomAugmentation` (layers/augmentation.py).

    Raises:
        UserError: patch_size does not divide the image, or num_heads does not divide hidden_dim.
    """
    ((name, field),) = spec.inputs.items()
    _check_patch_size(patch_size, field.shape, len(stem))
    head_dim(hidden_dim, num_heads)  # raises before anything is built
    images = keras.Input(field.shape, dtype=field.dtype, name=name)
    x = layers.Rescaling(1 / 127.5, -1.0, name="scale")(augment_images(images, augment))
    for number, filters in enumerate(stem, start=1):
        x = _convolution(x, filters, f"stem{number}")  # (B, H/2, W/2, filters)
    x = _patch_embedding(x, patch_size, hidden_dim, patchify)  # (B, T, D), T = H/P * W/P
    if pooling == "token":
        x = ClassToken(name="class_token")(x)  # (B, 1 + T, D)
    x = layers.Dropout(dropout)(LearnedPositions(name="positions")(x))
    for number in range(1, depth + 1):
        sizes = (num_heads, mlp_dim or 4 * hidden_dim)
        x = _block(x, *sizes, dropout, norm_first, f"block{number}")
    if norm_first:
        x = layers.LayerNormalization(epsilon=EPSILON, name="norm")(x)
    x = x[:, 0] if pooling == "token" else layers.GlobalAveragePooling1D(name="mean")(x)  # (B, D)
    if head_units is not None:
        x = layers.Dense(head_units, activation="relu", name="head")(x)
    logits = layers.Dense(spec.outputs, name="logits")(x)
    return keras.Model({name: images}, logits, name="vit")


def _check_patch_size(patch_size: int, shape: tuple[int, ...], poolings: int) -> None:
    height, width = (_halved(side, poolings) for side in shape[:2])
    if height % patch_size or width % patch_size:
        raise UserError(
            "patch-size-mismatch",
            f"patches of {patch_size} x {patch_size} do not divide images of {height} x {width}"
            f"{' after the stem' if poolings else ''}; choose a divisor of both sides",
            key="build.patch_size", value=patch_size,
        )  # fmt: skip


def _halved(side: int, times: int) -> int:
    for _ in range(times):
        side = -(-side // 2)  # pooling pads an odd side
    return side


def _convolution(x, filters: int, name: str):
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    x = layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_norm")(x))
    return layers.MaxPooling2D(2, padding="same", name=f"{name}_pool")(x)


def _patch_embedding(x, patch_size: int, hidden_dim: int, patchify: str):
    """(B, H, W, C) -> (B, H/P * W/P, D)."""
    if patchify == "reshape":
        patches = Patches(patch_size, name="patches")(x)  # (B, T, P * P * C)
        return layers.Dense(hidden_dim, name="tokens")(patches)
    x = layers.Conv2D(hidden_dim, patch_size, patch_size, name="tokens")(x)  # (B, H/P, W/P, D)
    return layers.Reshape((-1, hidden_dim), name="patches")(x)


def _block(x, num_heads: int, mlp_dim: int, dropout: float, norm_first: bool, name: str):
    """(B, T, D) -> (B, T, D): self-attention, then a feed-forward network."""
    hidden_dim = x.shape[-1]
    norm1, norm2 = (
        layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_norm{number}") for number in (1, 2)
    )
    read = branch_input(x, norm1, norm_first)
    attended = layers.MultiHeadAttention(
        num_heads, hidden_dim // num_heads, dropout=dropout, name=f"{name}_attention"
    )(read, read)
    x = branch_sum(x, layers.Dropout(dropout)(attended), norm1, norm_first)
    read = branch_input(x, norm2, norm_first)
    hidden = layers.Dense(mlp_dim, activation="gelu", name=f"{name}_mlp1")(read)
    output = layers.Dense(hidden_dim, name=f"{name}_mlp2")(layers.Dropout(dropout)(hidden))
    return branch_sum(x, layers.Dropout(dropout)(output), norm2, norm_first)
