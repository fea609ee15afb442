"""A warm start from a text encoder: its stage, the model, its phases and what is served."""

import json
from dataclasses import replace
from pathlib import Path

import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf

import models
from pipelines.config import schema
from pipelines.evaluation import load_model
from pipelines.inference.decision import DecisionRule
from pipelines.preparation import encoder_folder, encoder_texts
from pipelines.preparation.encoder_texts import INPUT
from pipelines.preprocessing.wordpiece import WordPieces
from pipelines.spec import DataSpec
from pipelines.stages import export, warm_start
from pipelines.storage import arrays, keras_file
from pipelines.tasks.text_classification import figures, score, serve, word_attributions
from pipelines.training import adam, phases
from tests.support.encoders import VOCABULARY, preset, published
from tests.support.model_checks import tiny_prepared
from tests.support.user_errors import user_error

KEY = "tiny_pieces"
DECISION = DecisionRule(positive=1, slope=1.3, intercept=-0.2, threshold=0.45)


def with_warm_start(params: Path, **entry) -> Path:
    block = json.dumps({"dataset": "tiny", "weights": "weights", **entry})
    params.write_text(params.read_text() + f"warm_starts:\n  {KEY}: {block}\n")
    return params


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A prepared data set whose warm start is a preset; the working directory is its folder."""
    folder = tmp_path_factory.mktemp("warm")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        keras.utils.set_random_seed(1)
        preset(folder / "weights")
        warm_start.run(with_warm_start(tiny_prepared(folder), max_tokens=12), KEY)
        yield folder / "data/prepared" / KEY


@pytest.fixture(scope="module")
def spec(project) -> DataSpec:
    return DataSpec.load(project / "spec.json")


@pytest.fixture(scope="module")
def model(spec) -> keras.Model:
    keras.utils.set_random_seed(2)
    return models.build(spec, "pretrained_text", "pretrained_text")


def split(project, name: str) -> dict:
    return arrays.read(project / "repeat0" / name)


def test_the_texts_are_the_same_and_their_ids_the_encoders(project, spec):
    before = DataSpec.load(project.parent / "tiny/spec.json")
    field = spec.inputs[INPUT]
    assert list(spec.inputs) == [INPUT] and (field.shape, field.size) == ((12,), len(VOCABULARY))
    assert (spec.labels, spec.target) == (before.labels, before.target)
    tokenizer = WordPieces.load(project / "repeat0/assets" / f"{INPUT}.json")
    for name in ("train", "val", "test"):
        old, new = split(project.parent / "tiny", name), split(project, name)
        assert list(old["text"]) == list(new["text"])
        np.testing.assert_array_equal(old["label"], new["label"])
        assert {*old} - {*before.inputs} == {*new} - {INPUT}
        assert arrays.digest(project / "repeat0" / name) == spec.digests[f"repeat0/{name}"]
        for row, text in zip(new[INPUT], new["text"], strict=True):
            (ids,) = tokenizer.encode([text])
            assert row[row != 0].tolist() == tokenizer.cut(ids)


@pytest.mark.parametrize(
    ("entry", "code", "key"),
    [
        ({"max_tokens": 33}, "max-tokens-too-many", "max_tokens"),
        ({"weights": "hf://bert/tiny"}, "file-missing", None),
        ({"weights": "bert_tiny_en_uncased"}, "file-missing", None),
        ({"weights": "weights/vocab.txt", "max_tokens": 9}, "max-tokens-without-encoder",
         "max_tokens"),
        ({"weights": "empty"}, "model-missing", None),
        ({"weights": "half"}, "weights-damaged", None),
    ],
)  # fmt: skip
def test_refused_and_nothing_written(tmp_path, monkeypatch, entry, code, key):
    monkeypatch.chdir(tmp_path)
    params = with_warm_start(tiny_prepared(tmp_path), **entry)
    (tmp_path / "empty").mkdir()
    published(tmp_path / "weights")
    half = published(tmp_path / "half") / "model.safetensors"
    half.write_bytes(half.read_bytes()[:-2])
    with user_error(code, key=key):
        warm_start.run(params, KEY)
    assert not (tmp_path / "data/prepared" / KEY).exists()


def test_an_encoder_needs_texts(tmp_path, spec):
    encoder = encoder_folder.read(published(tmp_path / "weights"))
    images = replace(spec, request_inputs=("image",))
    with user_error("encoder-without-texts", key="dataset", value="image"):
        encoder_texts.write(tmp_path, tmp_path / "out", images, encoder, None)


def test_the_encoders_own_weights_are_loaded_and_frozen(project, model):
    backbone = keras_hub.models.Backbone.from_preset(str(project / "warm_start/encoder"))
    encoder = model.get_layer("backbone").get_layer("encoder")
    for layer in encoder.layers:
        for mine, theirs in zip(layer.weights, backbone.get_layer(layer.name).weights, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert [weight.path for weight in model.trainable_weights] == ["logits/kernel", "logits/bias"]


def test_features_are_means_over_pieces_whatever_the_padding(project, spec, model):
    columns = split(project, "train")
    index = [layer.name for layer in model.layers].index("backbone") + 1
    body, _ = phases.split_at_layer(model, index)
    features = phases.features(body, spec, columns)["features"]
    encoder = model.get_layer("backbone").get_layer("encoder")
    for row, ids in enumerate(np.asarray(columns[INPUT])[:6]):
        alone = ids[ids != 0][None]
        sequence = encoder({
            "token_ids": alone, "padding_mask": alone != 0, "segment_ids": 0 * alone,
        })  # fmt: skip
        np.testing.assert_allclose(features[row], np.mean(sequence[0], axis=0), atol=1e-5)


def test_rates_decay_from_the_last_layer_to_the_first(spec):
    model = models.build(spec, "pretrained_text", "pretrained_text")
    backbone = model.get_layer("backbone")
    phases.unfreeze(backbone, None)
    rates = phases.layer_rates(backbone, 0.5)
    names = ["transformer_layer_1", "transformer_layer_0", "embeddings_layer_norm"]
    for depth, name in enumerate(names, 1):
        paths = [w.path for w in backbone.get_layer("encoder").get_layer(name).weights]
        assert {rates[path] for path in paths} == {0.5**depth}
    assert not any(path.startswith("logits") for path in rates)
    phases.unfreeze(backbone, 1)
    assert {*phases.layer_rates(backbone, 0.5).values()} == {0.5}
    assert phases.layer_rates(backbone, 1.0) == {}


def test_a_factor_scales_the_step_of_its_weight():
    keras.utils.set_random_seed(1)
    model = keras.Sequential([
        keras.Input((2,)), keras.layers.Dense(2, name="low"), keras.layers.Dense(2, name="high"),
    ])  # fmt: skip
    before = {weight.path: np.array(weight) for weight in model.weights}
    rates = {path: 0.01 for path in before if path.endswith("low/kernel")}
    model.compile(adam.LayerwiseAdam(rates, 0.1), "mse")
    model.train_on_batch(np.ones((4, 2)), 9 * np.ones((4, 2)))
    for weight in model.weights:
        step = np.abs(np.array(weight) - before[weight.path]).max()
        assert step == pytest.approx(0.1 * rates.get(weight.path, 1), rel=1e-3)


def test_the_second_phase_has_its_own_settings(project, spec):
    model = models.build(spec, "pretrained_text", "pretrained_text")
    fit = {
        "epochs": 2, "batch_size": 8, "learning_rate": 0.01, "patience": None, "length_buckets": 2,
        "fine_tune": {"epochs": 3, "learning_rate": 1e-4, "layers": 1, "layer_decay": 0.5,
                      "schedule": "cosine", "warmup": 0.1, "weight_decay": 0.01, "batch_size": 4},
    }  # fmt: skip
    settings = schema.Fit.model_validate(fit)
    columns = split(project, "train")
    first, second = [*phases.phases(model, spec, columns, columns, settings)]
    assert first.settings.length_buckets is None and first.settings.warmup == 0
    changed = second.settings
    assert (changed.schedule, changed.warmup, changed.weight_decay) == ("cosine", 0.1, 0.01)
    assert (changed.batch_size, changed.epochs, changed.length_buckets) == (4, 3, 2)
    assert {*second.rates.values()} == {0.5}
    assert len(model.trainable_weights) == 16 + 2  # the last block, and the head


@pytest.mark.parametrize("changes", [{"pooling": "max"}, {"weights": "imagenet"}])
def test_unknown_choices(spec, changes):
    ((name, value),) = changes.items()
    with user_error(f"{name}-unknown", key=f"build.{name}", value=value):
        models.build(spec, "pretrained_text", "pretrained_text", **changes)


def test_a_changed_encoder_is_not_loaded(project, spec, tmp_path):
    changed = replace(spec, digests={**spec.digests, "warm_start": "0" * 64})
    with user_error("warm-start-changed"):
        models.build(changed, "pretrained_text", "pretrained_text")


def test_data_without_a_warm_start(project, spec):
    plain = DataSpec.load(project.parent / "tiny/spec.json")
    plain = replace(plain, inputs={"words": plain.inputs["words"]})
    with user_error("warm-start-missing", key="build.weights"):
        models.build(plain, "pretrained_text", "pretrained_text")


def test_the_saved_model_loads_in_safe_mode(model, tmp_path):
    (tmp_path / "t").mkdir()
    keras_file.save(model, tmp_path / "t/model.keras")
    digest = keras_file.digest(tmp_path / "t/model.keras")
    loaded = load_model.load(tmp_path / "t", {"models": {"t": digest}})
    ids = np.array([[2, 5, 6, 3, 0]])
    np.testing.assert_array_equal(
        loaded.predict({INPUT: ids}, verbose=0), model.predict({INPUT: ids}, verbose=0)
    )


@pytest.fixture(scope="module")
def served(project, spec, model, tmp_path_factory):
    module, signatures = serve.endpoints(model, spec, project / "repeat0/assets", DECISION)
    folder = tmp_path_factory.mktemp("served") / "model"
    tf.saved_model.save(module, str(folder), signatures)
    return tf.saved_model.load(str(folder)).signatures


@pytest.mark.slow
def test_what_is_served_is_what_was_scored(project, spec, model, served):
    test = split(project, "test")
    expected = score.predict(model, test, spec, DECISION)
    answer = served["serving_default"](text=tf.constant([*test["text"]]))
    answer = {name: value.numpy() for name, value in answer.items()}
    np.testing.assert_allclose(answer["probabilities"], expected.probabilities, atol=1e-6)
    assert serve.outputs(answer, spec).predicted.tolist() == expected.predicted.tolist()
    assert export.required(serve, spec) == ("tensorflow_text",)
    assert export.required(serve, replace(spec, task_metadata={})) == ()


@pytest.mark.slow
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_an_explanation_has_a_number_for_each_word(served, rows):
    texts = ["Win a CASH prize!", "", "home now"][:rows]
    answer = served["explain"](text=tf.constant(texts, tf.string))
    plain = served["serving_default"](text=tf.constant(texts, tf.string))
    for name, value in plain.items():
        np.testing.assert_array_equal(answer[name], value)
    words = [[b"Win", b"a", b"CASH", b"prize", b"!"], [b""] * 5, [b"home", b"now"] + [b""] * 3]
    assert answer["words"].numpy().tolist() == [row[:5] for row in words[:rows]]
    scores = answer["scores"].numpy()
    assert scores.shape == answer["words"].shape
    assert ((scores != 0) == (answer["words"].numpy() != b"")).all()


def test_scores_are_the_slope_of_the_log_odds(spec, model):
    """Of the embedding of one piece, scaled by 1 + epsilon; by finite differences."""
    ids = np.array([[2, 5, 6, 7, 3]], np.int32)
    scores = word_attributions.of_pieces(model, ids, np.array([1])).numpy()[0]
    table = model.get_layer("backbone").get_layer("encoder").get_layer("token_embedding").embeddings

    def log_odds() -> float:
        logits = np.asarray(model({INPUT: ids}, training=False), np.float64)[0]
        return logits[1] - logits[0]

    start = np.array(table)
    for position, number in enumerate(ids[0]):
        slopes = []
        for sign in (1, -1):
            moved = start.copy()
            moved[number] *= 1 + sign * 1e-2
            table.assign(moved)
            slopes.append(log_odds())
        table.assign(start)
        assert scores[position] == pytest.approx((slopes[0] - slopes[1]) / 2e-2, rel=0.02, abs=2e-4)


def test_the_figure_of_words(project, spec, model, tmp_path):
    test = split(project, "test")
    outputs = score.predict(model, test, spec, DECISION)
    figures.draw(outputs, test, spec, DECISION, tmp_path, model)
    lines = (tmp_path / "plots/words.csv").read_text().splitlines()
    rows = {int(line.split(",")[0]) for line in lines[1:]}
    assert rows and max(rows) < len(test["text"])
    assert (tmp_path / "figures/words.png").stat().st_size > 5000


def test_words_of_pieces_are_joined():
    ids = np.array([2, *map(VOCABULARY.index, ("un", "##believ", "##able", "!")), 3, 0])
    words, scores = figures.joined(ids, np.arange(7.0), VOCABULARY)
    assert (words, scores) == (["unbelievable", "!"], [6.0, 4.0])
