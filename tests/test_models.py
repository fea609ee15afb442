"""Every builder against the same checks, and its size against arithmetic."""

import re

import keras
import numpy as np
import pytest
from model_checks import (
    Case,
    check_gradients,
    check_interface,
    check_nothing_but_padding,
    check_overfits,
    check_padding,
    check_padding_unread,
    check_quiet,
    check_round_trips,
    check_step,
    text_spec,
)

import models
from pipelines import config
from pipelines.checks import Refused

WORDS = text_spec(words=(8, 12))
BOTH = text_spec(words=(8, 12), characters=(11, 9))
CNN = {"embedding_width": 4, "filters": 5, "widths": (1, 2), "dropout": 0.3, "word_dropout": 0.2}
LSTM = {"embedding_width": 4, "units": 3, "dropout": 0.3, "word_dropout": 0.2}
ATTENTION = {"width": 4, "heads": 2, "depth": 1, "feed_forward": 6, "dropout": 0.2,
             "word_dropout": 0.2}  # fmt: skip
# Two norms 2*8; queries, keys, values, output 4*(4*4+4); there and back 4*6+6 + 6*4+4; a norm 8.
BLOCK = 16 + 80 + 58 + 8

CASES = [
    # Embedding 12*4; convolutions 1*4*5+5 and 2*4*5+5; logits (5+5)*3+3.
    Case("text_cnn", "text_cnn", WORDS, 48 + 25 + 45 + 33, CNN, padded=("words",)),
    # Also 9*4 and the same convolutions; logits 20*3+3.
    Case("text_cnn", "text_cnn", BOTH, 48 + 36 + 2 * (25 + 45) + 63, CNN,
         padded=("words", "characters")),
    # Embedding 12*4; two directions of four gates with 3*(4+3)+3; logits 6*3+3.
    Case("recurrent", "bilstm_classifier", WORDS, 48 + 2 * 4 * 24 + 21, LSTM, padded=("words",)),
    # Also 9*4 and the same LSTMs; logits 12*3+3.
    Case("recurrent", "bilstm_classifier", BOTH, 48 + 36 + 2 * 192 + 39, LSTM,
         padded=("words", "characters")),
    # Embeddings as above, the block; logits 4*3+3 and 8*3+3.
    Case("transformer_classifier", "transformer_classifier", WORDS, 48 + BLOCK + 15, ATTENTION,
         padded=("words",)),
    Case("transformer_classifier", "transformer_classifier", BOTH, 84 + 2 * BLOCK + 27, ATTENTION,
         padded=("words", "characters")),
]  # fmt: skip
# With the defaults of the signature, on WORDS.
DEFAULTS = [
    # 12*64; w*64*64+64 for w = 2, 3, 4; 192*3+3.
    Case("text_cnn", "text_cnn", WORDS, 768 + 9 * 4096 + 192 + 579),
    # 12*64; 2*4*(64*(64+64)+64); 128*3+3.
    Case("recurrent", "bilstm_classifier", WORDS, 768 + 8 * (8192 + 64) + 387),
    # 12*64; twice 4*64 + 4*(64*64+64) + 64*128+128 + 128*64+64; 2*64; 64*3+3.
    Case("transformer_classifier", "transformer_classifier", WORDS,
         768 + 2 * (256 + 16640 + 16576) + 128 + 195),
]  # fmt: skip
ALL = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
PADDED = pytest.mark.parametrize(
    "case", [case for case in CASES if case.padded], ids=lambda case: case.name
)


def test_the_tables_have_every_builder_and_no_other():
    modules = [path.stem for path in config.MODELS.glob("*.py") if path.stem != "__init__"]
    there = {(module, builder) for module in modules for builder in config.builders(module)}
    assert there
    for table in (CASES, DEFAULTS):
        assert {(case.module, case.builder) for case in table} == there


def test_every_module_has_a_builder():
    for path in config.MODELS.glob("*.py"):
        assert path.stem == "__init__" or config.builders(path.stem), path.name


@pytest.mark.parametrize("case", DEFAULTS, ids=lambda case: case.name)
def test_size_with_default_hyperparameters(case):
    assert case.build().count_params() == case.parameters


@ALL
def test_interface(case):
    check_interface(case)


@ALL
def test_round_trips(case, tmp_path):
    check_round_trips(case, tmp_path)


@ALL
def test_every_weight_gets_a_gradient(case):
    check_gradients(case)


@ALL
def test_one_step_moves_every_weight(case):
    check_step(case)


@ALL
def test_dropout_is_for_training(case):
    check_quiet(case)


@PADDED
def test_room_after_a_text_does_not_show(case):
    check_padding(case)


@PADDED
def test_the_padding_id_is_never_read(case):
    check_padding_unread(case)


@PADDED
def test_a_text_of_nothing_but_padding(case):
    check_nothing_but_padding(case)


@pytest.mark.slow
@ALL
def test_one_batch_is_learned_by_heart(case):
    check_overfits(case)


@ALL
def test_equal_seeds_give_equal_weights(case):
    one, same, other = (case.build(seed).get_weights() for seed in (3, 3, 4))
    for first, second in zip(one, same, strict=True):
        np.testing.assert_array_equal(first, second)
    assert any((first != second).any() for first, second in zip(one, other, strict=True))


@ALL
def test_a_misspelt_hyperparameter_is_refused_with_the_choices(case):
    accepted = config.builders(case.module)[case.builder]
    right = accepted[0]
    wrong = f"{right}s"
    with pytest.raises(Refused) as refusal:
        models.build(case.spec, case.module, case.builder, **{wrong: 4})
    message = str(refusal.value)
    assert message.startswith(f"models/{case.module}.py: {case.builder}: ")
    assert repr(wrong) in message
    listed = re.search(r"accepted: ([^;]*)", message)[1]
    assert listed.split(", ") == sorted(accepted)
    assert message.endswith(f"did you mean {right}?")


def test_the_second_of_two_hyperparameters_can_be_the_wrong_one():
    with pytest.raises(Refused, match=r"'unitss'; accepted: .*did you mean units\?"):
        models.build(WORDS, "recurrent", "bilstm_classifier", units=4, unitss=4)


def test_a_mistake_inside_a_builder_is_not_taken_for_a_misspelt_argument():
    with pytest.raises(ValueError, match="rate must lie in"):
        models.build(WORDS, "text_cnn", "text_cnn", word_dropout=1.5)


@PADDED
def test_mixed_precision_gives_finite_logits_near_those_of_float32(case):
    model = case.build()
    inputs = {name: np.ones((3, *f.shape), np.int32) for name, f in case.spec.inputs.items()}
    for ids in inputs.values():
        ids[1, 2:] = 0
        ids[2] = 0
    keras.config.set_dtype_policy("mixed_float16")
    try:
        half = case.build()
    finally:
        keras.config.set_dtype_policy("float32")
    half.set_weights(model.get_weights())
    found = np.array(half(inputs, training=False), np.float32)
    np.testing.assert_allclose(found, np.array(model(inputs)), atol=5e-3)
