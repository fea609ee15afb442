"""Image captioning: a convolutional encoder, and a decoder that looks at the image word by word.

One image in, many words out. References: Vinyals et al., "Show and Tell: A Neural Image Caption
Generator", CVPR 2015, https://arxiv.org/abs/1411.4555, for an encoder of images and a decoder of
words trained as one; Xu et al., "Show, Attend and Tell", ICML 2015,
https://arxiv.org/abs/1502.03044, for attention to a grid of features.
"""

from collections.abc import Mapping, Sequence

import keras
from keras import layers

from models.layers import LearnedPositions, RecurrentCaptioner, TransformerCaptioner
from models.layers.attention import head_dim
from models.layers.image_stages import image_stages
from pipelines.spec import DataSpec

# The task (pipelines/tasks/captioning) looks for the layers by these names.
CELLS, CAPTIONER = "cells", "captioner"


def attention_captioner(
    spec: DataSpec,
    *,
    filters: Sequence[int] = (24, 48, 64),
    hidden_dim: int = 64,
    embedding_dim: int = 64,
    units: int = 96,
    dropout: float = 0.2,
    augment: Mapping[str, float] | None = None,
) -> keras.Model:
    """Show, Attend and Tell: a GRU that attends softly to a grid of image features.

    Stages of conv -> batch normalisation -> relu -> 2 x 2 max pooling give a cell for each part of
    the image. Before each word the decoder computes from its state how much each cell counts; see
    `RecurrentCaptioner` (layers/recurrent_captioner.py) for its equations. Training uses teacher
    forcing: the decoder reads the right words so far, not its own. Captions are then found by beam
    search.

    Inputs: image (I, H, W, C) uint8 and caption_in (B, T) ids. Output: (B, T, V) logits. In
    training a batch has several captions of each image, which is encoded once.

    Differs from the paper: the encoder is small and trained with the rest, where they have the
    features of a pretrained VGG network; a position of its own is added to each cell; and as for
    the layer.

    Args:
        spec: of a data set of captioned images.
        filters: of each stage; its length is the number of stages.
        hidden_dim: D, numbers of a cell.
        embedding_dim: E, dimension of a token's vector.
        units: U, of the GRU's state.
        dropout: rate on tokens' vectors and before the output layer.
        augment: arguments of `RandomAugmentation` (layers/augmentation.py), where no caption
            depends on what they change.
    """
    decoder = RecurrentCaptioner(spec.outputs, embedding_dim, units, dropout, name=CAPTIONER)
    return _captioner(spec, filters, hidden_dim, augment, decoder, "attention_captioner")


def transformer_captioner(
    spec: DataSpec,
    *,
    filters: Sequence[int] = (24, 48, 64),
    hidden_dim: int = 64,
    num_heads: int = 4,
    depth: int = 2,
    mlp_dim: int = 128,
    dropout: float = 0.1,
    augment: Mapping[str, float] | None = None,
) -> keras.Model:
    """A Transformer decoder (Vaswani et al. 2017) on a grid of image features.

    The encoder is that of `attention_captioner`. Each block of the decoder has causal
    self-attention, attention to the cells and a feed-forward network; in training all positions are
    computed at once.

    Inputs: image (I, H, W, C) uint8 and caption_in (B, T) ids. Output: (B, T, V) logits.

    Differs from the paper: the encoder is convolutional, and has no self-attention; layer
    normalisation before each sub-layer.

    Args:
        spec: of a data set of captioned images.
        filters: of each stage; its length is the number of stages.
        hidden_dim: D, of cells, tokens and blocks; even, and a multiple of num_heads.
        num_heads: heads of each attention.
        depth: number of blocks.
        mlp_dim: units of the feed-forward networks' hidden layers.
        dropout: rate on tokens' vectors and on the output of each sub-layer.
        augment: arguments of `RandomAugmentation` (layers/augmentation.py), where no caption
            depends on what they change.

    Raises:
        UserError: hidden_dim is odd or not a multiple of num_heads.
    """
    head_dim(hidden_dim, num_heads)
    decoder = TransformerCaptioner(
        spec.outputs, num_heads, depth, mlp_dim, dropout, name=CAPTIONER
    )  # fmt: skip
    return _captioner(spec, filters, hidden_dim, augment, decoder, "transformer_captioner")


def _captioner(
    spec: DataSpec, filters: Sequence[int], hidden_dim: int, augment: Mapping[str, float] | None,
    decoder: layers.Layer, name: str,
) -> keras.Model:  # fmt: skip
    image, ids = spec.inputs["image"], spec.inputs["caption_in"]
    images = keras.Input(image.shape, dtype=image.dtype, name="image")
    caption_in = keras.Input(ids.open_shape, dtype=ids.dtype, name="caption_in")
    cells = _cells(images, filters, hidden_dim, augment)  # (I, S, D)
    logits = decoder(cells, caption_in)  # (B, T, V)
    return keras.Model({"image": images, "caption_in": caption_in}, logits, name=name)


def _cells(images, filters: Sequence[int], dim: int, augment: Mapping[str, float] | None):
    """(I, H, W, C) -> (I, S, D), each side halved by every stage, row by row."""
    x = image_stages(images, filters, augment, _over_batch)
    x = layers.Dense(dim, name="project")(layers.Reshape((-1, x.shape[-1]))(x))
    return layers.LayerNormalization(name=CELLS)(LearnedPositions(name="positions")(x))


def _over_batch(channels: int, name: str) -> layers.Layer:
    return layers.BatchNormalization(momentum=0.9, name=name)
