"""Forecasters: units, causality, receptive fields, and layers against their equations."""

import keras
import numpy as np
import pytest
from keras import ops

import models
from models.layers import standardization
from models.linear import linear_forecaster
from models.recurrent_forecasters import elman_forecaster, lstm_forecaster
from models.segment_gru import ridge_gru_forecaster
from models.tcn import tcn_forecaster
from pipelines.classical.ridge import rolling_origin
from pipelines.classical.ridge.moments import Moments
from pipelines.classical.ridge.path import RegularizationPath
from pipelines.config.errors import UserError
from pipelines.tasks.forecasting import input_gradients, objective
from pipelines.tasks.forecasting.example import example_spec as series_spec

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


def observations(rows: int, spec=ONE, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (10 + 2 * rng.standard_normal((rows, *spec.inputs["history"].shape))).astype(np.float32)


def predict(model, history) -> np.ndarray:
    """The forecast without tracing a graph, which would take most of the time."""
    return ops.convert_to_numpy(model({"history": history}, training=False))


@ALL_SMALL
def test_forecasts_are_equivariant_to_the_unit(module, build):
    """A model for degF with the same weights forecasts 32 + 1.8 times the degC."""
    fahrenheit_spec = series_spec(mean=[50.0], std=[3.6])
    celsius, fahrenheit = (models.build(spec, module, **build) for spec in (ONE, fahrenheit_spec))
    fahrenheit.set_weights(celsius.get_weights())
    history = observations(4)
    expected = 32 + 1.8 * predict(celsius, history)
    np.testing.assert_allclose(predict(fahrenheit, 32 + 1.8 * history), expected, atol=1e-3)


@pytest.mark.parametrize(("module", "build"), SMALL)
def test_remove_mean_makes_forecasts_equivariant_to_the_level(module, build):
    model = models.build(ONE, module, **build)
    history = observations(4)
    expected = predict(model, history) + 100
    np.testing.assert_allclose(predict(model, history + 100), expected, atol=1e-3)
    without = models.build(ONE, module, **build, remove_mean=False)
    difference = predict(without, history + 100) - predict(without, history)
    assert np.abs(difference - 100).max() > 1


def test_quantiles_never_cross():
    forecast = predict(linear_forecaster(TWO), observations(50, TWO))
    assert (np.diff(forecast, axis=-1) >= 0).all()
    row = standardization.SortQuantiles()(np.array([[3.0, 1.0, 2.0]], np.float32))
    assert ops.convert_to_numpy(row).tolist() == [[1, 2, 3]]


def features(model):
    """A model of the standardized history (B, H, C) to the last block's features (B, H, D)."""
    last = [layer for layer in model.layers if layer.name.startswith("block")][-1]
    return keras.Model(model.get_layer(standardization.NETWORK_INPUT).output, last.output)


def test_tcn_is_causal():
    keras.utils.set_random_seed(1)
    network = features(tcn_forecaster(ONE, filters=4))
    history = observations(1)
    changed = history.copy()
    changed[:, 13:] += 5
    difference = ops.convert_to_numpy(network(changed) - network(history))
    assert np.abs(difference[:, :13]).max() == 0.0
    assert np.abs(difference[:, 13]).max() > 0


@pytest.mark.parametrize(
    ("dilations", "code"),
    [([1, 2], "receptive-field-too-small"), ([1, 2, 4, 8, 16], "dilation-too-large")],
)
def test_dilations_must_fit_the_history(dilations, code):
    with pytest.raises(UserError) as error:
        tcn_forecaster(ONE, dilations=dilations)
    assert (error.value.code, error.value.key) == (code, "build.dilations")
    assert error.value.value == dilations
    assert "[1, 2, 4]" in error.value.message  # the cure


def test_lstm_forecaster_is_keras_s_lstm_and_a_linear_layer():
    """With the same weights, on the standardized history."""
    model = lstm_forecaster(ONE, units=4)
    history = observations(3)
    lstm = keras.layers.LSTM(4)
    scaled = (history - 10) / 2
    level = scaled.mean(axis=1, keepdims=True)
    state = lstm(scaled - level)
    lstm.set_weights(model.get_layer(index=4).get_weights())
    state = ops.convert_to_numpy(lstm(scaled - level))
    kernel, bias = model.get_layer("outputs").get_weights()
    expected = 10 + 2 * ((state @ kernel + bias)[:, :, None] + level)
    np.testing.assert_allclose(predict(model, history), expected, atol=1e-4)


def test_linear_forecaster_can_represent_the_ridge_baseline():
    history, future = observations(90, seed=1), observations(90, series_spec(history=6), seed=2)
    ridge = RegularizationPath.of(Moments.of(history, future), constant=True).at(1.0)
    model = linear_forecaster(ONE)
    # Ridge maps degrees, the network units of std = 2 degrees, so its constant is half as large.
    model.get_layer("outputs").set_weights([ridge.weights[0, 1:], ridge.weights[0, 0] / 2])
    forecast = predict(model, history)
    np.testing.assert_allclose(forecast, ridge(history.astype(float)), atol=1e-4)


def random_walks(rows=90):
    """Train and val, of two columns."""
    splits = []
    for seed in (1, 2):
        series = observations(rows, series_spec(history=30, columns=2), seed).cumsum(axis=1)
        origin = 30 * np.arange(rows)
        splits.append({"history": series[:, :24], "future": series[:, 24:], "origin": origin})
    return splits


def test_the_closed_form_map_is_the_ridge_baseline_of_train():
    """With zero output weights the GRU forecasts the last value, and the model the mean of both."""
    spec = series_spec(columns=2, std=[2.0, 5.0])
    train, val = random_walks()
    model = models.build(spec, SEGMENTED[0], **SEGMENTED[1])
    outputs = model.get_layer("outputs")
    outputs.set_weights([0 * weights for weights in outputs.get_weights()])
    objective.fit_closed_form(model, train, val, spec)
    ridge = rolling_origin.choose(train, val, spec).fit()
    forecast = predict(model, val["history"])
    last = val["history"][:, -1:]
    np.testing.assert_allclose(2 * forecast - last, ridge(val["history"]), rtol=1e-4, atol=1e-3)
    trained = ops.convert_to_numpy(model({"history": val["history"]}, training=True))
    np.testing.assert_allclose(trained, np.repeat(last, 6, axis=1), rtol=1e-5, atol=1e-3)


def test_the_closed_form_map_has_a_constant():
    model = models.build(ONE, SEGMENTED[0], **SEGMENTED[1])
    history = observations(60)
    future = np.repeat(history.mean(axis=1, keepdims=True), 6, axis=1) + 3
    split = {"history": history, "future": future, "origin": np.arange(60)}
    objective.fit_closed_form(model, split, split, ONE)
    linear = model.get_layer(standardization.RIDGE)
    kernel, constant = linear.get_weights()
    assert kernel.shape == (1, 24, 6)
    np.testing.assert_allclose(constant, 1.5, atol=1e-4)  # units of std = 2 degC
    np.testing.assert_allclose(kernel, 0, atol=1e-4)
    assert not linear.trainable


def test_models_without_a_closed_form_map_are_not_changed():
    model = linear_forecaster(ONE)
    before = model.get_weights()
    objective.fit_closed_form(model, {}, {}, ONE)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_columns_are_independent():
    model = models.build(series_spec(columns=2), SEGMENTED[0], **SEGMENTED[1])
    history = observations(3, series_spec(columns=2))
    changed = history.copy()
    changed[..., 1] += observations(3, seed=4)[..., 0]
    before, after = predict(model, history), predict(model, changed)
    np.testing.assert_allclose(after[..., 0], before[..., 0], atol=1e-5)
    assert np.abs(after[..., 1] - before[..., 1]).max() > 1e-3


def test_a_horizon_need_not_be_a_multiple_of_the_segment():
    model = ridge_gru_forecaster(TWO, units=4, segment_steps=4)
    assert model.output_shape == (None, 6, 2, 3)


def test_segments_must_not_be_longer_than_the_history():
    with pytest.raises(UserError) as error:
        ridge_gru_forecaster(ONE, segment_steps=25)
    assert error.value.code == "segment-too-long"
    assert (error.value.key, error.value.value) == ("build.segment_steps", 25)


def test_loss_by_hand():
    spec = series_spec(horizon=2, quantiles=(0.1, 0.5, 0.9))
    true = np.array([[[12.0], [10.0]]], np.float32)
    forecast = np.array([[[[10.0, 12.0, 14.0]], [[10.0, 10.0, 11.0]]]], np.float32)
    # For 12, in units of std 2: 0.1 * 1, 0, 0.1 * 1; for 10: 0, 0, 0.1 * 0.5
    loss = float(objective.loss(spec)(true, forecast))
    assert loss == pytest.approx((0.1 + 0.1 + 0.05) / 6)
    (metric,) = objective.metrics(spec)
    metric.update_state(true, forecast + 1)
    assert float(metric.result()) == pytest.approx(0.5)
    point_spec = series_spec(horizon=2)
    squared = float(objective.loss(point_spec)(true, forecast[..., 0]))
    assert squared == pytest.approx((1 + 0) / 2)


def test_gradient_through_time_of_a_linear_map_is_its_matrix():
    model = linear_forecaster(ONE)
    norms = input_gradients.through_time(model, {"history": observations(70)})
    kernel = model.get_layer("outputs").get_weights()[0]
    assert norms.shape == (24,)
    np.testing.assert_allclose(norms, np.linalg.norm(kernel, axis=1), rtol=0.5)


def test_gradient_vanishes_if_the_recurrent_matrix_is_small():
    model = elman_forecaster(ONE, units=4)
    layer = model.get_layer(index=4)
    kernel, recurrent, bias = layer.get_weights()
    layer.set_weights([kernel, 0.1 * recurrent, bias])
    norms = input_gradients.through_time(model, {"history": observations(8)})
    assert norms[-11] < 1e-8 * norms[-1]  # a factor of 0.1 for each of ten steps, and tanh's


def test_covariates_are_served_and_spoil_no_other_row(tmp_path):
    from pipelines.inference.decision import DecisionRule
    from pipelines.tasks.forecasting import serve

    spec = series_spec(covariates=2)
    model, rng = linear_forecaster(spec), np.random.default_rng(0)
    model.get_layer("effects").set_weights([rng.normal(size=(standardization.EFFECT_UNITS, 1))])
    history, known = observations(3), rng.normal(10, 2, (3, 30, 2)).astype(np.float32)
    _, signatures = serve.endpoints(model, spec, tmp_path, DecisionRule())
    served = signatures["serving_default"]
    expected = predict_with(model, history, known)
    answer = served(history=history, known_covariates=known)["forecast"].numpy()
    np.testing.assert_allclose(answer, expected, atol=1e-5)
    known[1, 29] = np.nan
    answer = served(history=history, known_covariates=known)["forecast"].numpy()
    assert np.isnan(answer[1]).any()
    np.testing.assert_allclose(answer[[0, 2]], expected[[0, 2]], atol=1e-5)
    norms = input_gradients.through_time(model, {"history": history, "known_covariates": known})
    assert norms.shape == (24,)


@pytest.mark.parametrize("spec", [ONE, TWO], ids=["points", "quantiles"])
def test_the_served_forecast_is_the_model_s(spec, tmp_path):
    import tensorflow as tf

    from pipelines.inference.decision import DecisionRule
    from pipelines.stages import export
    from pipelines.tasks.forecasting import serve

    model, history = tcn_forecaster(spec, filters=4), observations(5, spec)
    module, signatures = serve.endpoints(model, spec, tmp_path, DecisionRule())
    tf.saved_model.save(module, str(tmp_path / "model"), signatures)
    served = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    response = served(history=tf.constant(history))
    assert set(response) == ({"forecast"} if spec is ONE else {"forecast", "quantiles"})
    signature = export.describe(served, serve, spec, tmp_path)
    for tensor in (signature["inputs"]["history"], *signature["outputs"].values()):
        assert tensor["unit"] == "degC"
    kinds = {signature["inputs"]["history"]["kind"], signature["outputs"]["forecast"]["kind"]}
    assert kinds == {"series"}
    arrays = {name: values.numpy() for name, values in response.items()}
    outputs = serve.outputs(arrays, spec)
    expected = predict(model, history)
    expected = expected if spec is ONE else expected[..., 1]
    np.testing.assert_allclose(outputs.forecast, expected, atol=1e-5)
    history[2, 3] = np.nan  # an invalid row must not change the other rows' forecasts
    invalid = served(history=tf.constant(history))["forecast"].numpy()
    assert np.isnan(invalid[2]).all()
    valid = np.delete(response["forecast"], 2, 0)
    np.testing.assert_array_equal(np.delete(invalid, 2, 0), valid)


@ALL_SMALL
def test_effects_of_covariates_go_from_the_history_to_the_forecast(module, build):
    """y = g(k) + z is forecast as g(k) and the forecast of z; with g = 0 at the beginning."""
    known_spec = series_spec(covariates=2)
    rng = np.random.default_rng(0)
    z, known = observations(3), rng.normal(10, 2, (3, 30, 2)).astype(np.float32)
    model = models.build(known_spec, module, **build)
    plain = predict_with(model, z, known)
    np.testing.assert_allclose(plain, predict_with(model, z, known + 1), atol=1e-5)
    kernel = model.get_layer("effects").get_weights()[0]
    model.get_layer("effects").set_weights([rng.normal(size=kernel.shape)])
    tensors = {tensor.name: tensor for tensor in model.inputs}
    of_covariates = keras.Model(tensors, model.get_layer("effects").output)
    effects = of_covariates({"history": z, "known_covariates": known})
    effects = 2 * ops.convert_to_numpy(effects)  # of std = 2 degrees
    assert effects.std() > 0.5
    forecast = predict_with(model, z + effects[:, :24], known)
    np.testing.assert_allclose(forecast, plain + effects[:, 24:], atol=1e-3)


def predict_with(model, history, known) -> np.ndarray:
    inputs = {"history": history, "known_covariates": known}
    return ops.convert_to_numpy(model(inputs, training=False))
