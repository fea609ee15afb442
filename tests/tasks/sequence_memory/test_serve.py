"""What is served is what is scored; the classical model's graph is its numpy functions."""

import numpy as np
import pytest
import tensorflow as tf

import models
from pipelines.classical.linear_sequences import logistic, ridge
from pipelines.datasets import copy_memory
from pipelines.inference.decision import DecisionRule
from pipelines.tasks.sequence_memory import example, score, serve

SPECS = {
    "number": example.example_spec(),
    "class": example.class_spec(),
    "symbols": example.symbols_spec(),
}
KINDS = pytest.mark.parametrize("kind", SPECS)


def served(module, signatures, folder, sequences, name="serving_default"):
    tf.saved_model.save(module, str(folder / "model"), signatures)
    loaded = tf.saved_model.load(str(folder / "model")).signatures
    return {
        key: {n: v.numpy() for n, v in loaded[key](sequence=tf.constant(sequences)).items()}
        for key in loaded
    }


def check_answers(answers, outputs, kind, spec):
    """Both signatures against the outputs that `evaluate` scores."""
    values = serve.outputs(answers["steps"], spec).values
    np.testing.assert_allclose(values, outputs.values, rtol=1e-5, atol=1e-6)
    default = answers["serving_default"]
    if kind == "number":
        np.testing.assert_array_equal(default["value"], values)
    elif kind == "class":
        assert [label.decode() for label in default["label"]] == [
            spec.labels[number] for number in outputs.predicted
        ]
        np.testing.assert_allclose(default["probability"], outputs.values.max(axis=1), rtol=1e-5)
    else:
        np.testing.assert_array_equal(default["digits"], outputs.predicted[:, -2:])
        assert default["digits"].dtype == np.int32


@KINDS
def test_a_network_answers_when_served_as_when_it_is_scored(kind, tmp_path):
    spec = SPECS[kind]
    inputs, _ = example.example_batch(spec, rows=5)
    model = models.build(spec, "tcn", "tcn_sequence_model", filters=4, kernel_size=3)
    outputs = score.predict(model, inputs, spec, DecisionRule())
    module, signatures = serve.endpoints(model, spec, tmp_path, DecisionRule())
    answers = served(module, signatures, tmp_path, inputs["sequence"])
    check_answers(answers, outputs, kind, spec)


@KINDS
def test_a_linear_model_answers_when_served_as_when_it_is_scored(kind, tmp_path):
    spec = SPECS[kind]
    (train, targets), (val, val_targets) = (
        example.example_batch(spec, rows, seed) for rows, seed in ((60, 1), (20, 2))
    )
    name = spec.target.name
    estimator = models.build(spec, "classical/linear_sequence", "linear_sequence")
    estimator.fit(train | {name: targets}, val | {name: val_targets}, 1)
    (tmp_path / "saved").mkdir()
    estimator.save(tmp_path / "saved")
    restored = models.build(spec, "classical/linear_sequence", "linear_sequence")
    restored.restore(tmp_path / "saved")
    outputs = score.Outputs(**restored.predict(val))
    np.testing.assert_array_equal(outputs.values, estimator.predict(val)["values"])
    assert restored.selection == estimator.selection
    module, signatures = serve.estimator_endpoints(restored, spec, tmp_path)
    answers = served(module, signatures, tmp_path, val["sequence"])
    check_answers(answers, outputs, kind, spec)


def test_unknown_ids_are_refused(tmp_path):
    spec = SPECS["symbols"]
    model = models.build(spec, "tcn", "tcn_sequence_model", filters=2, kernel_size=3)
    module, _ = serve.endpoints(model, spec, tmp_path, DecisionRule())
    sequences = np.zeros((2, 6), np.int32)
    for unknown in (-1, 5):
        sequences[1, 3] = unknown
        with pytest.raises(tf.errors.InvalidArgumentError, match="sequence"):
            module.answer(tf.constant(sequences))


def test_a_linear_model_copies_without_memory():
    """It has a weight for each step: the order of the symbols is in its weights."""
    options = copy_memory.Options(delay_steps=30, digits=3, symbols=4)
    sequences, targets = copy_memory.draw(options, 64, np.random.default_rng(0))
    spec = example.symbols_spec(36, 6, 3)
    columns = {"sequence": sequences, "digits": targets}
    estimator = models.build(spec, "classical/linear_sequence", "linear_sequence")
    estimator.fit(columns, columns, 1)
    predicted = estimator.predict({"sequence": sequences})["values"].argmax(axis=-1)
    np.testing.assert_array_equal(predicted, targets)


def test_ridge_is_least_squares_without_a_penalty():
    rng = np.random.default_rng(0)
    features, weights = rng.normal(size=(50, 3)), np.array([1.0, -2.0, 0.5])
    fitted = ridge(features, features @ weights + 4, 1e-9)
    np.testing.assert_allclose(fitted.weights[0, :, 0], weights, atol=1e-6)
    np.testing.assert_allclose(fitted.biases, [[4.0]], atol=1e-6)


def test_two_classes_have_logits_as_more_have():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 2))
    targets = (features[:, :1] > 0).astype(np.int32)
    probabilities = logistic(features, targets, 3, penalty=0.01)(features)[:, 0]
    assert (probabilities.argmax(axis=1) == targets[:, 0]).mean() > 0.97
    assert probabilities[:, 2].max() < 1e-10  # train has no third class
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
