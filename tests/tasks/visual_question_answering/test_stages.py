"""From a user's CSV and images to an exported model: all stages, a network and a linear model."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipelines.commands import predict
from pipelines.evaluation import load_model
from pipelines.evaluation.context import Evaluation
from pipelines.inference.decision import DecisionRule
from pipelines.preprocessing import image_decoding
from pipelines.spec import DataSpec
from pipelines.storage import arrays
from pipelines.tasks.visual_question_answering import score
from tests.support.stage_runs import in_project, run_stages
from tests.support.user_errors import user_error

pytestmark = pytest.mark.slow

TASK = "visual_question_answering"
COLOURS = {"red": (220, 40, 40), "green": (40, 200, 60), "blue": (40, 60, 230)}
IMAGES, PLACES = 90, ("top", "bottom")
FIT = {
    "epochs": 30,
    "batch_size": 64,
    "learning_rate": 0.01,
    "schedule": "cosine",
    "patience": None,
}
NET = {"builder": "visual_question_answerer", "fusion": "product", "filters": [8, 16],
       "hidden_dim": 32, "question_encoder": "bag_of_words", "dropout": 0.0}  # fmt: skip
PARAMS = {
    "seed": 1,
    "datasets": {"squares": {"recipe": "questions_csv", "source": "squares.csv", "options": {
        "folder": "photos", "size": [12, 12], "split": {"val": 15, "test": 25},
    }}},
    "baselines": {"squares": {"task": TASK, "dataset": "squares", "strong": "linear"}},
    "experiments": {
        "linear": {"task": TASK, "dataset": "squares", "module": "classical/linear_vqa",
                   "build": {"builder": "linear_vqa", "side": 4}},
        "network": {"task": TASK, "dataset": "squares", "module": "visual_questions",
                    "build": NET, "fit": FIT},
    },
}  # fmt: skip


def write_squares() -> None:
    """Images of two squares, above and below, with three questions about each."""
    rng = np.random.default_rng(1)
    Path("photos").mkdir()
    rows = []
    for number in range(IMAGES):
        image = rng.integers(0, 30, (16, 14, 3)).astype(np.uint8)
        colours = rng.choice(list(COLOURS), 2)
        for place, colour in enumerate(colours):
            image[8 * place + 1 : 8 * place + 7, 3:11] = COLOURS[colour]
        Path(f"photos/{number}.png").write_bytes(image_decoding.png(image))
        for place, colour in zip(PLACES, colours, strict=True):
            rows.append((f"{number}.png", f"What colour is at the {place}?", colour))
        asked = str(rng.choice(list(COLOURS)))
        rows.append((f"{number}.png", f"is anything {asked}?", "Yes" if asked in colours else "no"))
    with Path("squares.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("image", "question", "answer"), *rows])


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder in which all stages have run."""
    folder = tmp_path_factory.mktemp("squares")
    with in_project(folder, PARAMS) as path:
        write_squares()
        run_stages(path, PARAMS)
    return folder


def metrics(project, key: str) -> dict:
    return json.loads((project / f"data/metrics/{key}.json").read_text())


def test_the_image_is_worth_much_and_the_question_alone_little(project):
    """A linear model cannot choose by the question which square counts; the network can."""
    network = metrics(project, "network")
    question = network["baseline_question_only/accuracy"]
    assert question < 0.65
    assert network["test/accuracy"] > 0.8
    assert network["difference/accuracy"] == pytest.approx(network["test/accuracy"] - question)
    assert network["difference/accuracy_low"] > 0
    assert metrics(project, "linear")["test/accuracy"] < network["test/accuracy"]


def test_all_baselines_and_kinds_of_answers_are_there(project):
    scores = metrics(project, "network")
    for name in (
        "majority",
        "question_lookup",
        "image_only",
        "question_only",
        "question_and_pixels",
    ):
        assert 0 < scores[f"baseline_{name}/accuracy"] < 1
    assert {"test/accuracy_yes_no", "test/accuracy_other", "test/consistency"} <= set(scores)
    assert "test/accuracy_number" not in scores


def test_images_are_in_one_split_and_stored_once(project):
    files = {}
    for split in ("train", "val", "test"):
        columns = arrays.read(project / f"data/prepared/squares/repeat0/{split}")
        assert len(columns["image"].values) * 3 == len(columns["label"])
        files[split] = set(columns["file"][:])
    assert sum(map(len, files.values())) == len(set().union(*files.values())) == IMAGES


def test_blank_images_are_answered_as_well_as_the_question_alone(project, monkeypatch):
    """And other images' questions no better than chance allows: the image is really used."""
    monkeypatch.chdir(project)
    stage = Evaluation.of(Path("params.yaml"), "network")
    (trial,) = stage.trials()
    model = load_model.load(stage.trained / trial.name, stage.record())
    test = trial.load(stage.prepared, "test")
    decision = DecisionRule()
    spec = DataSpec.load(stage.prepared / "spec.json")
    prior = metrics(project, "network")["baseline_question_only/accuracy"]
    rng = np.random.default_rng(0)
    pixels = np.asarray(test["image"])
    for images in (np.zeros_like(pixels), pixels[rng.permutation(len(pixels))]):
        outputs = score.predict(model, {**test, "image": images}, spec, decision)
        weights = score.weights(len(pixels), 0, seed=1, spec=spec)
        assert score.score(outputs, test, spec, weights)["accuracy"][0] < prior + 0.1


def test_the_figures_are_drawn(project):
    figures = project / "data/metrics/network/plots/repeat0_seed1/figures"
    names = {path.name for path in figures.glob("*.png")}
    assert {"examples.png", "kinds.png", "confusion.png", "mistakes.png"} <= names


@pytest.mark.parametrize("key", ["linear", "network"])
def test_the_exported_model_answers(project, key):
    loaded = tf.saved_model.load(str(project / f"data/exported/{key}/model"))
    answer = loaded.signatures["serving_default"]
    image = (project / "photos/0.png").read_bytes()
    given = answer(
        image_bytes=tf.constant([image, image]),
        question=tf.constant(["is anything green?", "WHAT colour is at the top"]),
    )
    assert given["answers"].shape == given["probabilities"].shape == (2, 5)
    probabilities = given["probabilities"].numpy()
    assert (np.diff(probabilities, axis=1) <= 0).all()
    np.testing.assert_array_equal(given["answer"], given["answers"][:, 0])
    np.testing.assert_allclose(given["probability"], probabilities[:, 0])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("question", ["", "   ", "\n"])
def test_a_question_without_a_word_is_refused(project, question):
    loaded = tf.saved_model.load(str(project / "data/exported/network/model"))
    image = (project / "photos/0.png").read_bytes()
    with pytest.raises(tf.errors.InvalidArgumentError, match="question"):
        loaded.signatures["serving_default"](
            image_bytes=tf.constant([image]), question=tf.constant([question])
        )


def test_a_table_of_new_questions_is_answered(project, monkeypatch):
    """As the data set was read: paths relative to its `folder`. The answer's column may lack."""
    monkeypatch.chdir(project)
    rows = [("0.png", "is anything red?"), ("1.png", "what colour is at the top?")]
    with Path("new.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("image", "question"), *rows, ("none.png", "is it?")])
    with user_error("rows-bad"):
        predict.run(["network", "new.csv", "--out", "answers.csv"])
    predict.run(["network", "new.csv", "--out", "answers.csv", "--skip-bad"])
    with Path("answers.csv").open(newline="") as stream:
        answered = list(csv.DictReader(stream))
    assert [row["image"] for row in answered] == ["0.png", "1.png"]
    assert answered[0]["answer"] in ("yes", "no") and answered[1]["answer"] in COLOURS
    assert json.loads(answered[0]["answers"])[0] == answered[0]["answer"]


def test_a_bad_image_is_refused(project):
    loaded = tf.saved_model.load(str(project / "data/exported/network/model"))
    with pytest.raises(tf.errors.InvalidArgumentError, match="image_bytes"):
        loaded.signatures["serving_default"](
            image_bytes=tf.constant([b"GIF89a..."]), question=tf.constant(["is it?"])
        )
