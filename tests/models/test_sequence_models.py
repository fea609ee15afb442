"""Networks that are to remember: their equations, their gradients through time, what they see."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

import models
from models.layers.causal_conv import covering_dilations, receptive_field
from models.layers.chrono import ChronoBias
from models.tcn import tcn_sequence_model
from pipelines.config.errors import UserError
from pipelines.spec import DataSpec
from pipelines.tasks.sequence_memory import example, objective, state_gradients
from pipelines.training.adam import LayerwiseAdam

SPECS = {
    "number": example.example_spec(),
    "class": example.class_spec(),
    "symbols": example.symbols_spec(),
}
RECURRENT = "recurrent_sequence_models"
NETWORKS = {
    "elman": (RECURRENT, {"builder": "elman_sequence_model", "units": 4}),
    "gru": (RECURRENT, {"builder": "gru_sequence_model", "units": 4, "chrono": True}),
    "lstm": (RECURRENT, {"builder": "lstm_sequence_model", "units": 4}),
    "tcn": ("tcn", {"builder": "tcn_sequence_model", "filters": 4, "kernel_size": 3}),
}
STEPS, UNITS = 5, 3


def build(spec: DataSpec, name: str, **more) -> keras.Model:
    module, arguments = NETWORKS[name]
    keras.utils.set_random_seed(1)
    return models.build(spec, module, **{**arguments, **more})


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("kind", SPECS)
def test_answers_have_the_shape_of_the_target_and_the_file_gives_the_same(network, kind, tmp_path):
    spec = SPECS[kind]
    model = build(spec, network)
    inputs, targets = example.example_batch(spec, rows=3)
    outputs = model(inputs, training=False)
    classes = () if kind == "number" else (spec.outputs,)
    assert outputs.shape == ((3, 1) if kind == "number" else (*targets.shape, *classes))
    assert np.isfinite(float(objective.loss(spec)(targets, outputs)))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(loaded(inputs, training=False), outputs)


@pytest.mark.parametrize("network", NETWORKS)
def test_no_answer_depends_on_a_later_step(network):
    spec = SPECS["symbols"]
    model = build(spec, network)
    (sequences, _) = example.example_batch(spec, rows=2)
    sequences = sequences["sequence"]
    changed = sequences.copy()
    changed[:, 4:] = (changed[:, 4:] + 1) % spec.outputs
    before, after = (
        ops.convert_to_numpy(model({"sequence": x}, training=False)) for x in (sequences, changed)
    )
    np.testing.assert_allclose(before[:, :4], after[:, :4], atol=1e-6)
    assert (before[:, 4:] != after[:, 4:]).any()


@pytest.mark.parametrize("kernel_size", [2, 3, 7])
def test_the_tcn_sees_the_whole_sequence_and_fewer_blocks_do_not(kernel_size):
    steps = 40
    dilations = covering_dilations(kernel_size, steps)
    field = receptive_field(kernel_size, dilations)
    assert field >= steps
    spec = example.example_spec(field + 5)
    x, y = example.example_batch(spec, rows=4)
    model = tcn_sequence_model(spec, filters=4, kernel_size=kernel_size)
    # With positive weights and numbers no unit is at 0, where its gradient is lost.
    model.set_weights([np.abs(weight) for weight in model.get_weights()])
    sequences = np.abs(x["sequence"])
    gradient = state_gradients.of_inputs(model, sequences, y, objective.loss(spec))
    assert (gradient > 0).all()
    # Blocks for a shorter sequence do not reach the beginning of this one.
    with pytest.raises(UserError) as refused:
        tcn_sequence_model(spec, filters=4, kernel_size=kernel_size, dilations=dilations)
    assert refused.value.code == "receptive-field-too-small"


@pytest.mark.parametrize("norm", ["weight", "batch", "none"])
def test_the_norms_of_a_tcn_differ_by_their_parameters(norm):
    spec = example.example_spec(6)
    model = tcn_sequence_model(spec, filters=4, kernel_size=2, dilations=[1, 2, 4], norm=norm)
    kernels = 2 * 2 * 4 + 5 * 2 * 4 * 4  # six convolutions, the first of 2 channels
    # A bias and a gain each; four numbers of batch normalisation; a bias.
    extra = {"weight": 6 * 8, "batch": 6 * 16, "none": 6 * 4}[norm]
    assert model.count_params() == kernels + extra + (2 * 4 + 4) + 5


class TestSteps:
    """Keras's cells against the equations of recurrent_forecasters.py."""

    def run(self, layer):
        rng = np.random.default_rng(0)
        x, h, c = (rng.normal(size=(2, size)).astype(np.float32) for size in (4, UNITS, UNITS))
        layer.build((2, 1, 4))
        layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
        return x, h, c, [w.astype(np.float64) for w in layer.get_weights()]

    def test_of_a_gru(self):
        layer = layers.GRU(UNITS)
        x, h, _, (w, u, (b, d)) = self.run(layer)
        z, r, candidate = (slice(k * UNITS, (k + 1) * UNITS) for k in range(3))
        of_x, of_h = x @ w + b, h @ u + d
        update, reset = sigmoid(of_x[:, z] + of_h[:, z]), sigmoid(of_x[:, r] + of_h[:, r])
        new = np.tanh(of_x[:, candidate] + reset * of_h[:, candidate])
        expected = update * h + (1 - update) * new
        np.testing.assert_allclose(layer.cell(x, [h])[0], expected, atol=1e-5)

    def test_of_the_slides_gru(self):
        """Reset before the matrix, and a gate for what is new: Keras's without `reset_after`, whose
        update gate is for what is old."""
        layer = layers.GRU(UNITS, reset_after=False)
        x, h, _, (w, u, b) = self.run(layer)
        (w_z, w_r, w_c), (u_z, u_r, u_c), (b_z, b_r, b_c) = (
            np.split(matrix, 3, axis=-1) for matrix in (w, u, b)
        )
        gate = sigmoid(-(x @ w_z + h @ u_z + b_z))  # 1 - sigmoid(a) = sigmoid(-a)
        reset = sigmoid(x @ w_r + h @ u_r + b_r)
        new = np.tanh(x @ w_c + (reset * h) @ u_c + b_c)
        expected = (1 - gate) * h + gate * new
        np.testing.assert_allclose(layer.cell(x, [h])[0], expected, atol=1e-5)

    def test_of_an_lstm(self):
        layer = layers.LSTM(UNITS)
        x, h, c, (w, u, b) = self.run(layer)
        i, f, g, o = np.split(x @ w + h @ u + b, 4, axis=1)
        cell = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        output, (_, memory) = layer.cell(x, [h, c])
        np.testing.assert_allclose(memory, cell, atol=1e-5)
        np.testing.assert_allclose(output, sigmoid(o) * np.tanh(cell), atol=1e-5)


def test_backpropagation_through_time_is_a_sum_over_steps():
    """dL/dU = sum over k of (dL/dh_T) (dh_T/dh_k) (dh_k/dU with h_(k-1) fixed), of tanh units."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, STEPS, 2)).astype(np.float32)
    layer = layers.SimpleRNN(UNITS)
    layer.build(x.shape)
    layer.set_weights([0.5 * rng.normal(size=w.shape) for w in layer.get_weights()])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x) ** 2) / 2
    recurrent = layer.cell.recurrent_kernel
    from_tape = tape.gradient(loss, recurrent.value).numpy()
    w, u, b = (weight.astype(np.float64) for weight in layer.get_weights())
    states = [np.zeros(UNITS)]
    for step in range(STEPS):
        states.append(np.tanh(x[0, step] @ w + states[-1] @ u + b))
    total, upstream = np.zeros((UNITS, UNITS)), states[-1]  # dL/dh_T
    for step in range(STEPS, 0, -1):
        inner = upstream * (1 - states[step] ** 2)
        total += np.outer(states[step - 1], inner)
        upstream = u @ inner  # dL/dh_(step - 1)
    np.testing.assert_allclose(from_tape, total, atol=1e-5)


def linear_network(steps: int, matrix: np.ndarray) -> tuple[keras.Model, dict, np.ndarray]:
    """h_t = h_(t-1) @ matrix + 0, answered by the sum of h_T; with its inputs and targets."""
    units = len(matrix)
    spec = example.example_spec(steps)
    model = build(spec, "elman", units=units, activation="relu")
    model.get_layer("memory").cell.activation = keras.activations.linear
    kernels = [np.zeros((2, units)), matrix, np.zeros(units), np.ones((units, 1)), np.ones(1)]
    model.set_weights(kernels)
    inputs, targets = example.example_batch(spec, rows=4)
    return model, inputs, 0 * targets


@pytest.mark.parametrize(("weight", "power"), [(0.9, 0.005154), (1.0, 1.0), (1.1, 117.39)])
def test_the_gradient_through_50_steps_is_the_50th_power_of_the_weight(weight, power):
    """The slides' arithmetic: it vanishes, stays or explodes."""
    model, inputs, targets = linear_network(51, np.array([[weight]]))
    loss = keras.losses.MeanSquaredError()
    norms = state_gradients.of_states(model, inputs["sequence"], targets, loss)
    assert norms[0] / norms[-1] == pytest.approx(power, rel=1e-3)
    np.testing.assert_allclose(norms[1:] * weight, norms[:-1], rtol=1e-4)
    assert state_gradients.spectral_radius(model.get_layer("memory")) == pytest.approx(weight)


def test_the_spectral_radius_is_the_largest_absolute_eigenvalue():
    rotation = 1.5 * np.array([[0.0, -1.0], [1.0, 0.0]])  # eigenvalues 1.5 i and -1.5 i
    model, inputs, targets = linear_network(6, rotation)
    assert state_gradients.spectral_radius(model.get_layer("memory")) == pytest.approx(1.5)
    loss = keras.losses.MeanSquaredError()
    norms = state_gradients.of_states(model, inputs["sequence"], targets, loss)
    np.testing.assert_allclose(norms[:-1] / norms[1:], 1.5, rtol=1e-4)


def test_the_radius_of_gated_cells_is_that_of_their_candidate():
    rng = np.random.default_rng(0)
    for network, blocks in (("gru", 3), ("lstm", 4)):
        memory = build(SPECS["number"], network).get_layer("memory")
        kernel = rng.normal(size=(4, 4 * blocks))
        memory.cell.recurrent_kernel.assign(kernel)
        largest = np.abs(np.linalg.eigvals(kernel[:, 8:12])).max()
        assert state_gradients.spectral_radius(memory) == pytest.approx(largest, rel=1e-5)


@pytest.mark.parametrize("network", ["elman", "gru", "lstm"])
def test_the_gradient_of_the_first_input_passes_through_the_states(network):
    """dL/dx_1 = dL/dh_1 dh_1/dx_1: where no gradient reaches the state, none reaches the input."""
    spec = SPECS["number"]
    model = build(spec, network)
    x, y = example.example_batch(spec, rows=4)
    loss = objective.loss(spec)
    states = state_gradients.of_states(model, x["sequence"], y, loss)
    inputs = state_gradients.of_inputs(model, x["sequence"], y, loss)
    assert states.shape == inputs.shape == (6,)
    assert (states > 0).all() and (inputs > 0).all()
    model.get_layer("memory").cell.recurrent_kernel.assign(
        0 * model.get_layer("memory").cell.recurrent_kernel
    )
    if network == "elman":
        assert (state_gradients.of_states(model, x["sequence"], y, loss)[:-1] == 0).all()


def test_chrono_gates_are_open_for_one_step_to_all():
    keras.utils.set_random_seed(1)
    steps, units = 200, 500
    bias = ops.convert_to_numpy(ChronoBias(steps, (-1, 1, 0, 0))((4 * units,), "float32"))
    in_gate, forget, *others = np.split(bias, 4)
    np.testing.assert_array_equal(in_gate, -forget)
    assert not np.any(others)
    times = np.exp(forget)
    assert times.min() >= 1 and times.max() <= steps - 1
    assert times.mean() == pytest.approx(steps / 2, rel=0.1)
    of_gru = ops.convert_to_numpy(ChronoBias(steps, (1, 0, 0))((2, 3 * units), "float32"))
    assert (of_gru[0, :units] > 0).any() and not of_gru[0, units:].any() and not of_gru[1].any()


def test_an_irnn_begins_as_a_copy_of_its_state():
    model = build(SPECS["number"], "elman", activation="relu", recurrent_initializer="identity")
    cell = model.get_layer("memory").cell
    np.testing.assert_array_equal(cell.recurrent_kernel, np.eye(4))
    assert np.abs(ops.convert_to_numpy(cell.kernel)).max() < 0.01


class Recorded(LayerwiseAdam):
    """Keeps the gradients that the update is computed from."""

    def update_step(self, gradient, variable, learning_rate):
        self.used = [*getattr(self, "used", []), np.array(gradient)]
        super().update_step(gradient, variable, learning_rate)


@pytest.mark.parametrize("size", [0.01, 1000.0])
def test_clipping_bounds_the_norm_of_all_gradients_together(size):
    clip = 0.5
    weights = [keras.Variable(np.zeros(shape)) for shape in ((3, 2), (4,))]
    gradients = [tf.fill(weight.shape, np.float32(size)) for weight in weights]
    optimizer = Recorded({}, 0.1, global_clipnorm=clip)
    optimizer.apply(gradients, weights)
    norm = np.sqrt(sum(np.square(gradient).sum() for gradient in optimizer.used))
    assert norm <= clip * (1 + 1e-6)
    assert norm == pytest.approx(min(clip, size * np.sqrt(10)), rel=1e-5)
