"""What every model must do, as functions: a new model's test is one `Case` in test_models.py.

Also here: a tiny prepared data set that several tests train, serve and score on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import models
from pipelines import config, prepare
from pipelines.spec import DataSpec, Field

PARAMS = """
seed: 1
datasets:
  tiny:
    recipe: text_csv
    source: tiny.csv
    options:
      positive: {positive}
      inputs:
        words: {{unit: word, vocabulary_size: 40, max_tokens: 9}}
        characters: {{unit: character, lowercase: false, vocabulary_size: 30, max_tokens: 24}}
      split: {{method: random, val: 0.25, test: 0.25}}
experiments:
  cnn:
    task: text_classification
    dataset: tiny
    module: text_cnn
    build: {{builder: text_cnn, embedding_width: 4, filters: 4, widths: [1, 2], dropout: 0.2}}
    fit: {{epochs: {epochs}, batch_size: 8, learning_rate: {rate}, patience: {patience},
           ema_momentum: {ema}}}
"""
OWN_WORDS = {
    "spam": "win cash prize claim free urgent txt WINNER 100 call £".split(),
    "ham": "home later love dinner mum tomorrow sorry bus Sunday ok ?".split(),
}
SHARED_WORDS = "you the to now and me it is can your see at soon we go".split()


@dataclass(frozen=True)
class Case:
    """One builder, the spec it is built for, and what is known of the result.

    parameters: the exact number of weights, worked out beside the table. task: whose loss it is
    trained with. padded: names of its inputs where id 0 is padding.
    """

    module: str
    builder: str
    spec: DataSpec
    parameters: int
    hyperparameters: Mapping = field(default_factory=dict)
    task: str = "text_classification"
    padded: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.builder}-{'+'.join(self.spec.inputs)}"

    def build(self, seed: int = 1, **changes) -> keras.Model:
        keras.utils.set_random_seed(seed)
        hyperparameters = {**self.hyperparameters, **changes}
        return models.build(self.spec, self.module, self.builder, **hyperparameters)

    def loss(self):
        return config.task_module(self.task, "objective").loss(self.spec)

    def longer(self, steps: int) -> "Case":
        """The same for inputs with room for more positions."""
        fields = {
            name: replace(f, shape=(f.shape[0] + steps, *f.shape[1:])) if name in self.padded else f
            for name, f in self.spec.inputs.items()
        }
        return replace(self, spec=replace(self.spec, inputs=fields))


def batch(spec: DataSpec, rows: int = 16, seed: int = 1) -> tuple[dict, np.ndarray]:
    """(inputs, targets): ids never 0 (padding is each check's own affair), numbers normal."""
    rng = np.random.default_rng(seed)
    inputs = {
        name: rng.integers(1, f.size, (rows, *f.shape)).astype(f.dtype)
        if f.size
        else rng.normal(size=(rows, *f.shape)).astype(f.dtype)
        for name, f in spec.inputs.items()
    }
    return inputs, (np.arange(rows) % spec.outputs).astype(np.int32)


def padded_batch(case: Case, rows: int = 16) -> dict:
    """Texts of every length from 1 to all positions, filled up with 0."""
    inputs, _ = batch(case.spec, rows)
    for name in case.padded:
        for row, ids in enumerate(inputs[name]):
            ids[1 + row % len(ids) :] = 0
    return inputs


def check_interface(case: Case) -> None:
    """Named inputs as in the spec, logits out, nothing compiled, the exact size."""
    model = case.build()
    assert {tensor.name: (tensor.shape[1:], tensor.dtype) for tensor in model.inputs} == {
        name: (f.open_shape, f.dtype) for name, f in case.spec.inputs.items()
    }
    assert model.output_shape == (None, case.spec.outputs)
    assert not model.compiled
    assert model.count_params() == case.parameters
    logits = answers(model, batch(case.spec, rows=5)[0])
    assert logits.shape == (5, case.spec.outputs)
    assert (logits < 0).any(), "no negative number: are these logits?"
    assert not np.allclose(logits.sum(axis=1), 1), "sums of 1: are these logits?"


def check_round_trips(case: Case, folder: Path) -> None:
    """The config alone gives the same architecture, the file the same model."""
    model, inputs = case.build(), padded_batch(case)
    expected = answers(model, inputs)
    copied = type(model).from_config(model.get_config())
    copied.set_weights(model.get_weights())
    np.testing.assert_array_equal(answers(copied, inputs), expected)
    model.save(folder / "model.keras")
    loaded = keras.saving.load_model(folder / "model.keras", compile=False)
    np.testing.assert_array_equal(answers(loaded, inputs), expected)
    assert [w.shape for w in loaded.weights] == [w.shape for w in model.weights]


def check_gradients(case: Case) -> None:
    """Every weight has a say in the loss."""
    model = case.build()
    inputs, targets = batch(case.spec)
    with tf.GradientTape() as tape:
        loss = case.loss()(targets, model(inputs, training=True))
    gradients = tape.gradient(loss, [w.value for w in model.trainable_weights])
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        assert gradient is not None, weight.path
        dense = tf.convert_to_tensor(gradient).numpy()
        assert np.isfinite(dense).all(), weight.path
        assert (dense != 0).any(), weight.path


def check_step(case: Case) -> None:
    """One step moves every trainable weight. Without momentum or decay: only gradients move."""
    model = case.build()
    model.compile(keras.optimizers.SGD(1.0), loss=case.loss(), run_eagerly=True)
    before = [np.array(w) for w in model.trainable_weights]
    model.train_on_batch(*batch(case.spec))
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert (np.array(weight) != old).any(), weight.path


def check_overfits(case: Case, steps: int = 400, below: float = 0.01) -> None:
    """Random labels of one batch are learned by heart."""
    silent = {name: 0.0 for name in case.hyperparameters if name.endswith("dropout")}
    model = case.build(**silent)
    inputs, targets = batch(case.spec, rows=8)
    model.compile(keras.optimizers.Adam(0.02), loss=case.loss())
    first = model.evaluate(inputs, targets, verbose=0)
    model.fit(inputs, targets, batch_size=8, epochs=steps, verbose=0)
    last = model.evaluate(inputs, targets, verbose=0)
    assert first > 0.5
    assert last < below


def check_padding(case: Case) -> None:
    """How much room there is after a text must not show."""
    model, inputs = case.build(), padded_batch(case)
    roomy = case.longer(7).build(seed=2)
    roomy.set_weights(model.get_weights())
    padded = {
        name: np.pad(ids, ((0, 0), (0, 7))) if name in case.padded else ids
        for name, ids in inputs.items()
    }
    expected = answers(model, inputs)
    assert np.ptp(expected, axis=0).min() > 1e-3, "the texts must differ for this to say anything"
    np.testing.assert_allclose(answers(roomy, padded), expected, rtol=0, atol=1e-6)


def check_padding_unread(case: Case) -> None:
    """Whatever stands in the embedding of id 0, the logits are the same to the bit."""
    model, inputs = case.build(), padded_batch(case)
    expected = answers(model, inputs)
    for name in case.padded:
        embedding = model.get_layer(f"{name}_embedding").embeddings
        changed = np.array(embedding)
        changed[0] = 1e4
        embedding.assign(changed)
    np.testing.assert_array_equal(answers(model, inputs), expected)


def check_nothing_but_padding(case: Case) -> None:
    """A text without a token gets an answer, and leaves its neighbour's alone."""
    model, (inputs, _) = case.build(), batch(case.spec, rows=2)
    expected = answers(model, inputs)
    for name in case.padded:
        inputs[name][1] = 0
    found = answers(model, inputs)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=1e-6)
    assert (found[1] != expected[1]).any()


def check_quiet(case: Case) -> None:
    """At inference nothing is drawn at random; in training something is."""
    model, (inputs, _) = case.build(), batch(case.spec)
    np.testing.assert_array_equal(answers(model, inputs), answers(model, inputs))
    if any(name.endswith("dropout") and rate for name, rate in case.hyperparameters.items()):
        trained = [np.array(model(inputs, training=True)) for _ in range(2)]
        assert (trained[0] != trained[1]).any()


def answers(model: keras.Model, inputs: dict) -> np.ndarray:
    return np.array(model(inputs, training=False))


def text_spec(**sizes: tuple[int, int]) -> DataSpec:
    """Inputs by name: (positions, ids). Three classes."""
    return DataSpec(
        inputs={
            name: Field((length,), "int32", "token id", size)
            for name, (length, size) in sizes.items()
        },
        target="label", outputs=3, raw="text", labels=("a", "b", "c"),
    )  # fmt: skip


def tiny_project(
    folder: Path, *, positive="spam", epochs=3, rate=0.01, patience="null", ema="null"
) -> Path:
    """tiny.csv and params.yaml in a folder, which must be the working directory; returns the
    latter. Two thirds of a text's words tell its class."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(60):
        label = ("ham", "spam")[number % 2]
        words = [*rng.choice(OWN_WORDS[label], 4), *rng.choice(SHARED_WORDS, 3)]
        rows.append(f'{label},"{" ".join(rng.permutation(words))}"')
    (folder / "tiny.csv").write_text("label,text\n" + "\n".join(rows) + "\n", "utf-8")
    filled = PARAMS.format(positive=positive, epochs=epochs, rate=rate, patience=patience, ema=ema)
    (folder / "params.yaml").write_text(filled, "utf-8")
    return folder / "params.yaml"


def tiny_prepared(folder: Path, **choices) -> Path:
    """The same with its `prepare` stage run."""
    params = tiny_project(folder, **choices)
    prepare.run(params, "tiny")
    return params
