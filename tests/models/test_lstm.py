"""The fast LSTM is Keras's: outputs, states, gradients, dropout, files; and where it is not."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src import api_export

from models.layers import LSTM, block_lstm

ROWS, STEPS, FEATURES, UNITS = 5, 7, 3, 4
RNG = np.random.default_rng(1)
INPUTS = RNG.normal(size=(ROWS, STEPS, FEATURES)).astype(np.float32)
STATES = [RNG.normal(size=(ROWS, UNITS)).astype(np.float32) for _ in range(2)]
MASKS = {
    "none": None,
    "right": np.arange(STEPS) < np.array([[7], [3], [1], [0], [5]]),
    "left": np.arange(STEPS) >= np.array([[2], [0], [6], [7], [3]]),
    "holes": np.random.default_rng(2).random((ROWS, STEPS)) < 0.6,
    "empty": np.zeros((ROWS, STEPS), bool),
}


def pair(**options) -> tuple[keras.layers.Layer, keras.layers.Layer]:
    """Ours and Keras's, with equal weights; no bias is zero."""
    options = {"units": UNITS, "return_sequences": True, "return_state": True, **options}
    layers = LSTM(**options), keras.layers.LSTM(**options)
    for layer in layers:
        layer.build((None, STEPS, FEATURES))
    rng = np.random.default_rng(3)
    values = [rng.normal(size=weight.shape) for weight in layers[0].weights]
    for layer in layers:
        layer.set_weights(values)
    return layers


def results(layer, inputs=INPUTS, states=None, **call) -> list[np.ndarray]:
    """Outputs and states, and the gradients of a sum over them."""
    given = [tf.constant(value) for value in (inputs, *(states or ()))]
    weights = [weight.value for weight in layer.trainable_weights]
    with tf.GradientTape() as tape:
        tape.watch(given)
        outputs = layer(given[0], initial_state=given[1:] or None, **call)
        outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        total = tf.add_n([tf.reduce_sum(tf.sin(value + 1)) for value in outputs])
    gradients = tape.gradient(total, [*weights, *given])
    return [np.array(value) for value in [*outputs, *gradients]]


def check(ours, theirs, **call) -> None:
    for one, other in zip(results(ours, **call), results(theirs, **call), strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def operations(layer, **call) -> set[str]:
    """Types of operations of its graph, those of functions in it included."""
    graph = (
        tf.function(lambda x: layer(x, **call)).get_concrete_function(INPUTS).graph.as_graph_def()
    )
    bodies = [graph.node, *(function.node_def for function in graph.library.function)]
    return {node.op for nodes in bodies for node in nodes}


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize(
    ("states", "backwards"), [(None, False), (STATES, True)], ids=["forwards", "backwards"]
)
def test_outputs_states_and_gradients(mask, states, backwards):
    ours, theirs = pair(go_backwards=backwards)
    check(ours, theirs, mask=MASKS[mask], states=states)
    ours.halves = True
    check(ours, theirs, mask=MASKS[mask], states=states)


@pytest.mark.parametrize("mask", ["right", "holes"])
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("zero", [False, True])
def test_what_is_returned(mask, sequences, zero):
    options = {"return_sequences": sequences, "return_state": False, "zero_output_for_mask": zero}
    check(*pair(**options), mask=MASKS[mask])


@pytest.mark.parametrize("mask", ["none", "right"])
def test_fewer_rows_than_halves(mask):
    cut = None if MASKS[mask] is None else MASKS[mask][:1]
    ours, theirs = pair()
    ours.halves = True
    check(ours, theirs, inputs=INPUTS[:1], mask=cut)


@pytest.mark.parametrize("mask", ["none", "right"])
@pytest.mark.parametrize("halves", [False, True])
def test_no_rows(mask, halves):
    """For which Keras's loop raises an error, and the kernel would end the process."""
    cut = None if MASKS[mask] is None else MASKS[mask][:0]
    ours, _ = pair()
    ours.halves = halves
    outputs, *states = ours(INPUTS[:0], mask=cut)
    assert outputs.shape == (0, STEPS, UNITS)
    assert [state.shape for state in states] == [(0, UNITS)] * 2


@pytest.mark.parametrize("features", [2, 3])
def test_the_kernel_has_nothing_to_warn_of(features, capfd):
    layer = LSTM(UNITS)
    layer(np.zeros((3, STEPS, features), np.float32))
    assert "BlockLSTM" not in capfd.readouterr().err


@pytest.mark.parametrize("mask", ["none", "right"])
def test_one_step(mask):
    cut = None if MASKS[mask] is None else MASKS[mask][:, :1]
    check(*pair(), inputs=INPUTS[:, :1], mask=cut, states=STATES)


def test_dropout_of_inputs():
    ours, theirs = pair(dropout=0.5, seed=7)
    check(ours, theirs, training=True)
    kept = results(ours)[0]
    assert np.abs(results(ours, training=True)[0] - kept).max() > 1e-2


@pytest.mark.parametrize("mask", ["none", "right", "holes"])
def test_both_directions(mask, monkeypatch):
    layer = keras.layers.Bidirectional(LSTM(UNITS, return_sequences=True))
    layer.build((None, STEPS, FEATURES))
    assert type(layer.forward_layer) is type(layer.backward_layer) is LSTM
    ours = results(layer, mask=MASKS[mask])
    monkeypatch.setattr(LSTM, "_has_kernel", lambda self: False)
    for one, other in zip(ours, results(layer, mask=MASKS[mask]), strict=True):
        assert one == pytest.approx(other, abs=1e-5)


@pytest.mark.parametrize("length", [None, STEPS])
def test_open_shapes_in_a_graph(length):
    ours, theirs = pair()
    inputs = keras.Input((length, FEATURES))
    for mask in (None, keras.layers.Masking()):
        one, other = (
            keras.Model(inputs, layer(inputs if mask is None else mask(inputs)))
            for layer in (ours, theirs)
        )
        padded = INPUTS * MASKS["right"][:, :, None]
        expected = other.predict(padded, verbose=0)
        for value, target in zip(one.predict(padded, verbose=0), expected, strict=True):
            assert value == pytest.approx(target, abs=1e-5)


def test_a_file_names_keras_s_layer_and_is_read_as_this_one(tmp_path):
    inputs = keras.Input((STEPS, FEATURES))
    model = keras.Model(inputs, keras.layers.Bidirectional(LSTM(UNITS), name="both")(inputs))
    described = keras.saving.serialize_keras_object(LSTM(UNITS, name="x"))
    assert described == keras.saving.serialize_keras_object(keras.layers.LSTM(UNITS, name="x"))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert np.array_equal(loaded(INPUTS), model(INPUTS))
    assert type(loaded.get_layer("both").forward_layer) is LSTM


def test_keras_alone_reads_the_file(tmp_path, monkeypatch):
    inputs = keras.Input((STEPS, FEATURES))
    model = keras.Model(inputs, LSTM(UNITS, name="layer")(inputs))
    model.save(tmp_path / "model.keras")
    monkeypatch.setitem(api_export.REGISTERED_NAMES_TO_OBJS, "keras.layers.LSTM", keras.layers.LSTM)
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.get_layer("layer")) is keras.layers.LSTM
    assert np.array(loaded(INPUTS)) == pytest.approx(np.array(model(INPUTS)), abs=1e-5)


def test_the_kernel_replaces_the_loop():
    ours, theirs = pair()
    assert "BlockLSTM" in operations(ours)
    assert not operations(ours) & {"While", "StatelessWhile"}
    assert operations(theirs) & {"While", "StatelessWhile"}


@pytest.mark.parametrize(
    "options",
    [
        {"activation": "relu"}, {"recurrent_activation": "hard_sigmoid"}, {"use_bias": False},
        {"recurrent_dropout": 0.1}, {"unroll": True}, {"dtype": "float64"},
    ],
    ids=lambda options: "-".join(options),
)  # fmt: skip
def test_what_the_kernel_cannot_do_has_keras_s_loop(options):
    ours, theirs = pair(**options)
    assert "BlockLSTM" not in operations(ours)
    assert ours.supports_jit == theirs.supports_jit
    check(ours, theirs)


@pytest.mark.parametrize("machine", ["gpu", "jax"])
def test_other_machines_have_keras_s_layer(machine, monkeypatch):
    if machine == "gpu":
        monkeypatch.setattr(block_lstm, "has_gpu", lambda: True)
    else:
        monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    layer = LSTM(UNITS)
    assert layer.supports_jit
    assert "BlockLSTM" not in operations(layer)


def test_xla_cannot_compile_it():
    assert not LSTM(UNITS).supports_jit


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("halves", [False, True])
def test_sizes_that_are_known_stay_known_in_a_graph(halves, masked):
    """A loop over its states needs them."""
    layer = LSTM(UNITS, return_sequences=True, return_state=True, halves=halves)
    layer.build((None, None, FEATURES))
    inputs = tf.TensorSpec((None, None, FEATURES))
    state = tf.TensorSpec((None, UNITS))

    def call(steps, hidden, carry, mask):
        return layer(steps, initial_state=[hidden, carry], mask=mask if masked else None)

    graph = tf.function(call).get_concrete_function(
        inputs, state, state, tf.TensorSpec((None, None), tf.bool)
    )
    shapes = [output.shape.as_list() for output in graph.outputs]
    assert shapes == [[None, None, UNITS], [None, UNITS], [None, UNITS]]
