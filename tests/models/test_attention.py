"""Scaled dot-product attention by hand, heads, masks, and the waves that tell positions."""

import keras
import numpy as np
import pytest
from keras import ops

from models.layers import SinePositions
from models.layers.attention import CachedAttention

WORDS = ("Hi", "How", "are", "You")
# The course's scores Q K^T of four words with one another.
SCORES = np.array([[98, 27, 10, 12], [27, 89, 31, 67], [10, 31, 91, 54], [12, 67, 54, 92]])
ROWS, TOKENS, DIM, HEADS = 2, 5, 8, 2


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def layer() -> CachedAttention:
    keras.utils.set_random_seed(1)
    attention = CachedAttention(HEADS, DIM // HEADS)
    attention.build((None, None, DIM), (None, None, DIM))
    rng = np.random.default_rng(1)
    attention.set_weights([rng.normal(size=weight.shape) for weight in attention.get_weights()])
    return attention


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return np.random.default_rng(2).normal(size=(ROWS, TOKENS, DIM)).astype(np.float32)


def by_hand(layer, x: np.ndarray, mask: np.ndarray | None = None) -> tuple:
    """(B, T, D) output and (B, N, T, T) weights of self-attention, head by head."""
    (q, q_bias), (k, k_bias), (v, v_bias), (o, o_bias) = (
        [np.array(weight) for weight in dense.weights]
        for dense in (layer.query_dense, layer.key_dense, layer.value_dense, layer.output_dense)
    )
    heads, shares = [], []
    for n in range(HEADS):
        query, key, value = (
            x @ kernel[:, n] + bias[n] for kernel, bias in ((q, q_bias), (k, k_bias), (v, v_bias))
        )  # (B, T, H)
        scores = query @ key.swapaxes(1, 2) / np.sqrt(DIM // HEADS)  # (B, T, T)
        shares.append(softmax(scores if mask is None else np.where(mask, scores, -np.inf)))
        heads.append(shares[-1] @ value)
    concatenated = np.concatenate(heads, axis=-1)  # (B, T, N H)
    return concatenated @ o.reshape(-1, DIM) + o_bias, np.stack(shares, axis=1)


def test_heads_are_concatenated_and_projected(layer, x):
    """softmax(Q K^T / sqrt(d)) V of each head, side by side, times one matrix."""
    output, weights = layer(x, x, return_attention_scores=True)
    expected, shares = by_hand(layer, x)
    np.testing.assert_allclose(output, expected, atol=1e-4)
    np.testing.assert_allclose(weights, shares, atol=1e-5)
    assert np.abs(shares[:, 0] - shares[:, 1]).max() > 0.1  # each head looks elsewhere


def test_the_look_ahead_mask(layer, x):
    """<start> How are you: a lower triangle; the first sees itself alone."""
    triangle = np.tril(np.ones((TOKENS, TOKENS), bool))
    output, weights = layer(x, x, use_causal_mask=True, return_attention_scores=True)
    expected, shares = by_hand(layer, x, triangle)
    np.testing.assert_allclose(output, expected, atol=1e-4)
    np.testing.assert_allclose(weights, shares, atol=1e-5)
    weights = np.array(weights)
    assert (weights[..., ~triangle] == 0).all()
    np.testing.assert_allclose(weights[..., 0, 0], 1, rtol=1e-6)


@pytest.mark.parametrize("head_dim", [4, 64])
def test_the_scores_of_four_words(head_dim):
    """Divided by sqrt(d) and through a softmax they are shares; how looks at you next to itself."""
    layer = CachedAttention(1, head_dim, use_bias=False)
    layer.build((None, 4, 4), (None, 4, 4))
    wide = np.eye(4, head_dim)
    # Queries are the rows of scores and keys those of the identity, so Q K^T are the scores.
    layer.set_weights([wide[:, None], wide[:, None], wide[:, None], wide.T[None]])
    queries, keys = SCORES[None].astype(np.float32), np.eye(4, dtype=np.float32)[None]
    output, weights = layer(queries, keys, return_attention_scores=True)
    weights = np.array(weights)[0, 0]
    np.testing.assert_allclose(weights, softmax(SCORES / np.sqrt(head_dim)), atol=1e-6)
    np.testing.assert_allclose(output[0], weights, atol=1e-6)  # the values are the identity
    order = np.argsort(-weights, axis=1)
    assert [WORDS[i] for i in order[:, 0]] == list(WORDS)
    assert [WORDS[i] for i in order[:, 1]] == ["How", "You", "You", "How"]
    # With 64 dimensions, as in the paper, the second has a share that can be seen.
    if head_dim == 64:
        assert weights[1] == pytest.approx([0.000, 0.939, 0.001, 0.060], abs=5e-4)
        assert weights[3] == pytest.approx([0.000, 0.042, 0.008, 0.950], abs=5e-4)


def test_the_waves_are_those_of_the_slides_in_another_order_of_channels():
    """PE(k, 2i) = sin(k / 10000^(2i/d)) and PE(k, 2i+1) = cos(same), there interleaved."""
    width, length = 6, 50
    positions, i = np.arange(length)[:, None], np.arange(width // 2)
    angles = positions / 10000 ** (2 * i / width)
    interleaved = np.empty((length, width))
    interleaved[:, 0::2], interleaved[:, 1::2] = np.sin(angles), np.cos(angles)
    ours = ops.convert_to_numpy(SinePositions()(np.zeros((1, length, width), np.float32)))[0]
    order = np.arange(width).reshape(2, -1).T.ravel()  # 0, 3, 1, 4, 2, 5
    np.testing.assert_allclose(ours[:, order], interleaved, atol=1e-5)


def test_positions_are_added_to_the_embedding():
    embedded = np.random.default_rng(1).normal(size=(2, 7, 4)).astype(np.float32)
    waves = SinePositions()(np.zeros_like(embedded))
    np.testing.assert_allclose(SinePositions()(embedded), embedded + waves, atol=1e-6)
    assert np.array(waves)[0, 0] == pytest.approx([0, 0, 1, 1])  # sin 0 and cos 0
