"""Scores are of the right rows, and what is served must earn the same ones."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

import models
from pipelines.config.errors import UserError
from pipelines.evaluation.classifier import Outputs
from pipelines.evaluation.context import UNSEEN_SUBSET, Evaluation
from pipelines.inference.decision import DecisionRule, log_odds
from pipelines.preprocessing import text_limits
from pipelines.stages import baselines, evaluate, export, verify
from pipelines.storage import arrays, keras_file, trials
from pipelines.storage.exported import SCHEMA_VERSION
from pipelines.storage.trials import Trial
from pipelines.tasks.text_classification import score
from pipelines.training import network_fit
from pipelines.training.monitor import Monitor
from tests.support.classical import fit_classical
from tests.support.model_checks import tiny_prepared

ONLY = Trial(repeat=0, seed=1)
SCORES = Path("data/metrics/cnn/scores") / ONLY.name / "scores.json"
EXPORTED = Path("data/exported/cnn")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder in which a model that was never trained is evaluated and exported."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        stage = Evaluation.of(tiny_prepared(folder), "cnn")
        trained = stage.trained / ONLY.name
        trained.mkdir(parents=True)
        experiment = stage.params.experiments["cnn"]
        keras.utils.set_random_seed(2)
        model = models.build(stage.spec, experiment.module, **experiment.build)
        model.save(trained / "model.keras")
        remember(stage)
        val = ONLY.load(stage.prepared, "val")
        odds = log_odds(model.predict(trials.inputs(val, stage.spec), verbose=0), 1)
        middle = float(np.median(odds))  # so that both classes are predicted
        DecisionRule(1, 4.0, -4 * middle, 0.51).save(trained / "decision.json")
        measured = evaluate.evaluate_trial(stage, score, ONLY, Path("data/metrics/cnn"))
        fit_classical(Path("params.yaml"), "linear")
        baselines.run(Path("params.yaml"), "tiny")
        groups = evaluate.baseline_scores(stage, score, 0)
        evaluate.write_points(SCORES, measured | groups)
        exported(stage, EXPORTED)
    return folder


@pytest.fixture
def stage(project, monkeypatch):
    monkeypatch.chdir(project)
    return Evaluation.of(Path("params.yaml"), "cnn")


@pytest.fixture
def scores(stage):
    """The scores on disk, put back after a test that changes them."""
    before = SCORES.read_text()
    yield json.loads(before)
    SCORES.write_text(before)


def remember(stage):
    """As train does: the hash of the model in its record."""
    hashes = {ONLY.name: keras_file.digest(stage.trained / ONLY.name / "model.keras")}
    (stage.trained / "run.json").write_text(json.dumps({"models": hashes}))


def exported(stage, folder):
    folder.mkdir(parents=True)
    export.write_saved_model(stage, ONLY, folder)
    export.write_contract(stage, ONLY, folder, "run-1")


def check(folder=EXPORTED):
    verify.run(Path("params.yaml"), str(folder))


@pytest.mark.slow
def test_what_is_served_earns_what_was_evaluated(stage, capsys):
    check()
    said = capsys.readouterr().out
    assert said.startswith("cnn: ")
    assert int(said.split()[1]) >= 8
    assert "served scores equal evaluate's to 1e-06" in said


def test_the_scores_are_of_all_test_rows(stage, scores):
    test = ONLY.load(stage.prepared, "test")
    predicted = np.load(SCORES.parent / "predictions/predicted.npy")
    assert len(predicted) == len(test["label"]) > 10
    assert set(predicted) == {0, 1}
    assert scores["test/accuracy"] == pytest.approx(np.mean(predicted == test["label"]))


@pytest.mark.parametrize("metric", ["test/accuracy", "test/log_loss", "test/mcc", "test/pr_auc"])
@pytest.mark.parametrize("off", [1e-5, -1e-5])
def test_a_score_that_is_a_little_off_is_refused_by_name(scores, metric, off):
    SCORES.write_text(json.dumps({**scores, metric: scores[metric] + off}))
    with pytest.raises(UserError) as error:
        check()
    assert (error.value.code, error.value.key) == ("served-score-differs", metric)


def test_rounding_is_no_difference(scores):
    SCORES.write_text(json.dumps({**scores, "test/log_loss": scores["test/log_loss"] + 1e-8}))
    check()


def test_a_score_that_evaluate_has_not_is_refused(scores):
    SCORES.write_text(json.dumps({n: v for n, v in scores.items() if n != "test/f1"}))
    with pytest.raises(UserError) as error:
        check()
    assert (error.value.code, error.value.key) == ("served-score-differs", "test/f1")


@pytest.mark.parametrize("name", ["words", "characters"])
def test_a_vocabulary_in_another_order_is_refused(stage, tmp_path, name):
    """The commonest way to serve nonsense: other ids for the same tokens."""
    asset = ONLY.assets(stage.prepared) / f"{name}.json"
    before = asset.read_text("utf-8")
    tokenizer = json.loads(before)
    tokenizer["vocabulary"].reverse()
    asset.write_text(json.dumps(tokenizer), "utf-8")
    try:
        exported(stage, tmp_path / "tampered")
    finally:
        asset.write_text(before, "utf-8")
    with pytest.raises(UserError) as error:
        check(tmp_path / "tampered")
    assert error.value.code == "served-score-differs"
    assert error.value.path == str(tmp_path / "tampered")


def test_another_decision_rule_is_refused(stage, tmp_path):
    file = stage.trained / ONLY.name / "decision.json"
    before = DecisionRule.load(file)
    replace(before, threshold=0.02).save(file)
    try:
        exported(stage, tmp_path / "tampered")
    finally:
        before.save(file)
    with pytest.raises(UserError) as error:
        check(tmp_path / "tampered")
    assert error.value.code == "served-score-differs"
    assert error.value.path == str(tmp_path / "tampered")


def test_a_model_with_other_weights_is_refused(stage, tmp_path):
    shutil.copytree(EXPORTED, tmp_path / "tampered")
    variables = tmp_path / "tampered/model/variables"
    file = stage.trained / ONLY.name / "model.keras"
    before = file.read_bytes()
    model = keras.saving.load_model(file, compile=False)
    model.set_weights([-w for w in model.get_weights()])
    model.save(file)
    remember(stage)
    try:
        exported(stage, tmp_path / "other")
    finally:
        file.write_bytes(before)
        remember(stage)
    shutil.rmtree(variables)
    shutil.copytree(tmp_path / "other/model/variables", variables)
    with pytest.raises(UserError) as error:
        check(tmp_path / "tampered")
    assert error.value.code == "model-altered"
    assert error.value.path == str(tmp_path / "tampered/model")
    contract = tmp_path / "tampered/signature.json"
    about = {**json.loads(contract.read_text()), "digest": arrays.digest(variables.parent)}
    contract.write_text(json.dumps(about))
    with pytest.raises(UserError) as error:
        check(tmp_path / "tampered")
    assert error.value.code == "served-score-differs"
    assert error.value.path == str(tmp_path / "tampered")


def test_rows_are_asked_for_in_batches_without_a_trace(stage, monkeypatch):
    rows = list(ONLY.load(stage.prepared, "test")["text"])
    whole = verify.predict_in_batches(EXPORTED / "model", {"text": rows})
    monkeypatch.setattr(verify, "BATCH", 5)
    parts = verify.predict_in_batches(EXPORTED / "model", {"text": rows})
    assert len(rows) % 5, "the last batch must be a smaller one"
    assert list(parts["label"]) == list(whole["label"])
    np.testing.assert_allclose(parts["probabilities"], whole["probabilities"], atol=1e-6)


def test_the_contract_says_what_goes_in_and_comes_out(stage):
    about = json.loads((EXPORTED / "signature.json").read_text("utf-8"))
    described = about["signatures"]["serving_default"]
    assert about["schema_version"] == SCHEMA_VERSION
    longest = max(field.shape[0] for field in stage.spec.inputs.values())
    text = {"dtype": "string", "shape": [None], "kind": "text"}
    text["max_bytes"] = text_limits.max_bytes(longest)
    assert described["inputs"] == {"text": text}
    assert set(described["outputs"]) == {"label", "probability", "probabilities"}
    assert about["labels"] == ["ham", "spam"]
    assert about["trial"] == {"repeat": 0, "seed": 1}
    golden = json.loads((EXPORTED / "golden.json").read_text("utf-8"))
    test = ONLY.load(stage.prepared, "test")
    assert golden["inputs"] == {"text": list(test["text"])[: export.GOLDEN_ROWS]}
    predictions = np.load(SCORES.parent / "predictions/probabilities.npy")
    np.testing.assert_allclose(
        golden["outputs"]["probabilities"], predictions[: export.GOLDEN_ROWS], atol=1e-6
    )
    assert len(golden["outputs"]["label"]) == export.GOLDEN_ROWS


def test_rows_that_also_stand_in_train_are_scored_apart(stage):
    """Four rows: two seen (both right), two unseen (one right)."""
    test = {"label": np.array([0, 1, 0, 1]), "seen": np.array([True, True, False, False])}
    outputs = Outputs(np.array([[0.9, 0.1], [0.2, 0.8]] * 2), np.array([0, 1, 0, 0]))
    measured = stage.measure(score, outputs, test, repeat=0, resamples=20)
    assert set(measured) == {"test", UNSEEN_SUBSET}
    assert measured["test"]["accuracy"].shape == (21,)
    assert measured["test"]["accuracy"][0] == 0.75
    assert measured[UNSEEN_SUBSET]["accuracy"][0] == 0.5
    for seen in (np.zeros(4, bool), None):
        rows = {"label": test["label"], **({} if seen is None else {"seen": seen})}
        assert set(stage.measure(score, outputs, rows, 0, 2)) == {"test"}


def test_all_models_of_a_split_are_weighed_alike_and_splits_are_not(stage):
    """Paired: the same resamples for whatever is compared."""
    test = {"label": np.arange(40) % 2}
    outputs = Outputs(np.full((40, 2), 0.5), np.zeros(40, np.int32))
    again, same, other = (
        stage.measure(score, outputs, test, repeat)["test"]["accuracy"] for repeat in (0, 0, 1)
    )
    np.testing.assert_array_equal(again, same)
    assert (again != other).any()
    assert again[0] == other[0] == 0.5


def test_a_perfect_oracle_scores_perfectly(stage):
    targets = np.array([0, 1, 1, 0, 1])
    oracle = Outputs(np.eye(2)[targets], targets)
    found = stage.measure(score, oracle, {"label": targets}, 0, 0)["test"]
    for name in ("accuracy", "mcc", "macro_f1", "f1", "roc_auc", "pr_auc"):
        assert found[name][0] == 1, name
    assert found["log_loss"][0] == pytest.approx(0, abs=1e-12)


def test_summary_by_hand():
    """Two trials, one baseline; arrays are (point, resample, resample)."""
    measured = [
        {"test": {"mcc": np.array([0.8, 0.7, 0.9])}},
        {"test": {"mcc": np.array([0.6, 0.5, 0.7])}},
    ]
    strong = {"baseline_strong": {"mcc": np.array([0.5, 0.6, 0.6])}}
    metrics = evaluate.summarize("baseline_strong", measured, [strong, strong])
    assert metrics["test/mcc"] == pytest.approx(0.7)
    assert metrics["test/mcc_low"] == pytest.approx(0.6 + 0.025 * 0.2)
    assert metrics["test/mcc_high"] == pytest.approx(0.8 - 0.025 * 0.2)
    assert metrics["test/mcc_sd"] == pytest.approx(np.sqrt(0.02))
    assert metrics["baseline_strong/mcc"] == pytest.approx(0.5)
    assert metrics["difference/mcc"] == pytest.approx(0.2)
    assert metrics["difference/mcc_low"] == pytest.approx(0.0 + 0.025 * 0.2)
    assert "baseline_strong/mcc_sd" not in metrics


@pytest.mark.parametrize(("patience", "chosen"), [(1, 7), (None, 8)])
def test_the_exported_replicate_is_the_one_whose_kept_weights_validate_best(
    stage, tmp_path, patience, chosen
):
    """Seed 7 had the best epoch, but ended worse; that counts where its best was gone back to."""
    own = stage.params.experiments["cnn"]
    own = own.model_copy(
        update={"seeds": [7, 8], "fit": own.fit.model_copy(update={"patience": patience})}
    )
    params = stage.params.model_copy(update={"experiments": {"cnn": own}})
    for seed, losses in ((7, (0.1, 0.9)), (8, (0.5, 0.4))):
        folder = tmp_path / f"repeat0_seed{seed}"
        folder.mkdir()
        rows = [{"epoch": epoch, "val/loss": loss} for epoch, loss in enumerate(losses, 1)]
        best = network_fit.best_epoch(rows, own.fit, Monitor("val/loss"))
        trials.write_json(folder / "best_epoch.json", best)
    assert export.best(replace(stage, params=params, trained=tmp_path)).seed == chosen


def test_the_best_trial_is_the_one_by_the_tasks_monitor(stage, tmp_path):
    """Where accuracy is monitored, the most accurate trial is exported, whatever its loss."""
    experiment = stage.params.experiments["cnn"].model_copy(update={"seeds": [7, 8]})
    params = stage.params.model_copy(update={"experiments": {"cnn": experiment}})
    fit = experiment.fit.model_copy(update={"patience": 3})
    monitor = Monitor("val/accuracy", "max")
    for seed, accuracies in ((7, (0.9, 0.5)), (8, (0.7, 0.6))):
        folder = tmp_path / f"repeat0_seed{seed}"
        folder.mkdir()
        rows = [
            {"epoch": epoch, "val/accuracy": accuracy, "val/loss": accuracy}
            for epoch, accuracy in enumerate(accuracies, 1)
        ]
        best = network_fit.best_epoch(rows, fit, monitor)
        assert best["epoch"] == 1
        trials.write_json(folder / "best_epoch.json", best)
    assert export.best(replace(stage, params=params, trained=tmp_path)).seed == 7
