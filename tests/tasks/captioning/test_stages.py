"""From a user's CSV and images to an exported model: all stages, a network and nearest images."""

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
from pipelines.storage import arrays
from pipelines.tasks.captioning import score
from tests.support.stage_runs import in_project, run_stages

pytestmark = pytest.mark.slow

TASK = "captioning"
COLOURS = {"red": (220, 40, 40), "green": (40, 200, 60), "blue": (40, 60, 230)}
IMAGES = 120
FIT = {"epochs": 30, "batch_size": 64, "learning_rate": 0.01, "schedule": "cosine",
       "patience": None}  # fmt: skip
ENCODER = {"filters": [8, 16], "hidden_dim": 16, "dropout": 0.0}
NETWORKS = {
    "network": {"builder": "transformer_captioner", **ENCODER, "num_heads": 2, "depth": 1,
                "mlp_dim": 32},
}  # fmt: skip
PARAMS = {
    "seed": 1,
    "datasets": {"squares": {"recipe": "image_captions", "source": "squares.csv", "options": {
        "folder": "photos", "size": [12, 12], "split": {"val": 15, "test": 30},
        "tokens": {"method": "word", "vocabulary_size": 16, "max_tokens": 8},
    }}},
    "baselines": {"squares": {"task": TASK, "dataset": "squares", "strong": "neighbours"}},
    "experiments": {
        "neighbours": {"task": TASK, "dataset": "squares", "module": "classical/caption_neighbours",
                       "build": {"builder": "caption_neighbours", "neighbours": [1, 3]}},
        **{
            key: {"task": TASK, "dataset": "squares", "module": "captioning", "build": build,
                  "fit": FIT, "decide": {"beam_width": 2}}
            for key, build in NETWORKS.items()
        },
    },
}  # fmt: skip


def write_squares() -> None:
    """Images of two squares, above and below, with two captions each."""
    rng = np.random.default_rng(1)
    Path("photos").mkdir()
    rows = []
    for number in range(IMAGES):
        image = rng.integers(0, 30, (16, 14, 3)).astype(np.uint8)
        top, bottom = rng.choice(list(COLOURS), 2)
        image[1:7, 3:11], image[9:15, 3:11] = COLOURS[top], COLOURS[bottom]
        Path(f"photos/{number}.png").write_bytes(image_decoding.png(image))
        rows.append((f"{number}.png", f"{top} above {bottom}"))
        rows.append((f"{number}.png", f"{bottom.title()} is below {top}."))
    with Path("squares.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("image", "caption"), *rows])


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


@pytest.mark.parametrize("key", NETWORKS)
def test_the_image_is_worth_much(project, key):
    scores = metrics(project, key)
    assert scores["test/exact_match"] > 0.6
    assert 0.1 < scores["test/distinct"] <= 0.6  # 9 pairs of colours
    for name in ("single_caption", "random_caption"):
        assert scores[f"baseline_{name}/cider_d"] < 0.6 * scores["test/cider_d"]
    assert scores["baseline_single_caption/distinct"] == pytest.approx(1 / 30)
    assert scores["baseline_neighbours/copied"] == 1
    assert scores["test/bleu"] > scores["baseline_random_caption/bleu"]


def test_images_are_in_one_split_with_all_of_their_captions(project):
    files = {}
    for split in ("train", "val", "test"):
        columns = arrays.read(project / f"data/prepared/squares/repeat0/{split}")
        files[split] = set(columns["file"][:])
        captions = columns["references"] if split == "test" else columns["caption"]
        per_image = 1 if split == "test" else 2
        assert len(captions) == per_image * len(files[split])
    assert sum(map(len, files.values())) == len(set().union(*files.values())) == IMAGES


@pytest.mark.parametrize("key", NETWORKS)
def test_captions_of_other_images_are_as_good_as_random_ones(project, key, monkeypatch):
    monkeypatch.chdir(project)
    stage = Evaluation.of(Path("params.yaml"), key)
    (trial,) = stage.trials()
    model = load_model.load(stage.trained / trial.name, stage.record())
    test, assets = trial.load(stage.prepared, "test"), trial.assets(stage.prepared)
    rule = DecisionRule.load(stage.trained / trial.name / "decision.json")
    rng, weights = np.random.default_rng(0), np.ones((1, 30))

    def of(order: np.ndarray, options=rule) -> tuple[list[str], float]:
        shuffled = {**test, "image": np.asarray(test["image"])[order]}
        outputs = score.predict(model, shuffled, stage.spec, options, assets)
        value = score.score(outputs, test, stage.spec, weights)["cider_d"][0]
        return list(outputs.captions), float(value)

    captions, value = of(np.arange(30))
    assert value == pytest.approx(metrics(project, key)["test/cider_d"])
    order = rng.permutation(30)
    shuffled, worse = of(order)
    assert shuffled == [captions[row] for row in order]  # whatever is beside it in a batch
    assert worse < metrics(project, key)["baseline_random_caption/cider_d"] + 0.25 * value


def test_the_figures_are_drawn(project):
    figures = project / "data/metrics/network/plots/repeat0_seed1/figures"
    assert {"examples.png", "attention.png", "kernels.png"} <= {p.name for p in figures.iterdir()}


@pytest.mark.parametrize("key", PARAMS["experiments"])
def test_the_exported_model_answers(project, key):
    loaded = tf.saved_model.load(str(project / f"data/exported/{key}/model"))
    image = (project / "photos/0.png").read_bytes()
    given = loaded.signatures["serving_default"](image_bytes=tf.constant([image, image]))
    captions = [text.decode() for text in given["caption"].numpy()]
    assert captions[0] == captions[1] and captions[0].split()[0].lower() in COLOURS
    if key in NETWORKS:
        tokens = loaded.signatures["tokens"](image_bytes=tf.constant([image]))
        pieces = [piece.decode() for piece in tokens["tokens"].numpy()[0]]
        assert "".join(pieces).replace("▁", " ").strip() == captions[0]
    with pytest.raises(tf.errors.InvalidArgumentError, match="image_bytes"):
        loaded.signatures["serving_default"](image_bytes=tf.constant([b"GIF89a..."]))


def test_a_folder_of_new_images_is_captioned(project, monkeypatch):
    monkeypatch.chdir(project)
    predict.run(["network", "photos", "--out", "answers.csv"])
    with Path("answers.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == IMAGES and set(rows[0]["caption"].split()) & set(COLOURS)
