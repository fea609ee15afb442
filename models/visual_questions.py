"""Visual question answering: an image and a question become one of the known answers.

References: Antol et al., "VQA: Visual Question Answering", ICCV 2015,
https://arxiv.org/abs/1505.00468, for the product of both vectors; Zhou et al., "Simple Baseline for
Visual Question Answering", 2015, https://arxiv.org/abs/1512.02167, for their concatenation; Yang et
al., "Stacked Attention Networks for Image Question Answering", CVPR 2016,
https://arxiv.org/abs/1511.02274, for attention to the image that is guided by the question.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import keras
from keras import layers

from models.layers import (
    ImageAttention,
    LearnedPositions,
    MaskedMaxPooling,
    MaskedMeanPooling,
    RepeatRows,
)
from models.layers.image_stages import image_stages
from models.layers.text_inputs import embed_tokens
from pipelines.config.errors import UserError, one_of
from pipelines.spec import DataSpec

NORM_GROUPS = 8  # of channels, which are normalised together
FUSIONS = ("product", "concatenation", "cross_attention")
ENCODERS = ("bag_of_words", "gru")


def visual_question_answerer(
    spec: DataSpec,
    *,
    fusion: Literal["product", "concatenation", "cross_attention"] = "cross_attention",
    question_encoder: Literal["bag_of_words", "gru"] = "gru",
    filters: Sequence[int] = (16, 32, 64),
    hidden_dim: int = 64,
    num_heads: int = 4,
    dropout: float = 0.2,
    augment: Mapping[str, float] | None = None,
) -> keras.Model:
    """A convolutional encoder of the image, an encoder of the question, and what joins the two.

    The image's encoder has stages of conv -> group normalisation (Wu and He 2018,
    https://arxiv.org/abs/1803.08494) -> relu -> 2 x 2 max pooling, and gives S cells. Without the
    normalisation it learned the frequencies of the answers alone on scenes of digits. The
    question's gives a state to every word, h_t, and the vector q of them all. Then

        product          z = [relu(W v) * relu(U q), q],  v all cells side by side
        concatenation    z = [relu(W v), q]
        cross_attention  z = [mean over t of norm(h_t + attention(h_t, cells)), q]

    and a hidden layer and the logits of the answers follow. A product lets the question choose
    which features of the image count, which the hidden layer must learn behind a concatenation; in
    both of them the image is one vector. With cross-attention every word looks for its own place.

    Inputs: image (B, H, W, C) uint8 and words (B, T) token ids. Output: (B, outputs) logits. In
    training a batch may hold fewer images than questions, see layers/shared_images.py.

    Differs from the papers: the image's encoder is small and trained with the rest, not pretrained.
    Antol et al. multiply tanh(W v) and tanh(U q), without q beside them; here such a product, whose
    factors have both signs, learned no more than the question alone (easy-VQA, three epochs).
    Yang et al. attend with the whole question, one after another; here each word does, at once.

    Args:
        spec: of a data set of questions about images.
        fusion: how image and question are joined.
        question_encoder: bag_of_words, the mean of word vectors, which ignores their order; or a
            bidirectional GRU (Cho et al. 2014), whose state at a word depends on all words.
        filters: of each stage; its length is the number of stages.
        hidden_dim: D, of words, cells, W v, q and the hidden layer.
        num_heads: of cross-attention; they divide hidden_dim.
        dropout: rate on z and on the hidden layer.
        augment: arguments of `RandomAugmentation` (layers/augmentation.py), where no answer depends
            on what they change.

    Raises:
        UserError: an unknown fusion or encoder, an odd hidden_dim of a GRU.
    """
    _require("fusion", fusion, FUSIONS)
    _require("question_encoder", question_encoder, ENCODERS)
    image = spec.inputs["image"]
    images = keras.Input(image.shape, dtype=image.dtype, name="image")
    features = image_stages(images, filters, augment, _over_channels)  # (I, h, w, F)
    ids, states, question = _question(spec, question_encoder, hidden_dim)
    if fusion == "cross_attention":
        cells = layers.Reshape((-1, features.shape[-1]))(features)
        cells = LearnedPositions(name="positions")(layers.Dense(hidden_dim, name="cells")(cells))
        attended = ImageAttention(hidden_dim, num_heads, name="image_attention")(states, cells)
        tokens = layers.LayerNormalization(name="norm")(layers.Add()([states, attended]))
        joined = layers.Concatenate()([MaskedMeanPooling()(tokens, ids), question])
    else:
        vector = layers.Dense(hidden_dim, "relu", name="image_vector")(layers.Flatten()(features))
        vector = RepeatRows()(vector, ids)  # (B, D)
        if fusion == "product":
            gate = layers.Dense(hidden_dim, "relu", name="question_vector")(question)
            vector = layers.Multiply()([vector, gate])
        joined = layers.Concatenate()([vector, question])
    x = layers.Dropout(dropout)(joined)
    x = layers.Dense(hidden_dim, activation="relu", name="hidden")(x)
    logits = layers.Dense(spec.outputs, name="logits")(layers.Dropout(dropout)(x))
    return keras.Model({"image": images, "words": ids}, logits, name="visual_question_answerer")


def _over_channels(channels: int, name: str) -> layers.Layer:
    """Not over the batch, in which all images have equally many questions: its statistics are not
    those of the images that are predicted."""
    return layers.GroupNormalization(math.gcd(NORM_GROUPS, channels), name=name)


def _question(spec: DataSpec, encoder: str, hidden_dim: int):
    """Ids (B, T), states of the words (B, T, D) and the vector of them all (B, D)."""
    has_states = encoder == "gru"
    ids, words = embed_tokens(
        "words", spec.inputs["words"], hidden_dim, word_dropout=0.0, mask_zero=has_states
    )
    if not has_states:
        return ids, words, MaskedMeanPooling()(words, ids)
    if hidden_dim % 2:
        raise UserError(
            "hidden-dim-odd", "half of it is the state of each direction of the GRU; make it even",
            key="build.hidden_dim", value=hidden_dim,
        )  # fmt: skip
    gru = layers.GRU(hidden_dim // 2, return_sequences=True)
    states = layers.Bidirectional(gru, name="question_gru")(words)  # (B, T, D)
    return ids, states, MaskedMaxPooling()(states, ids)


def _require(key: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UserError(
            f"{key.replace('_', '-')}-unknown", f"no such {key}; {one_of(value, choices)}",
            key=f"build.{key}", value=value,
        )  # fmt: skip
