"""The weights that are drawn are those with which the classifier reads the text."""

import keras
import numpy as np

from models.layers import EncoderBlock
from models.transformer_classifier import transformer_classifier
from pipelines.tasks.text_classification import self_attention
from tests.support.model_checks import text_spec


def test_each_head_of_each_block_shares_out_its_attention():
    keras.utils.set_random_seed(1)
    model = transformer_classifier(
        text_spec(words=(8, 30)), hidden_dim=8, num_heads=2, depth=2, mlp_dim=8
    )
    ids = np.array([[3, 5, 7, 9]], np.int32)
    weights = self_attention.of_heads(model, ids)
    assert weights.shape == (2, 2, 4, 4)
    np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=1e-5)
    block = next(layer for layer in model.layers if isinstance(layer, EncoderBlock))
    # What the first block's attention gives is its values, mixed by these weights.
    x = keras.Model(model.inputs, block.input[0])([ids])
    read = block.before(x, block.norm_attention)
    keys, values = block.self_attention.project_kv(read)
    mixed = np.einsum("nts,snh->tnh", weights[0], np.array(values)[0])
    expected = block.self_attention.attention(read, keys, values, np.ones((1, 4, 4), bool))
    np.testing.assert_allclose(
        block.self_attention.output_dense(mixed[None].astype(np.float32)), expected, atol=1e-5
    )
