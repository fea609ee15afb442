"""Networks of anomaly detection: sizes, causality, clipping of wild readings, saving."""

import importlib
import inspect

import keras
import numpy as np
import pytest

import models
from pipelines.config import signatures
from pipelines.config.errors import UserError
from pipelines.tasks.anomaly_detection import objective
from pipelines.tasks.anomaly_detection.example import example_batch, example_spec

SPEC = example_spec(history=12, columns=2)
CASES = [
    # Four gates of 3*(2+3+1); 3*2+2.
    ("step_forecasters", "lstm_step_forecaster", {"units": 3}, 4 * 18 + 8),
    # Kernel, gain and bias, 2*in*4 + 4 + 4: of 2 columns, then three times of 4; skip 2*4+4; 4*2+2.
    ("step_forecasters", "tcn_step_forecaster",
     {"filters": 4, "kernel_size": 2, "dilations": (1, 2)}, 24 + 3 * 40 + 12 + 10),
    # Four gates of 3*(2+3+1); code 3*2+2; four gates of 3*(2+3+1); 3*2+2.
    ("autoencoders", "lstm_autoencoder", {"units": 3, "code_dim": 2}, 72 + 8 + 72 + 8),
    # 3*2*4+4; 3*4*3+3; 3*3*3+3; 3*3*4+4; 4*2+2.
    ("autoencoders", "conv_autoencoder", {"filters": (4, 3), "kernel_size": 3},
     28 + 39 + 30 + 40 + 10),
    # Four gates of 3*(2+3+1); 3+1.
    ("step_labellers", "lstm_step_labeller", {"units": 3}, 72 + 4),
]  # fmt: skip
EACH = pytest.mark.parametrize(
    ("module", "builder", "arguments", "size"), CASES, ids=[case[1] for case in CASES]
)


def build(module, builder, arguments, spec=SPEC):
    keras.utils.set_random_seed(1)
    return models.build(spec, module, builder=builder, **arguments)


def test_the_table_has_every_builder():
    modules = {case[0] for case in CASES}
    assert {case[1] for case in CASES} == {b for m in modules for b in signatures.builders(m)}


@EACH
def test_size_and_shape(module, builder, arguments, size):
    model = build(module, builder, arguments)
    assert model.count_params() == size
    assert not model.compiled
    inputs, _ = example_batch(SPEC, 5)
    shape = (5, 12) if builder == "lstm_step_labeller" else (5, 12, 2)
    assert model(inputs).shape == shape


@EACH
def test_every_argument_is_documented(module, builder, arguments, size):
    text = inspect.getdoc(getattr(importlib.import_module(f"models.{module}"), builder))
    block = text.split("Args:")[1]
    missing = [
        name for name in signatures.builders(module)[builder] if f"    {name}: " not in block
    ]
    assert missing == [] and "https://" in text


@EACH
def test_it_is_saved_and_learns(module, builder, arguments, size, tmp_path):
    model = build(module, builder, arguments)
    inputs, targets = example_batch(SPEC, 8)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(model(inputs), loaded(inputs))
    targets[::2, :, -1] = 1  # labels: the others are learned from
    before = [np.array(w) for w in model.trainable_weights]
    model.compile(keras.optimizers.SGD(0.1), objective.loss(SPEC), run_eagerly=True)
    model.train_on_batch(inputs, targets)
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert np.isfinite(weight).all() and (np.array(weight) != old).any(), weight.path


@pytest.mark.parametrize("case", CASES[:2], ids=[case[1] for case in CASES[:2]])
def test_a_forecast_of_a_step_sees_only_steps_before_it(case):
    model = build(*case[:3])
    inputs, _ = example_batch(SPEC, 1)
    changed = inputs["history"].copy()
    changed[0, 7] += 3.0
    before, after = (np.array(model({"history": h}))[0] for h in (inputs["history"], changed))
    np.testing.assert_array_equal(before[:8], after[:8])
    assert (before[8] != after[8]).all()


def test_a_label_of_a_step_sees_no_later_step():
    model = build(*CASES[-1][:3])
    inputs, _ = example_batch(SPEC, 1)
    changed = inputs["history"].copy()
    changed[0, 7] += 3.0
    before, after = (np.array(model({"history": h}))[0] for h in (inputs["history"], changed))
    np.testing.assert_array_equal(before[:7], after[:7])
    assert before[7] != after[7]


@EACH
def test_a_wild_reading_is_clipped(module, builder, arguments, size):
    model = build(module, builder, arguments)
    inputs, _ = example_batch(SPEC, 1)
    wild, wilder = inputs["history"].copy(), inputs["history"].copy()
    wild[0, 5], wilder[0, 5] = 10.0 + 2.0 * 11, 1e9  # eleven spreads, and many
    np.testing.assert_allclose(model({"history": wild}), model({"history": wilder}), rtol=1e-5)


def test_a_window_that_cannot_be_halved_is_refused():
    with pytest.raises(UserError) as caught:
        build("autoencoders", "conv_autoencoder", {}, example_spec(history=10))
    assert caught.value.code == "steps-not-divisible"
