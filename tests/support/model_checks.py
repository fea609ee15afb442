"""Checks that every model must pass; a new model is one `Case` in tests/models/test_models.py.

Also here: specs of small data, and a tiny prepared data set that several tests use.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import models
from pipelines.config import loader, signatures
from pipelines.spec import DataSpec, Field, Target
from pipelines.stages import prepare
from pipelines.training.adam import LayerwiseAdam
from pipelines.training.batches import RECONSTRUCTED

PARAMS = """
seed: 1
datasets:
  tiny:
    recipe: text_csv
    source: tiny.csv
    options:
      positive: {positive}
      inputs:
        words: {{granularity: word, vocabulary_size: 40, max_tokens: 9}}
        characters:
          {{granularity: character, lowercase: false, vocabulary_size: 30, max_tokens: 24}}
      split: {{method: random, val: 0.25, test: 0.25}}
baselines:
  tiny: {{task: text_classification, dataset: tiny, strong: linear}}
experiments:
  linear:
    task: text_classification
    dataset: tiny
    module: classical/linear_text
    build: {{builder: linear_text, family: tfidf_svm, ngrams: words}}
  cnn:
    task: text_classification
    dataset: tiny
    module: text_cnn
    build: {{builder: text_cnn, embedding_dim: 4, filters: 4, kernel_sizes: [1, 2], dropout: 0.2}}
    fit: {{epochs: {epochs}, batch_size: 8, learning_rate: {rate}, patience: {patience},
           ema_momentum: {ema}, jit_compile: {xla}, schedule: {schedule}}}
"""
CLASS_WORDS = {
    "spam": "win cash prize claim free urgent txt WINNER 100 call £".split(),
    "ham": "home later love dinner mum tomorrow sorry bus Sunday ok ?".split(),
}
SHARED_WORDS = "you the to now and me it is can your see at soon we go".split()
# The target of a decoder -> its input.
DECODED = {"target_out": "target_in", "caption_out": "caption_in"}
# Arguments that make training random: (off, on).
RANDOMNESS = {
    "dropout": (0.0, 0.5),
    "word_dropout": (0.0, 0.5),
    "augment": (None, {"rotation": 0.2}),
    "symmetry": ("none", "square"),
    "contrast": (0.0, 0.5),
}


@dataclass(frozen=True)
class Case:
    """A builder and the spec it is built for.

    Args:
        task: whose loss it is trained with.
        module: file name in models/.
        builder: function in it.
        spec: of the data.
        parameters: exact number of weights, computed by hand next to the table.
        hyperparameters: arguments of the builder.
    """

    task: str
    module: str
    builder: str
    spec: DataSpec
    parameters: int
    hyperparameters: Mapping = field(default_factory=dict)

    @property
    def name(self) -> str:
        choices = [value for value in self.hyperparameters.values() if isinstance(value, str)]
        return "-".join([self.builder, "+".join(self.spec.inputs), *choices])

    @property
    def accepted(self) -> list[str]:
        return signatures.builders(self.module)[self.builder]

    @property
    def deterministic(self) -> dict:
        """Hyperparameters that turn off all randomness of training."""
        return {name: off for name, (off, _) in RANDOMNESS.items() if name in self.accepted}

    @property
    def padded(self) -> list[str]:
        """Names of the inputs where id 0 is padding."""
        return [name for name, f in self.spec.inputs.items() if f.padded]

    def build(self, seed: int = 1, **changes) -> keras.Model:
        keras.utils.set_random_seed(seed)
        hyperparameters = {**self.hyperparameters, **changes}
        return models.build(self.spec, self.module, self.builder, **hyperparameters)

    def model(self) -> keras.Model:
        """As `build()` returns it. All checks share one, so none of them may compile it."""
        model, values = self._built
        for variable, value in zip(model.variables, values, strict=True):
            variable.assign(value)
        return model

    @cached_property
    def _built(self) -> tuple[keras.Model, list[np.ndarray]]:
        model = self.build()
        return model, [np.array(variable) for variable in model.variables]

    @property
    def outputs(self) -> int:
        """The numbers that a model returns for a row, or for a position."""
        if self.is_reconstructed:
            return sum(math.prod(f.shape) for f in self.spec.inputs.values())
        return self.spec.outputs

    @property
    def is_reconstructed(self) -> bool:
        """Whether the target is the input."""
        return getattr(self.objective, "FEED", None) == RECONSTRUCTED

    @property
    def objective(self):
        return loader.task_module(self.task, "objective")

    def loss(self):
        return self.objective.loss(self.spec)

    def batch(self, rows: int = 16) -> tuple[dict, np.ndarray]:
        """(inputs, targets) as the task's objective is fed."""
        inputs, targets = batch(self.spec, rows)
        if self.is_reconstructed:
            (targets,) = inputs.values()
        return inputs, targets


def batch(spec: DataSpec, rows: int = 16, seed: int = 1) -> tuple[dict, np.ndarray]:
    """(inputs, targets). Ids are never 0; checks that need padding add it."""
    rng = np.random.default_rng(seed)
    inputs = {name: _random_array(f, spec, rows, rng) for name, f in spec.inputs.items()}
    if spec.target.name == "label":
        return inputs, (np.arange(rows) % spec.outputs).astype(np.int32)
    if spec.target.any_size:  # a class a pixel
        return inputs, rng.integers(0, spec.outputs, (rows, *spec.target.shape)).astype(np.uint8)
    if spec.target.name in DECODED:  # the decoder's input, shifted left by one position
        return inputs, np.roll(inputs[DECODED[spec.target.name]], -1, axis=1)
    horizon = Field(
        (spec.task_metadata["horizon_steps"], len(spec.task_metadata["columns"])), "float32", ""
    )
    return inputs, _random_array(horizon, spec, rows, rng)


def _random_array(f: Field, spec: DataSpec, rows: int, rng) -> np.ndarray:
    """Ids, bytes, or observations with the mean and standard deviation of the spec."""
    shape = (rows, *f.shape)
    if f.dtype == "float32":
        facts = spec.task_metadata
        names = ("mean", "std") if "mean" in facts else ("centre", "scale")
        return rng.normal(*(facts[name] for name in names), shape).astype(f.dtype)
    return rng.integers(int(f.padded), f.size or 256, shape).astype(f.dtype)


def padded_batch(case: Case, rows: int = 16) -> dict:
    """Texts of every length from 1 to the number of positions, padded with 0."""
    inputs, _ = batch(case.spec, rows)
    for name in case.padded:
        for row, ids in enumerate(inputs[name]):
            ids[1 + row % len(ids) :] = 0
    return inputs


def perturbed(model: keras.Model) -> keras.Model:
    """The model with noise on all weights: zero biases would hide a leak of padding, and weights
    at their initial values would hide that they are not saved."""
    rng = np.random.default_rng(1)
    model.set_weights([w + rng.normal(0, 0.1, w.shape) for w in model.get_weights()])
    return model


def has_no_gradient(weight) -> bool:
    """The bias of the keys adds the same to all scores of a query; softmax is invariant to it."""
    return weight.path.endswith("key/bias")


def check_interface(case: Case) -> None:
    """Inputs named as in the spec, outputs that the loss can compare with targets, uncompiled, and
    the exact number of parameters."""
    model = case.model()
    assert {tensor.name: (tensor.shape[1:], tensor.dtype) for tensor in model.inputs} == {
        name: (f.open_shape, f.dtype) for name, f in case.spec.inputs.items()
    }
    assert not model.compiled
    assert model.count_params() == case.parameters
    inputs, targets = case.batch(rows=5)
    assert math.prod(size for size in model.output_shape if size) == case.outputs
    outputs = predict(model, inputs)
    assert outputs.shape[: targets.ndim] == targets.shape
    assert np.isfinite(case.loss()(targets, outputs))
    assert ((outputs < 0) | (outputs > 1)).any(), "all in 0 to 1: are these probabilities?"
    assert (np.ptp(outputs, axis=0) > 0).all(), "equal for all rows: is the input ignored?"


def check_round_trips(case: Case, folder: Path) -> None:
    """The config alone gives the same architecture, the file the same model."""
    model, inputs = perturbed(case.model()), padded_batch(case)
    expected = predict(model, inputs)
    copied = type(model).from_config(model.get_config())
    copied.set_weights(model.get_weights())
    np.testing.assert_array_equal(predict(copied, inputs), expected)
    model.save(folder / "model.keras")
    loaded = keras.saving.load_model(folder / "model.keras", compile=False)
    np.testing.assert_array_equal(predict(loaded, inputs), expected)
    assert [w.shape for w in loaded.weights] == [w.shape for w in model.weights]


def check_step(case: Case) -> None:
    """Every trainable weight gets a finite gradient and changes in a step along it; of the other
    weights only running statistics change."""
    model = case.model()
    inputs, targets = case.batch()
    before = [np.array(w) for w in model.weights]
    with tf.GradientTape() as tape:
        loss = case.loss()(targets, model(inputs, training=True))
    gradients = tape.gradient(loss, [w.value for w in model.trainable_weights])
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        assert gradient is not None, weight.path
        dense = tf.convert_to_tensor(gradient).numpy()
        assert np.isfinite(dense).all(), weight.path
        largest = np.abs(dense).max()
        assert largest < 1e-6 if has_no_gradient(weight) else largest > 0, (weight.path, largest)
    # Without momentum or weight decay, so that only gradients change weights.
    keras.optimizers.SGD(1.0).apply(gradients, model.trainable_weights)
    for weight, old in zip(model.weights, before, strict=True):
        moved = (np.array(weight) != old).any()
        if weight.trainable:
            assert moved or has_no_gradient(weight), weight.path
        else:
            assert not moved or weight.name.startswith("moving_"), weight.path


def check_overfits(case: Case, steps: int = 500, share: float = 0.02) -> None:
    """The model can memorise random targets of one batch: the loss falls to a share of the first.

    Warm-up keeps tanh units from saturating; decay lets the pinball loss converge, whose gradient
    does not shrink. The loss is that of training mode, where batch normalisation uses the batch;
    it is the mean of the last steps, and training ends when it has fallen far enough.
    """
    model = case.build(**case.deterministic)
    inputs, targets = case.batch(rows=8)
    warmup = steps // 5
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup, warmup_target=0.02, warmup_steps=warmup
    )
    optimizer = LayerwiseAdam({}, rate)
    optimizer.build(model.trainable_variables)  # in the first step it would trace the step twice
    model.compile(optimizer, loss=case.loss())
    goal = share * float(case.loss()(targets, model(inputs, training=True)))
    stop = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", logs["loss"] < goal)
    )
    together = 25
    repeated = {name: np.concatenate([values] * together) for name, values in inputs.items()}
    history = model.fit(
        repeated, np.concatenate([targets] * together), batch_size=8, shuffle=False, verbose=0,
        epochs=steps // together, callbacks=[stop],
    )  # fmt: skip
    assert history.history["loss"][-1] < goal


def check_padding(case: Case) -> None:
    """A text gets the same output without padding and with more padding than the batch needs."""
    model, inputs = perturbed(case.model()), padded_batch(case, rows=6)
    longer = inputs | {name: np.pad(inputs[name], ((0, 0), (0, 7))) for name in case.padded}
    outputs = predict(model, longer)
    assert np.ptp(outputs, axis=0).min() > 1e-3, "outputs must differ for this check to mean much"
    for row, padded in enumerate(outputs):
        alone = {name: values[row][None] for name, values in inputs.items()}
        alone |= {name: alone[name][alone[name] != 0][None] for name in case.padded}
        (expected,) = predict(model, alone)
        np.testing.assert_allclose(padded[: len(expected)], expected, rtol=0, atol=1e-5)


def check_padding_embedding(case: Case) -> None:
    """The embedding of id 0 has no influence on the outputs, to the bit."""
    model, inputs = perturbed(case.model()), padded_batch(case)
    expected = scored(predict(model, inputs), inputs)
    sizes = {case.spec.inputs[name].size for name in case.padded}  # not those of positions
    embeddings = [w for w in model.weights if w.path.endswith("embeddings") and w.shape[0] in sizes]
    assert embeddings
    for weight in embeddings:
        changed = np.array(weight)
        changed[0] = 1e4
        weight.assign(changed)
    np.testing.assert_array_equal(scored(predict(model, inputs), inputs), expected)


def scored(logits: np.ndarray, inputs: dict) -> np.ndarray:
    """The logits that are used: without padded target positions and without the padding id."""
    decoded = set(DECODED.values()) & set(inputs)
    return logits[inputs[decoded.pop()] != 0][:, 1:] if decoded else logits


def check_padding_alone(case: Case) -> None:
    """A text without tokens gets a finite output and does not change those of other rows."""
    model, (inputs, _) = case.model(), batch(case.spec, rows=2)
    expected = predict(model, inputs)
    for name in case.padded:
        inputs[name][1] = 0
    outputs = predict(model, inputs)
    assert np.isfinite(outputs).all()
    np.testing.assert_allclose(outputs[0], expected[0], rtol=0, atol=1e-6)
    assert (outputs[1] != expected[1]).any()


def check_randomness(case: Case) -> None:
    """Each source of randomness acts in training, and nothing else does; at inference none."""
    inputs, off = batch(case.spec)[0], case.deterministic
    assert not is_random(case.build(**off) if off else case.model(), inputs, training=True)
    for name in off:
        model = case.build(**{**off, name: RANDOMNESS[name][1]})
        assert is_random(model, inputs, training=True), name
        assert not is_random(model, inputs, training=False), name


def is_random(model: keras.Model, inputs: dict, training: bool) -> bool:
    first, second = (np.array(model(inputs, training=training)) for _ in range(2))
    return bool((first != second).any())


def check_half_precision(case: Case) -> None:
    """Mixed precision gives outputs near those of float32, for a text of padding alone too."""
    model, inputs = case.model(), padded_batch(case, rows=4)
    for name in case.padded:
        inputs[name][3] = 0
    keras.config.set_dtype_policy("mixed_float16")
    try:
        half = case.build()
    finally:
        keras.config.set_dtype_policy("float32")
    half.set_weights(model.get_weights())
    outputs = predict(half, inputs).astype(np.float32)
    np.testing.assert_allclose(outputs, predict(model, inputs), rtol=5e-3, atol=5e-3)


def predict(model: keras.Model, inputs: dict) -> np.ndarray:
    return np.array(model(inputs, training=False))


def text_spec(**sizes: tuple[int, int]) -> DataSpec:
    """Inputs by name: (positions, ids). Three classes."""
    return DataSpec(
        inputs={
            name: Field.token_ids(length, size)
            for name, (length, size) in sizes.items()
        },
        target=Target.class_id("label", 3), outputs=3, request_inputs=("text",),
        labels=("a", "b", "c"),
    )  # fmt: skip


def image_spec(height: int, width: int, channels: int, classes: int) -> DataSpec:
    return DataSpec(
        inputs={"image": Field(
            (height, width, channels), "uint8", "intensity, 0 to 255", kind="image"
        )},
        target=Target.class_id("label", classes), outputs=classes, request_inputs=("image_bytes",),
        labels=tuple(str(number) for number in range(classes)),
    )  # fmt: skip


def pairs_spec(positions: int, size: int) -> DataSpec:
    """Sentences and their translations, with one vocabulary."""
    ids = Field.token_ids(positions, size)
    return DataSpec(
        inputs={"source": ids, "target_in": ids},
        outputs=size,
        request_inputs=("text",),
        target=Target.token_ids(positions, size, name="target_out"),
    )


def tiny_project(
    folder: Path, *, positive="spam", epochs=3, rate=0.01, patience="null", ema="null",
    xla="false", schedule="constant",
) -> Path:  # fmt: skip
    """Writes tiny.csv and params.yaml into a folder, which must be the working directory.

    Four of the seven words of a text are typical of its class. Returns the path of params.yaml.
    """
    rng = np.random.default_rng(0)
    rows = []
    for number in range(60):
        label = ("ham", "spam")[number % 2]
        words = [*rng.choice(CLASS_WORDS[label], 4), *rng.choice(SHARED_WORDS, 3)]
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


def tiny_prepared(folder: Path, **settings) -> Path:
    """`tiny_project` after its stage `prepare`."""
    params = tiny_project(folder, **settings)
    prepare.run(params, "tiny")
    return params
