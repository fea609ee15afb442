"""From a user's folder of images to served answers: a network and principal components."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipelines.evaluation import load_model
from pipelines.evaluation.context import Evaluation
from pipelines.inference.decision import DecisionRule
from pipelines.preprocessing import image_decoding
from pipelines.storage import arrays
from pipelines.tasks.image_reconstruction import score, serve
from tests.support.stage_runs import in_project, run_stages

pytestmark = pytest.mark.slow

TASK = "image_reconstruction"
SHAPE = (9, 7, 3)
FIT = {
    "epochs": 12, "batch_size": 16, "learning_rate": 0.01, "schedule": "cosine", "patience": None,
}  # fmt: skip
NET = {"builder": "conv_autoencoder", "code_dim": 2, "filters": [8, 8]}
PARAMS = {
    "seed": 1,
    "datasets": {"boxes": {"recipe": "image_folder", "source": "boxes", "options": {
        "size": list(SHAPE[:2]), "split": {"val": 0.2, "test": 0.25},
    }}},
    "baselines": {"boxes": {"task": TASK, "dataset": "boxes", "strong": "pca"}},
    "experiments": {
        "pca": {"task": TASK, "dataset": "boxes", "module": "classical/pca_images",
                "build": {"builder": "pca_images", "code_dim": 2}},
        "network": {"task": TASK, "dataset": "boxes", "module": "image_autoencoders",
                    "build": NET, "fit": FIT},
    },
}  # fmt: skip
KEYS = pytest.mark.parametrize("key", ["pca", "network"])


def write_boxes() -> None:
    """Boxes of any brightness on a dark ground, red ones above and blue ones below, 18 x 14."""
    rng = np.random.default_rng(1)
    for label, rows, channel in (("red", slice(1, 9), 0), ("blue", slice(9, 17), 2)):
        Path("boxes", label).mkdir(parents=True)
        for number in range(48):
            image = rng.integers(0, 25, (18, 14, 3)).astype(np.uint8)
            image[rows, 2:12, channel] = rng.integers(90, 256)
            Path(f"boxes/{label}/{number}.png").write_bytes(image_decoding.png(image))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder in which all stages but export have run."""
    folder = tmp_path_factory.mktemp("boxes")
    with in_project(folder, PARAMS) as path:
        write_boxes()
        run_stages(path, PARAMS, exports=False)
    return folder


def metrics(project, key: str) -> dict:
    return json.loads((project / f"data/metrics/{key}.json").read_text())


@KEYS
def test_two_numbers_say_much_of_an_image_and_which_class_it_is(project, key):
    scores = metrics(project, key)
    assert scores["test/mse"] < scores["baseline_mean/mse"] / 3
    assert scores["test/explained_variance"] > 0.6
    assert scores["test/explained_variance_low"] < scores["test/explained_variance_high"]
    assert scores["test/nearest_neighbour_accuracy"] > 0.9
    assert "baseline_mean/nearest_neighbour_accuracy" not in scores
    assert scores["difference/mse"] == pytest.approx(
        scores["test/mse"] - scores["baseline_pca/mse"], abs=1e-12
    )


def test_the_baseline_is_the_estimator(project):
    scores = metrics(project, "pca")
    assert scores["difference/mse"] == scores["difference/nearest_neighbour_accuracy"] == 0


@KEYS
def test_the_figures_are_drawn(project, key):
    figures = project / f"data/metrics/{key}/plots/repeat0_seed1/figures"
    expected = {"examples.png", "codes.png"} | ({"kernels.png"} if key == "network" else set())
    assert {path.name for path in figures.glob("*.png")} == expected


@KEYS
def test_what_is_served_is_what_was_evaluated(project, key, monkeypatch):
    """From the bytes of files: the same reconstructions, codes and errors."""
    monkeypatch.chdir(project)
    stage = Evaluation.of(Path("params.yaml"), key)
    (trial,) = stage.trials()
    assets, test = trial.assets(stage.prepared), trial.load(stage.prepared, "test")
    if key == "pca":
        model = stage.estimator(trial)
        module, signatures = serve.estimator_endpoints(model, stage.spec, assets)
    else:
        model = load_model.load(stage.trained / trial.name, stage.record())
        module, signatures = serve.endpoints(model, stage.spec, assets, DecisionRule())
    answer = signatures["serving_default"](tf.constant(test["image_bytes"][:]))
    assert set(answer) == set(serve.KINDS) - {"image_bytes"}
    assert answer["reconstruction"].shape[1:] == SHAPE and answer["code"].shape[1:] == (2,)
    assert {tensor.dtype.name for tensor in answer.values()} == {"float32"}
    predictions = arrays.read_each(project / f"data/metrics/{key}/scores/{trial.name}/predictions")
    for name in ("reconstruction", "code"):
        np.testing.assert_allclose(answer[name], predictions[name], rtol=0, atol=1e-5)
    outputs = serve.outputs({name: tensor.numpy() for name, tensor in answer.items()}, stage.spec)
    weights = score.weights(len(test["label"]), 0, seed=1)
    served = score.score(outputs, test, stage.spec, weights)
    for name, values in served.items():
        assert values[0] == pytest.approx(metrics(project, key)[f"test/{name}"], abs=1e-6)
    assert served["mse"][0] == pytest.approx(answer["error"].numpy().mean(), rel=1e-5)
    single = signatures["serving_default"](tf.constant(test["image_bytes"][:1]))
    np.testing.assert_allclose(single["code"][0], answer["code"][0], rtol=0, atol=1e-5)


def test_a_file_that_is_no_image_is_refused(project, monkeypatch):
    monkeypatch.chdir(project)
    stage = Evaluation.of(Path("params.yaml"), "pca")
    (trial,) = stage.trials()
    module, signatures = serve.estimator_endpoints(
        stage.estimator(trial), stage.spec, trial.assets(stage.prepared)
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match="image_bytes"):
        signatures["serving_default"](tf.constant([b"GIF89a..."]))
