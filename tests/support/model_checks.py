"""What every model must do, as functions: a new model's test is one `Case` in test_models.py.

Also here: a tiny prepared data set that several tests train, serve and score on.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import models
from pipelines.config import loader
from pipelines.spec import DataSpec, Field
from pipelines.stages import prepare

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
    build: {{builder: text_cnn, embedding_dim: 4, filters: 4, kernel_sizes: [1, 2], dropout: 0.2}}
    fit: {{epochs: {epochs}, batch_size: 8, learning_rate: {rate}, patience: {patience},
           ema_momentum: {ema}, jit_compile: {xla}, schedule: {schedule}}}
"""
OWN_WORDS = {
    "spam": "win cash prize claim free urgent txt WINNER 100 call £".split(),
    "ham": "home later love dinner mum tomorrow sorry bus Sunday ok ?".split(),
}
SHARED_WORDS = "you the to now and me it is can your see at soon we go".split()
# What builders let chance do in training, turned off and turned on.
CHANCE = {
    "dropout": (0.0, 0.5),
    "word_dropout": (0.0, 0.5),
    "augment": (None, {"rotation": 0.2}),
}


@dataclass(frozen=True)
class Case:
    """One builder, the spec it is built for, and what is known of the result.

    task: whose loss it is trained with. parameters: the exact number of weights, worked out beside
    the table.
    """

    task: str
    module: str
    builder: str
    spec: DataSpec
    parameters: int
    hyperparameters: Mapping = field(default_factory=dict)

    @property
    def name(self) -> str:
        words = [value for value in self.hyperparameters.values() if isinstance(value, str)]
        return "-".join([self.builder, "+".join(self.spec.inputs), *words])

    @property
    def accepted(self) -> list[str]:
        return loader.builders(self.module)[self.builder]

    @property
    def calm(self) -> dict:
        """The hyperparameters with which training draws nothing at random."""
        return {name: off for name, (off, _) in CHANCE.items() if name in self.accepted}

    @property
    def padded(self) -> list[str]:
        """Names of the inputs where id 0 is padding."""
        return [name for name, f in self.spec.inputs.items() if f.padded]

    def build(self, seed: int = 1, **changes) -> keras.Model:
        keras.utils.set_random_seed(seed)
        hyperparameters = {**self.hyperparameters, **changes}
        return models.build(self.spec, self.module, self.builder, **hyperparameters)

    def loss(self):
        return loader.task_module(self.task, "objective").loss(self.spec)


def batch(spec: DataSpec, rows: int = 16, seed: int = 1) -> tuple[dict, np.ndarray]:
    """(inputs, targets). Ids are never 0: padding is each check's own affair."""
    rng = np.random.default_rng(seed)
    inputs = {name: _drawn(f, spec, rows, rng) for name, f in spec.inputs.items()}
    if spec.target == "label":
        return inputs, (np.arange(rows) % spec.outputs).astype(np.int32)
    if spec.target == "target_out":  # what the decoder is given, one position earlier
        return inputs, np.roll(inputs["target_in"], -1, axis=1)
    horizon = Field((spec.facts["horizon_steps"], len(spec.facts["columns"])), "float32", "")
    return inputs, _drawn(horizon, spec, rows, rng)


def _drawn(f: Field, spec: DataSpec, rows: int, rng) -> np.ndarray:
    """Ids, bytes, or readings with the mean and deviation that the spec knows."""
    shape = (rows, *f.shape)
    if f.dtype == "float32":
        return rng.normal(spec.facts["mean"], spec.facts["std"], shape).astype(f.dtype)
    return rng.integers(int(f.padded), f.size or 256, shape).astype(f.dtype)


def padded_batch(case: Case, rows: int = 16) -> dict:
    """Texts of every length from 1 to all positions, filled up with 0."""
    inputs, _ = batch(case.spec, rows)
    for name in case.padded:
        for row, ids in enumerate(inputs[name]):
            ids[1 + row % len(ids) :] = 0
    return inputs


def shaken(model: keras.Model) -> keras.Model:
    """With no weight as it began: biases of 0 would hide what is done to padding, or not saved."""
    rng = np.random.default_rng(1)
    model.set_weights([w + rng.normal(0, 0.1, w.shape) for w in model.get_weights()])
    return model


def unseen(weight) -> bool:
    """A bias of keys adds the same to all scores of a query, which softmax does not see."""
    return weight.path.endswith("key/bias")


def check_interface(case: Case) -> None:
    """Named inputs as in the spec, logits or readings out that the loss can compare with targets,
    nothing compiled, the exact size."""
    model = case.build()
    assert {tensor.name: (tensor.shape[1:], tensor.dtype) for tensor in model.inputs} == {
        name: (f.open_shape, f.dtype) for name, f in case.spec.inputs.items()
    }
    assert math.prod(size for size in model.output_shape if size) == case.spec.outputs
    assert not model.compiled
    assert model.count_params() == case.parameters
    inputs, targets = batch(case.spec, rows=5)
    found = answers(model, inputs)
    assert found.shape[: targets.ndim] == targets.shape
    assert np.isfinite(case.loss()(targets, found))
    assert ((found < 0) | (found > 1)).any(), "all in 0 to 1: are these probabilities?"
    assert (np.ptp(found, axis=0) > 0).all(), "the same for every row: is it looked at?"


def check_round_trips(case: Case, folder: Path) -> None:
    """The config alone gives the same architecture, the file the same model."""
    model, inputs = shaken(case.build()), padded_batch(case)
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
        largest = np.abs(dense).max()
        assert largest < 1e-6 if unseen(weight) else largest > 0, (weight.path, largest)


def check_step(case: Case) -> None:
    """One step moves every trainable weight, and of the others running statistics alone.

    Without momentum or decay: only gradients move.
    """
    model = case.build()
    model.compile(keras.optimizers.SGD(1.0), loss=case.loss(), run_eagerly=True)
    before = [np.array(w) for w in model.weights]
    model.train_on_batch(*batch(case.spec))
    for weight, old in zip(model.weights, before, strict=True):
        moved = (np.array(weight) != old).any()
        if weight.trainable:
            assert moved or unseen(weight), weight.path
        else:
            assert not moved or weight.name.startswith("moving_"), weight.path


def check_overfits(case: Case, steps: int = 500, share: float = 0.02) -> None:
    """Random targets of one batch are learned by heart.

    Warm-up spares tanh units from saturation; decay lets the pinball loss, whose gradient does not
    shrink, come to rest. The loss is training's, in which normalisation knows the batch.
    """
    model = case.build(**case.calm)
    inputs, targets = batch(case.spec, rows=8)
    warmup = steps // 5
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup, warmup_target=0.02, warmup_steps=warmup
    )
    model.compile(keras.optimizers.Adam(rate), loss=case.loss())
    first = case.loss()(targets, model(inputs, training=True))
    often = {name: np.concatenate([values] * steps) for name, values in inputs.items()}
    model.fit(often, np.concatenate([targets] * steps), batch_size=8, shuffle=False, verbose=0)
    assert case.loss()(targets, model(inputs, training=True)) < share * first


def check_padding(case: Case) -> None:
    """A text gets the same answer alone and in a batch with more room than the longest needs."""
    model, inputs = shaken(case.build()), padded_batch(case, rows=6)
    roomy = {name: np.pad(ids, ((0, 0), (0, 7))) for name, ids in inputs.items()}
    found = answers(model, roomy)
    assert np.ptp(found, axis=0).min() > 1e-3, "the texts must differ for this to say anything"
    for row, padded in enumerate(found):
        alone = {name: ids[row][ids[row] != 0][None] for name, ids in inputs.items()}
        (expected,) = answers(model, alone)
        np.testing.assert_allclose(padded[: len(expected)], expected, rtol=0, atol=1e-5)


def check_padding_unread(case: Case) -> None:
    """Whatever stands in the embedding of id 0, the answers are the same to the bit."""
    model, inputs = shaken(case.build()), padded_batch(case)
    expected = asked(answers(model, inputs), inputs)
    embeddings = [w for w in model.weights if w.path.endswith("embeddings")]
    assert embeddings
    for weight in embeddings:
        changed = np.array(weight)
        changed[0] = 1e4
        weight.assign(changed)
    np.testing.assert_array_equal(asked(answers(model, inputs), inputs), expected)


def asked(logits: np.ndarray, inputs: dict) -> np.ndarray:
    """Without what nobody asks: a translator's words after the end, and its logits of padding."""
    return logits[inputs["target_in"] != 0][:, 1:] if "target_in" in inputs else logits


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
    """In training each source of chance draws at random, and nothing else; at inference none."""
    inputs, _ = batch(case.spec)
    assert not varies(case.build(**case.calm), inputs, training=True)
    for name in case.calm:
        loud = case.build(**{**case.calm, name: CHANCE[name][1]})
        assert varies(loud, inputs, training=True), name
        assert not varies(loud, inputs, training=False), name


def varies(model: keras.Model, inputs: dict, training: bool) -> bool:
    first, second = (np.array(model(inputs, training=training)) for _ in range(2))
    return bool((first != second).any())


def check_half_precision(case: Case) -> None:
    """Mixed precision gives finite answers near those of float32, with nothing but padding too."""
    model, inputs = case.build(), padded_batch(case, rows=4)
    for name in case.padded:
        inputs[name][3] = 0
    keras.config.set_dtype_policy("mixed_float16")
    try:
        half = case.build()
    finally:
        keras.config.set_dtype_policy("float32")
    half.set_weights(model.get_weights())
    found = answers(half, inputs).astype(np.float32)
    np.testing.assert_allclose(found, answers(model, inputs), rtol=5e-3, atol=5e-3)


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


def image_spec(height: int, width: int, channels: int, classes: int) -> DataSpec:
    return DataSpec(
        inputs={"image": Field((height, width, channels), "uint8", "intensity, 0 to 255")},
        target="label", outputs=classes, raw="image_bytes",
        labels=tuple(str(number) for number in range(classes)),
    )  # fmt: skip


def series_spec(
    history=24, horizon=6, columns=1, quantiles=(), season=12, stride=1, std=None, mean=None
) -> DataSpec:
    """Columns named a, b, ... in degC."""
    names = [chr(ord("a") + place) for place in range(columns)]
    return DataSpec(
        inputs={"history": Field((history, columns), "float32", "degC")},
        target="future", raw="history", outputs=horizon * columns * max(1, len(quantiles)),
        facts={
            "columns": names, "units": ["degC"] * columns, "frequency": "D",
            "horizon_steps": horizon, "season_steps": season, "stride": stride,
            "quantiles": list(quantiles), "refit": True, "mean": mean or [10.0] * columns,
            "std": std or [2.0] * columns, "mase_scale": [1.0] * columns,
        },
    )  # fmt: skip


def pairs_spec(positions: int, size: int) -> DataSpec:
    """Sentences and their translations, of one vocabulary."""
    ids = Field((positions,), "int32", "token id", size)
    return DataSpec(
        inputs={"source": ids, "target_in": ids}, target="target_out", outputs=size, raw="text"
    )


def tiny_project(
    folder: Path, *, positive="spam", epochs=3, rate=0.01, patience="null", ema="null",
    xla="false", schedule="constant",
) -> Path:  # fmt: skip
    """tiny.csv and params.yaml in a folder, which must be the working directory; returns the
    latter. Two thirds of a text's words tell its class."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(60):
        label = ("ham", "spam")[number % 2]
        words = [*rng.choice(OWN_WORDS[label], 4), *rng.choice(SHARED_WORDS, 3)]
        rows.append(f'{label},"{" ".join(rng.permutation(words))}"')
    (folder / "tiny.csv").write_text("label,text\n" + "\n".join(rows) + "\n", "utf-8")
    filled = PARAMS.format(
        positive=positive,
        epochs=epochs,
        rate=rate,
        patience=patience,
        ema=ema,
        xla=xla,
        schedule=schedule,
    )
    (folder / "params.yaml").write_text(filled, "utf-8")
    return folder / "params.yaml"


def tiny_prepared(folder: Path, **choices) -> Path:
    """The same with its `prepare` stage run."""
    params = tiny_project(folder, **choices)
    prepare.run(params, "tiny")
    return params
