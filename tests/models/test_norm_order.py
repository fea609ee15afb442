"""Layer normalisation before or after each sub-layer of a Transformer's block."""

import keras
import numpy as np
import pytest

import models
from models.layers import CausalBlock, EncoderBlock
from tests.support.model_checks import image_spec

EPSILON = 1e-5  # of the norms
X = np.random.default_rng(1).normal(1, 3, (2, 5, 8)).astype(np.float32)  # (B, T, D)
MASK = np.ones((2, 5), bool)


def run(block, silent: bool = False) -> np.ndarray:
    """The block's output; `silent` sub-layers give zeros."""
    arguments = (X, MASK) if isinstance(block, EncoderBlock) else (X,)
    block.build(X.shape)
    if silent:
        for weight in (*block.self_attention.output_dense.weights, *block.mlp_out.weights):
            weight.assign(np.zeros(weight.shape))
    return np.array(block(*arguments))


def norm(x: np.ndarray) -> np.ndarray:
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + EPSILON)


@pytest.mark.parametrize("kind", [EncoderBlock, CausalBlock])
def test_the_order_by_hand(kind):
    """If the sub-layers give 0, pre-norm leaves x as it is, and post-norm normalises it twice."""
    np.testing.assert_array_equal(run(kind(2, 12, 0.0), silent=True), X)
    post = run(kind(2, 12, 0.0, norm_first=False), silent=True)
    np.testing.assert_allclose(post, norm(norm(X)), atol=1e-5)


@pytest.mark.parametrize("kind", [EncoderBlock, CausalBlock])
def test_a_post_norm_block_ends_normalised(kind):
    keras.utils.set_random_seed(1)
    for norm_first in (True, False):
        output = run(kind(2, 12, 0.0, norm_first=norm_first))
        ends_normalised = np.allclose(output.var(axis=-1), 1, atol=1e-3)
        assert ends_normalised != norm_first


def test_the_order_in_a_vision_transformer():
    """With sub-layers that give 0, tokens reach the head as the order says: the last norm of
    pre-norm, or two of each block, which leave what the first one has made."""
    sizes = {"patch_size": 4, "hidden_dim": 8, "depth": 2, "num_heads": 2, "pooling": "mean"}
    spec = image_spec(8, 8, 1, 3)
    keras.utils.set_random_seed(1)
    pre = models.build(spec, "vit", "vit", **sizes)
    post = models.build(spec, "vit", "vit", norm_first=False, **sizes)
    images = np.random.default_rng(2).integers(0, 256, (2, 8, 8, 1)).astype(np.uint8)
    outputs = []
    for model in (pre, post):
        for layer in ("tokens", "positions", "logits"):
            model.get_layer(layer).set_weights(pre.get_layer(layer).get_weights())
        for number in (1, 2):
            for branch in ("attention", "mlp2"):
                layer = model.get_layer(f"block{number}_{branch}")
                layer = getattr(layer, "output_dense", layer)
                layer.set_weights([np.zeros(weight.shape) for weight in layer.weights])
        outputs.append(np.array(model({"image": images})))
    np.testing.assert_allclose(*outputs, atol=1e-4)
