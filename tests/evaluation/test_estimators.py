"""Classical models between `train` and `verify`: stored, loaded, scored and served."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from pipelines.config.errors import UserError
from pipelines.evaluation import load_estimator
from pipelines.evaluation.context import Evaluation
from pipelines.stages import baselines, evaluate, export, verify
from pipelines.storage import arrays, trials
from pipelines.storage.trials import Trial
from pipelines.tasks.text_classification import score
from tests.support.classical import fit_classical
from tests.support.model_checks import tiny_prepared
from tests.support.user_errors import user_error

ONLY, PARAMS = Trial(repeat=0, seed=1), Path("params.yaml")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        tiny_prepared(folder)
        fit_classical(PARAMS, "linear")
    return folder


@pytest.fixture
def stage(project, monkeypatch):
    monkeypatch.chdir(project)
    return Evaluation.of(PARAMS, "linear")


@pytest.fixture
def copy(stage, tmp_path):
    """The trial's folder, to be changed, with the record that fits it."""
    folder = tmp_path / ONLY.name
    shutil.copytree(stage.trained / ONLY.name, folder)
    return folder


def recorded(folder: Path) -> dict:
    return {"models": {folder.name: arrays.digest(folder / trials.ESTIMATOR)}}


def test_what_is_loaded_predicts_what_was_fitted(stage, copy):
    test = ONLY.load(stage.prepared, "test")
    requests = trials.requests(test, stage.spec)
    assert "label" not in requests and "text" in requests
    answers = stage.estimator(ONLY).predict(requests)
    other = load_estimator.load(copy, recorded(copy), stage.spec).predict(requests)
    for name, values in answers.items():
        np.testing.assert_array_equal(values, other[name])
    assert answers["probabilities"].dtype == np.float32


@pytest.mark.parametrize("name", ["components.json", "estimator.json", "tfidf_svm0/weights.npy"])
def test_a_changed_file_is_not_loaded(stage, copy, name):
    record, path = recorded(copy), copy / trials.ESTIMATOR / name
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with user_error("model-changed", path=str(copy / trials.ESTIMATOR)):
        load_estimator.load(copy, record, stage.spec)


def test_a_file_more_is_not_loaded(stage, copy):
    record = recorded(copy)
    (copy / trials.ESTIMATOR / "more.json").write_text("{}")
    with user_error("model-changed", path=str(copy / trials.ESTIMATOR)):
        load_estimator.load(copy, record, stage.spec)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("components.json", "{"), ("components.json", "[]"), ("estimator.json", "{}"),
        ("estimator.json", '{"module": "classical/nothing", "build": {"builder": "x"}}'),
        ("estimator.json", '{"module": "classical/linear_text", "build": {"builder": "x"}}'),
        ("components.json", '{"best": "x", "components": {"x": {"ngrams": [{"unit": "words"}]}}}'),
    ],
)  # fmt: skip
def test_files_that_train_did_not_write_are_refused(stage, copy, name, text):
    """Even if the record was written for them."""
    (copy / trials.ESTIMATOR / name).write_text(text)
    with user_error("model-unreadable", path=str(copy / trials.ESTIMATOR)):
        load_estimator.load(copy, recorded(copy), stage.spec)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(stage, copy, value):
    path = copy / trials.ESTIMATOR / "tfidf_svm0/weights.npy"
    weights = np.load(path)
    weights[1] = value
    np.save(path, weights)
    with user_error("weights-not-finite", path=str(path), value="weights"):
        load_estimator.load(copy, recorded(copy), stage.spec)


def test_a_model_that_is_not_there_is_missing(stage, tmp_path):
    with user_error("file-missing", path=str(tmp_path / trials.ESTIMATOR)):
        load_estimator.load(tmp_path, {}, stage.spec)


@pytest.mark.slow
def test_it_is_evaluated_exported_and_verified(stage, tmp_path, capsys):
    """Its scores are those of the strong baseline, and of what is served."""
    out = Path("data/metrics/linear")
    measured = evaluate.evaluate_trial(stage, score, ONLY, out)
    baselines.run(PARAMS, "tiny")
    groups = evaluate.baseline_scores(stage, score, 0)
    for metric, values in measured["test"].items():
        np.testing.assert_array_equal(values, groups["baseline_best"][metric])
    assert (out / "plots" / ONLY.name / "plots/ngrams.csv").is_file()
    evaluate.write_points(stage.scores(ONLY), measured | groups)
    exported = tmp_path / "linear"
    exported.mkdir()
    export.write_saved_model(stage, ONLY, exported)
    export.write_contract(stage, ONLY, exported, "run-1")
    verify.run(PARAMS, str(exported))
    assert "served scores equal evaluate's" in capsys.readouterr().out
    predictions = arrays.read(out / "scores" / ONLY.name / "predictions")
    golden = json.loads((exported / "golden.json").read_text())["outputs"]["probabilities"]
    np.testing.assert_allclose(golden, predictions["probabilities"][: len(golden)], atol=1e-6)


def test_the_baselines_need_the_strong_model(stage):
    folder = stage.trained.rename(stage.trained.with_name("away"))
    try:
        with pytest.raises(UserError) as error:
            baselines.run(PARAMS, "tiny")
    finally:
        folder.rename(stage.trained)
    assert (error.value.code, error.value.path) == ("file-missing", "data/trained/linear/run.json")
