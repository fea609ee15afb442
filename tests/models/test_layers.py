"""Masking, pooling and word dropout, by numbers that can be computed by hand."""

import keras
import numpy as np
import pytest

from models.layers import MaskedMaxPooling, MaskPadding, WordDropout
from pipelines.config.errors import UserError

IDS = np.array([[5, 2, 0], [3, 0, 0], [0, 0, 0]], np.int32)
FEATURES = np.array(
    [
        [[1, -4], [-2, -3], [9, 9]],
        [[-1, 0.5], [7, 7], [8, 8]],
        [[6, 6], [6, 6], [6, 6]],
    ],
    np.float32,
)
LAYERS = [MaskPadding(name="a"), MaskedMaxPooling(name="b"), WordDropout(0.3, name="c")]


def test_mask_padding_by_hand():
    outputs = np.array(MaskPadding()(FEATURES, IDS))
    expected = [[[1, -4], [-2, -3], [0, 0]], [[-1, 0.5], [0, 0], [0, 0]], np.zeros((3, 2))]
    np.testing.assert_array_equal(outputs, np.array(expected))


def test_masked_max_pooling_by_hand():
    """The largest value of a token, even if all are negative and padding has 0 or 9."""
    outputs = np.array(MaskedMaxPooling()(FEATURES, IDS))
    np.testing.assert_array_equal(outputs, [[1, -3], [-1, 0.5], [0, 0]])


def test_padding_between_tokens_is_masked_too():
    ids = np.array([[4, 0, 4]], np.int32)
    features = np.array([[[-2.0], [5.0], [-1.0]]], np.float32)
    np.testing.assert_array_equal(np.array(MaskedMaxPooling()(features, ids)), [[-1.0]])
    np.testing.assert_array_equal(np.array(MaskPadding()(features, ids))[0, :, 0], [-2, 0, -1])


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16", "float64"])
def test_masked_max_pooling_in_other_precisions(policy):
    """The largest float16 is 65504: a lowest value of -1e9 would be infinite, and 0 * it NaN."""
    outputs = MaskedMaxPooling(dtype=policy)(FEATURES, IDS)
    assert keras.backend.standardize_dtype(outputs.dtype) == policy.removeprefix("mixed_")
    np.testing.assert_array_equal(np.array(outputs, np.float32), [[1, -3], [-1, 0.5], [0, 0]])


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_values_far_below_zero_are_still_the_maximum(policy):
    features = np.full((1, 3, 1), -5e4, np.float32)
    outputs = np.array(MaskedMaxPooling(dtype=policy)(features, IDS[:1]), np.float32)
    np.testing.assert_allclose(outputs, [[-5e4]], rtol=1e-3)


def test_masked_max_pooling_ends_an_implicit_mask():
    ids = keras.Input((4,), dtype="int32")
    embedded = keras.layers.Embedding(9, 2, mask_zero=True)(ids)
    pooled = MaskedMaxPooling()(embedded, ids)
    assert keras.src.backend.get_keras_mask(embedded) is not None
    assert keras.src.backend.get_keras_mask(pooled) is None


def test_only_the_maximum_gets_a_gradient():
    import tensorflow as tf

    features = tf.constant(FEATURES)
    with tf.GradientTape() as tape:
        tape.watch(features)
        total = tf.reduce_sum(MaskedMaxPooling()(features, IDS))
    expected = np.zeros_like(FEATURES)
    expected[0, 0, 0] = expected[0, 1, 1] = expected[1, 0, 0] = expected[1, 0, 1] = 1
    np.testing.assert_array_equal(tape.gradient(total, features).numpy(), expected)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_word_dropout_drops_at_the_given_rate(rate):
    ids = np.full((200, 200), 7, np.int32)
    outputs = np.array(WordDropout(rate)(ids, training=True))
    assert set(np.unique(outputs)) == {1, 7}
    deviation = np.sqrt(rate * (1 - rate) / ids.size)
    assert abs((outputs == 1).mean() - rate) < 5 * deviation
    rows = (outputs == 1).mean(axis=1)  # positions are independent, not whole rows
    assert rows.std() < 2 * np.sqrt(rate * (1 - rate) / 200)


def test_word_dropout_does_not_change_padding():
    rng = np.random.default_rng(0)
    ids = rng.integers(2, 50, (100, 60)).astype(np.int32)
    padding = rng.random(ids.shape) < 0.5
    ids[padding] = 0
    outputs = np.array(WordDropout(0.9)(ids, training=True))
    assert (outputs[padding] == 0).all()
    assert (outputs[~padding] != 0).all()


def test_word_dropout_is_the_identity_at_inference_and_at_rate_0():
    np.testing.assert_array_equal(np.array(WordDropout(0.9)(IDS, training=False)), IDS)
    np.testing.assert_array_equal(np.array(WordDropout(0.9)(IDS)), IDS)
    np.testing.assert_array_equal(np.array(WordDropout(0.0)(IDS, training=True)), IDS)


def test_word_dropout_is_random_and_reproducible_from_a_seed():
    ids = np.full((20, 20), 7, np.int32)

    def two_draws(seed):
        keras.utils.set_random_seed(seed)
        layer = WordDropout(0.5)
        return [np.array(layer(ids, training=True)) for _ in range(2)]

    (first, second), (first_repeated, second_repeated) = two_draws(3), two_draws(3)
    assert (first != second).any()
    np.testing.assert_array_equal(first, first_repeated)
    np.testing.assert_array_equal(second, second_repeated)
    assert (two_draws(4)[0] != first).any()


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5])
def test_the_rate_of_word_dropout_must_be_a_probability_below_1(rate):
    with pytest.raises(UserError) as error:
        WordDropout(rate)
    assert error.value.code == "rate-out-of-range"
    assert (error.value.key, error.value.value) == ("build.word_dropout", rate)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
@pytest.mark.parametrize("training", [False, True])
def test_ids_stay_ids(policy, training):
    """Also in the symbolic graph: float16 cannot represent all ids above 2048."""
    layer = WordDropout(0.5, dtype=policy)
    ids = keras.Input((3,), dtype="int32")
    symbolic = layer(ids, training=training)
    assert (symbolic.shape, symbolic.dtype) == ((None, 3), "int32")
    outputs = layer(np.full((4, 3), 30_001, np.int32), training=training)
    assert keras.backend.standardize_dtype(outputs.dtype) == "int32"
    assert set(np.unique(outputs)) <= {1, 30_001}


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_config_round_trip(layer):
    saved = keras.saving.serialize_keras_object(layer)
    assert saved["registered_name"] == f"models>{type(layer).__name__}"
    copy = keras.saving.deserialize_keras_object(saved)
    assert type(copy) is type(layer)
    assert copy.get_config() == layer.get_config()
    second_copy = type(layer).from_config(layer.get_config())
    assert second_copy.get_config() == layer.get_config()


@pytest.mark.parametrize("layer", LAYERS[:2], ids=lambda layer: type(layer).__name__)
def test_symbolic_shapes_are_the_eager_ones(layer):
    features, ids = keras.Input((3, 2)), keras.Input((3,), dtype="int32")
    symbolic = layer(features, ids)
    eager = layer(FEATURES, IDS)
    assert symbolic.shape == (None, *eager.shape[1:])
    assert symbolic.dtype == keras.backend.standardize_dtype(eager.dtype)
