"""Forecasters: what they see, what they say, and in which units."""

import keras
import numpy as np
import pytest
from keras import ops

import models
from models.layers import windowed
from models.layers.branches import HalfwayTo
from models.layers.causal_conv import CausalConv1D, covering_dilations, receptive_field
from models.layers.columns import Segments, StatesAhead, Together
from models.linear import linear_forecaster
from models.recurrent_forecasters import elman_forecaster, lstm_forecaster
from models.segment_gru import ridge_gru_forecaster
from models.tcn import tcn_forecaster
from pipelines.classical.ridge import rolling_origin
from pipelines.classical.ridge.moments import Moments
from pipelines.classical.ridge.path import RegularizationPath
from pipelines.config.errors import UserError
from pipelines.tasks.forecasting import input_gradients, objective
from tests.support.model_checks import series_spec

ONE, TWO = series_spec(), series_spec(columns=2, quantiles=(0.1, 0.5, 0.9))
SMALL = [
    ("linear", {"builder": "linear_forecaster"}),
    ("tcn", {"builder": "tcn_forecaster", "filters": 4}),
    *(
        ("recurrent_forecasters", {"builder": f"{kind}_forecaster", "units": 4})
        for kind in ("elman", "gru", "lstm")
    ),
]
SEGMENTED = ("segment_gru", {"builder": "ridge_gru_forecaster", "units": 4, "segment_steps": 6})


ALL_SMALL = pytest.mark.parametrize(("module", "build"), [*SMALL, SEGMENTED])


def readings(rows: int, of=ONE, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (10 + 2 * rng.standard_normal((rows, *of.inputs["history"].shape))).astype(np.float32)


def answer(model, history) -> np.ndarray:
    """Without tracing a graph, which would take most of the time."""
    return ops.convert_to_numpy(model({"history": history}, training=False))


@ALL_SMALL
def test_another_unit_is_another_unit_and_nothing_else(module, build):
    """The same net told degF: 32 + 1.8 times what it says in degC."""
    fahrenheit = series_spec(mean=[50.0], std=[3.6])
    one, other = (models.build(of, module, **build) for of in (ONE, fahrenheit))
    other.set_weights(one.get_weights())
    history = readings(4)
    celsius = answer(one, history)
    np.testing.assert_allclose(answer(other, 32 + 1.8 * history), 32 + 1.8 * celsius, atol=1e-3)


@pytest.mark.parametrize(("module", "build"), SMALL)
def test_a_removed_mean_lets_levels_pass(module, build):
    model = models.build(ONE, module, **build)
    history = readings(4)
    said = answer(model, history)
    higher = answer(model, history + 100)
    np.testing.assert_allclose(higher, said + 100, atol=1e-3)
    kept = models.build(ONE, module, **build, remove_mean=False)
    gap = answer(kept, history + 100) - answer(kept, history)
    assert np.abs(gap - 100).max() > 1


def test_quantiles_never_cross():
    said = answer(linear_forecaster(TWO), readings(50, TWO))
    assert (np.diff(said, axis=-1) >= 0).all()
    with_one_column = windowed.RisingQuantiles()(np.array([[3.0, 1.0, 2.0]], np.float32))
    assert ops.convert_to_numpy(with_one_column).tolist() == [[1, 2, 3]]


def features(model):
    """(B, H, C) history as the net sees it -> features of the last block at every step."""
    last = [layer for layer in model.layers if layer.name.startswith("block")][-1]
    return keras.Model(model.get_layer(windowed.SEEN).output, last.output)


def test_tcn_is_causal():
    net = features(tcn_forecaster(ONE, filters=4))
    history = readings(1)
    changed = history.copy()
    changed[:, 13:] += 5
    gap = ops.convert_to_numpy(net(changed) - net(history))
    assert np.abs(gap[:, :13]).max() == 0.0
    assert np.abs(gap[:, 13]).max() > 0


@pytest.mark.parametrize(("kernel", "dilations"), [(2, [1, 2, 4]), (3, [1, 2]), (3, [1, 3])])
def test_receptive_field_by_gradients(kernel, dilations):
    """Linear blocks, so that no rectifier hides a path."""
    import tensorflow as tf

    steps = 40
    x = inputs = keras.Input((steps, 1))
    for dilation in dilations:
        for _ in range(2):
            x = CausalConv1D(3, kernel, dilation_rate=dilation)(x)
    net, history = keras.Model(inputs, x), tf.random.normal((1, steps, 1))
    with tf.GradientTape() as tape:
        tape.watch(history)
        last = tf.reduce_sum(net(history)[:, -1])
    felt = np.flatnonzero(tape.gradient(last, history).numpy()[0, :, 0])
    assert steps - felt[0] == receptive_field(kernel, dilations)


def test_receptive_field_by_hand():
    assert receptive_field(3, [1, 2, 4, 8]) == 61  # 1 + 2 * 2 * 15
    assert covering_dilations(3, 61) == [1, 2, 4, 8]
    assert covering_dilations(3, 62) == [1, 2, 4, 8, 16]
    assert covering_dilations(3, 1) == [1]


def test_tcn_refuses_a_stack_that_does_not_fit():
    with pytest.raises(UserError, match=r"see 13 of 24 steps of history; dilations: \[1, 2, 4\]"):
        tcn_forecaster(ONE, dilations=[1, 2])
    with pytest.raises(UserError, match="dilation 16 reaches beyond 24 steps"):
        tcn_forecaster(ONE, dilations=[1, 2, 4, 8, 16])


def test_weight_normalisation_divides_by_length():
    layer = CausalConv1D(3, 2, use_bias=False)
    layer.build((None, 9, 4))
    length = np.linalg.norm(ops.convert_to_numpy(layer.kernel), axis=(0, 1))
    np.testing.assert_allclose(np.sqrt(np.sum(length**2)), np.sqrt(3 * 2), rtol=1e-5)
    x = readings(2, series_spec(history=9, columns=4))
    before = ops.convert_to_numpy(layer(x))
    direction = layer.weights[0] if layer.weights[0].shape != (3,) else layer.weights[1]
    direction.assign(7 * direction)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), before, rtol=1e-5, atol=1e-5)
    layer.gain.assign(2 * layer.gain)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), 2 * before, rtol=1e-5, atol=1e-5)


def test_recurrent_encoder_is_keras_s_own():
    """Copied weights: the last state of Keras's layer, through one matrix, in deviations."""
    model = lstm_forecaster(ONE, units=4)
    history = readings(3)
    lstm = keras.layers.LSTM(4)
    scaled = (history - 10) / 2
    level = scaled.mean(axis=1, keepdims=True)
    state = lstm(scaled - level)
    lstm.set_weights(model.get_layer(index=4).get_weights())
    state = ops.convert_to_numpy(lstm(scaled - level))
    kernel, bias = model.get_layer("outputs").get_weights()
    wanted = 10 + 2 * ((state @ kernel + bias)[:, :, None] + level)
    np.testing.assert_allclose(answer(model, history), wanted, atol=1e-4)


def test_linear_forecaster_can_be_the_ridge_baseline():
    history, future = readings(90, seed=1), readings(90, series_spec(history=6), seed=2)
    machine = RegularizationPath.of(Moments.of(history, future), constant=True).at(1.0)
    model = linear_forecaster(ONE)
    # What ridge maps are degrees, what the net maps are deviations: the constant is half as large.
    model.get_layer("outputs").set_weights([machine.weights[0, 1:], machine.weights[0, 0] / 2])
    said = answer(model, history)
    np.testing.assert_allclose(said, machine(history.astype(float)), atol=1e-4)


def parts_of(rows=90):
    """Walks by chance, of two columns."""
    made = []
    for seed in (1, 2):
        series = readings(rows, series_spec(history=30, columns=2), seed).cumsum(axis=1)
        origin = 30 * np.arange(rows)
        made.append({"history": series[:, :24], "future": series[:, 24:], "origin": origin})
    return made


def test_a_solved_map_is_the_ridge_baseline_of_train():
    """A net that has learned nothing says the last value, and the model the mean of both."""
    of = series_spec(columns=2, std=[2.0, 5.0])
    train, val = parts_of()
    model = models.build(of, SEGMENTED[0], **SEGMENTED[1])
    drawn = model.get_layer("outputs").get_weights()
    model.get_layer("outputs").set_weights([0 * weights for weights in drawn])
    objective.fit_closed_form(model, train, val, of)
    machine = rolling_origin.choose(train, val, of).fit()
    said = answer(model, val["history"])
    last = val["history"][:, -1:]
    np.testing.assert_allclose(2 * said - last, machine(val["history"]), rtol=1e-4, atol=1e-3)
    learned = ops.convert_to_numpy(model({"history": val["history"]}, training=True))
    np.testing.assert_allclose(learned, np.repeat(last, 6, axis=1), rtol=1e-5, atol=1e-3)


def test_a_solved_map_has_its_constant():
    model = models.build(ONE, SEGMENTED[0], **SEGMENTED[1])
    history = readings(60)
    future = np.repeat(history.mean(axis=1, keepdims=True), 6, axis=1) + 3
    part = {"history": history, "future": future, "origin": np.arange(60)}
    objective.fit_closed_form(model, part, part, ONE)
    linear = model.get_layer(windowed.RIDGE)
    kernel, constant = linear.get_weights()
    assert kernel.shape == (1, 24, 6)
    np.testing.assert_allclose(constant, 1.5, atol=1e-4)  # deviations of 2 degC
    np.testing.assert_allclose(kernel, 0, atol=1e-4)
    assert not linear.trainable


def test_models_without_a_solved_map_begin_as_they_are():
    model = linear_forecaster(ONE)
    before = model.get_weights()
    objective.fit_closed_form(model, {}, {}, ONE)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_columns_do_not_see_one_another():
    model = models.build(series_spec(columns=2), SEGMENTED[0], **SEGMENTED[1])
    history = readings(3, series_spec(columns=2))
    changed = history.copy()
    changed[..., 1] += readings(3, seed=4)[..., 0]
    before, after = answer(model, history), answer(model, changed)
    np.testing.assert_allclose(after[..., 0], before[..., 0], atol=1e-5)
    assert np.abs(after[..., 1] - before[..., 1]).max() > 1e-3


def test_segments_are_the_latest_steps_of_each_column():
    history = np.arange(2 * 7 * 2, dtype=np.float32).reshape(2, 7, 2)
    cut = ops.convert_to_numpy(Segments(3)(history))
    assert cut.shape == (4, 2, 3)
    np.testing.assert_array_equal(cut[1], history[0, 1:, 1].reshape(2, 3))
    together = ops.convert_to_numpy(Together(2)(cut.reshape(4, 6)))
    np.testing.assert_array_equal(together[1, 0], history[1, 1:, 0])


def test_states_ahead_are_one_step_of_keras_s_gru():
    """From the same state, with an input for each segment and column."""
    columns, segments, units = 2, 3, 4
    layer = StatesAhead(segments, columns)
    state = np.random.default_rng(0).standard_normal((3 * columns, units)).astype(np.float32)
    layer.build(state.shape)
    cell = keras.layers.GRUCell(units)
    cell.build((None, units))
    matrices = [np.asarray(x) for x in (layer.of_input.kernel, layer.of_state.kernel)]
    biases = np.random.default_rng(1).standard_normal((2, 3 * units))
    for dense, bias in zip((layer.of_input, layer.of_state), biases, strict=True):
        dense.bias.assign(bias)
    cell.set_weights([*matrices, biases])
    said = ops.convert_to_numpy(layer(state)).reshape(3, columns, segments, units)
    for column in range(columns):
        for segment in range(segments):
            one = np.concatenate([layer.segment[segment], layer.column[column]])
            before = state.reshape(3, columns, units)[:, column]
            after, _ = cell(np.tile(one, (3, 1)), [before])
            np.testing.assert_allclose(said[:, column, segment], after, atol=1e-5)


def test_halfway_moves_the_middle_in_inference_alone():
    learned, fixed = np.array([[1.0, 2.0, 5.0]]), np.array([[4.0]])
    layer = HalfwayTo(1)
    assert ops.convert_to_numpy(layer([learned, fixed])).tolist() == [[2, 3, 6]]
    assert ops.convert_to_numpy(layer([learned, fixed], training=True)).tolist() == [[1, 2, 5]]


def test_a_horizon_need_not_be_whole_segments():
    of = series_spec(columns=2, quantiles=(0.1, 0.5, 0.9))
    model = ridge_gru_forecaster(of, units=4, segment_steps=4)
    assert model.output_shape == (None, 6, 2, 3)


def test_segments_longer_than_the_history_are_refused():
    with pytest.raises(UserError, match="segment_steps 25 is longer than the history, 24 steps"):
        ridge_gru_forecaster(ONE, segment_steps=25)


def test_loss_by_hand():
    of = series_spec(horizon=2, quantiles=(0.1, 0.5, 0.9))
    true = np.array([[[12.0], [10.0]]], np.float32)
    said = np.array([[[[10.0, 12.0, 14.0]], [[10.0, 10.0, 11.0]]]], np.float32)
    # of 12, in units of std 2: 0.1 * 1, 0, 0.1 * 1; of 10: 0, 0, 0.1 * 0.5
    found = float(objective.loss(of)(true, said))
    assert found == pytest.approx((0.1 + 0.1 + 0.05) / 6)
    (metric,) = objective.metrics(of)
    metric.update_state(true, said + 1)
    assert float(metric.result()) == pytest.approx(0.5)
    plain = series_spec(horizon=2)
    assert float(objective.loss(plain)(true, said[..., 0])) == pytest.approx((1 + 0) / 2)


def test_gradient_through_time_of_a_linear_map_is_its_matrix():
    model = linear_forecaster(ONE)
    norms = input_gradients.through_time(model, readings(70))
    kernel = model.get_layer("outputs").get_weights()[0]
    assert norms.shape == (24,)
    np.testing.assert_allclose(norms, np.linalg.norm(kernel, axis=1), rtol=0.5)


def test_gradient_vanishes_where_the_recurrent_matrix_is_small():
    model = elman_forecaster(ONE, units=4)
    layer = model.get_layer(index=4)
    kernel, recurrent, bias = layer.get_weights()
    layer.set_weights([kernel, 0.1 * recurrent, bias])
    norms = input_gradients.through_time(model, readings(8))
    assert norms[-11] < 1e-8 * norms[-1]  # ten steps shrink it 10^10 times, tanh still further


@pytest.mark.parametrize("of", [ONE, TWO], ids=["points", "quantiles"])
def test_what_is_served_is_what_the_model_says(of, tmp_path):
    import tensorflow as tf

    from pipelines.inference.decision import DecisionRule
    from pipelines.stages import export
    from pipelines.tasks.forecasting import serve

    model, history = tcn_forecaster(of, filters=4), readings(5, of)
    module, signatures = serve.endpoints(model, of, tmp_path, DecisionRule())
    tf.saved_model.save(module, str(tmp_path / "model"), signatures)
    served = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    said = served(history=tf.constant(history))
    assert set(said) == ({"forecast"} if of is ONE else {"forecast", "quantiles"})
    told = export.describe(served, serve, of)
    for tensor in (told["inputs"]["history"], *told["outputs"].values()):
        assert tensor["unit"] == "degC"
    assert told["inputs"]["history"]["kind"] == told["outputs"]["forecast"]["kind"] == "series"
    found = serve.outputs({name: values.numpy() for name, values in said.items()}, of)
    wanted = answer(model, history)
    np.testing.assert_allclose(found.forecast, wanted if of is ONE else wanted[..., 1], atol=1e-5)
    history[2, 3] = np.nan  # one client's mistake is not another's
    broken = served(history=tf.constant(history))["forecast"].numpy()
    assert np.isnan(broken[2]).all()
    np.testing.assert_array_equal(np.delete(broken, 2, 0), np.delete(said["forecast"], 2, 0))
