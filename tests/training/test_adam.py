"""The update of all weights is Keras's Adam, but for a factor on the rate of some."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipelines.training.adam import LayerwiseAdam

RNG = np.random.default_rng(1)
SHAPES = [(3, 2), (4,), ()]
OPTIONS = [
    {},
    {"weight_decay": 0.1},
    {"global_clipnorm": 0.5},
    {"use_ema": True, "ema_momentum": 0.8},
    {"beta_1": 0.5, "beta_2": 0.7, "epsilon": 1e-3},
]


def trained(optimizer, gradients: list[list[np.ndarray]]) -> list[np.ndarray]:
    """The weights after a step for each list of gradients, the averages of weights included."""
    rng = np.random.default_rng(2)
    weights = [keras.Variable(rng.normal(size=shape).astype("float32")) for shape in SHAPES]
    optimizer.build(weights)
    step = tf.function(lambda values: optimizer.apply(values, weights))
    for values in gradients:
        step([tf.constant(value) for value in values])
    return [np.array(value) for value in [*weights, *optimizer.variables]]


def steps(count: int) -> list[list[np.ndarray]]:
    return [[RNG.normal(size=shape).astype("float32") for shape in SHAPES] for _ in range(count)]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "default")
def test_it_is_keras_s_adam(options):
    gradients = steps(20)
    schedule = keras.optimizers.schedules.CosineDecay(0.0, 30, warmup_target=0.3, warmup_steps=5)
    ours = trained(LayerwiseAdam({}, schedule, **options), gradients)
    theirs = trained(keras.optimizers.Adam(schedule, **options), gradients)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_it_is_one_operation_a_weight():
    weights = [keras.Variable(np.zeros(shape, "float32")) for shape in SHAPES]
    optimizer = LayerwiseAdam({}, 0.1)
    optimizer.build(weights)
    apply = tf.function(lambda values: optimizer.apply(values, weights))
    graph = apply.get_concrete_function([tf.zeros(shape) for shape in SHAPES]).graph
    types = [operation.type for operation in graph.get_operations()]
    assert types.count("ResourceApplyAdam") == len(SHAPES)
    assert "Sqrt" not in types


def test_rows_of_an_embedding_without_a_gradient_move_by_their_momentum():
    """As Keras has it: the moments of all rows decay in every step."""
    tables = []
    for optimizer in (LayerwiseAdam({}, 0.1), keras.optimizers.Adam(0.1)):
        table = keras.Variable(np.ones((4, 2), "float32"))
        optimizer.build([table])
        for row in (1, 2, 3):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.gather(table.value, [0, row]) ** 2)
            optimizer.apply(tape.gradient(loss, [table.value]), [table])
        tables.append(np.array(table))
    np.testing.assert_allclose(*tables, rtol=1e-5)
    assert (tables[0][1] < 0.8).all()
