"""Baselines and figures of pictures, and the whole way from a folder to served answers."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import yaml
from PIL import Image

import models
from models.classical.hog_svm import hog_svm
from pipelines.classical.hog import BINS, hog, mean_colours
from pipelines.config import loader
from pipelines.config.errors import UserError
from pipelines.figures import attention, images, networks
from pipelines.inference.decision import DecisionRule
from pipelines.preprocessing import image_decoding
from pipelines.spec import DataSpec
from pipelines.stages import prepare, warm_start
from pipelines.storage import arrays
from pipelines.tasks.image_classification import baselines as reference
from pipelines.tasks.image_classification import figures, score
from pipelines.tasks.image_classification.info import INFO
from tests.support.model_checks import image_spec as spec

STRONG = INFO.strong_baseline
SHAPES = ("bar", "box")


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def edge(direction: str) -> np.ndarray:
    """One edge across the middle of a 16 x 16 picture."""
    picture = np.zeros((1, 16, 16, 1), np.uint8)
    if direction == "upright":
        picture[:, :, 8:] = 255
    else:
        picture[:, 8:] = 255
    return picture


def test_an_edge_votes_for_its_own_direction():
    """A gradient along the rows is direction 0, between the first and the last of nine bins; one
    down the columns is 90 degrees, the middle of the fifth (80 to 100)."""
    upright, lying = (hog(edge(d), 8).reshape(4, BINS) for d in ("upright", "lying"))
    assert np.flatnonzero(upright.sum(axis=0) > 0).tolist() == [0, 8]
    np.testing.assert_allclose(upright[:, 0], upright[:, 8], rtol=1e-5)
    assert np.flatnonzero(lying.sum(axis=0) > 0).tolist() == [4]


def test_blocks_have_length_one_and_light_does_not_count():
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 120, (3, 16, 16, 1), dtype=np.uint8)
    found = hog(pictures, 4)
    assert found.shape == (3, 3 * 3 * 4 * BINS)
    np.testing.assert_allclose(np.linalg.norm(found.reshape(3, 9, -1), axis=2), 1, atol=1e-3)
    np.testing.assert_allclose(hog(pictures * 2, 4), found, atol=2e-3)


def test_mean_colours_by_hand():
    picture = np.zeros((1, 4, 4, 3), np.uint8)
    picture[0, :2, :2] = (255, 0, 0)
    assert mean_colours(picture, 2).reshape(2, 2, 3)[0, 0].tolist() == [1, 0, 0]
    assert mean_colours(picture, 2).sum() == 1


def shapes(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Bars and boxes at random places, in noise."""
    rng = np.random.default_rng(seed)
    pictures = rng.integers(0, 90, (rows, 16, 16, 1), dtype=np.uint8)
    labels = (np.arange(rows) % 2).astype(np.int32)
    for picture, label in zip(pictures, labels, strict=True):
        top, left = rng.integers(1, 7, 2)
        picture[top : top + (9 if label == 0 else 5), left : left + (2 if label == 0 else 6)] = 250
    return pictures, labels


def part(rows: int, seed: int) -> dict:
    pictures, labels = shapes(rows, seed)
    return {"image": pictures, "label": labels, "file": [f"{n}.png" for n in range(rows)]}


def test_the_strong_baseline_sees_shapes_and_the_trivial_one_does_not():
    of = spec(16, 16, 1, 2)
    strong = hog_svm(of)
    strong.fit(part(60, 1), part(20, 2), seed=1)
    test = part(80, 3)
    found = dict(reference.fit_predict(part(60, 1), part(20, 2), test, of, seed=1, strong=strong))
    weights = score.weights(80, 10, seed=1)
    measured = {name: score.score(outputs, test, of, weights) for name, outputs in found.items()}
    assert measured["baseline_majority"]["accuracy"][0] == 0.5
    assert measured[STRONG]["accuracy"][0] > 0.95
    assert measured[STRONG]["log_loss"][0] < 0.3
    assert found[STRONG].selection == strong.selection.settings != ""
    figures.draw_estimator(found[STRONG], test, of, strong.decision, Path("out"), strong)
    drawn = {path.stem for path in Path("out/figures").glob("*.png")}
    assert {"calibration", "confusion"} <= drawn <= {"calibration", "confusion", "mistakes"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "builder", "hyperparameters", "drawn"),
    [
        ("small_cnn", "small_cnn", {"filters": [3, 4]}, {"kernels", "feature_maps"}),
        ("vit", "vit", {"patch_size": 4, "hidden_dim": 8, "depth": 2, "num_heads": 2},
         {"kernels", "attention", "positions"}),
    ],
)  # fmt: skip
def test_figures_fit_the_network(module, builder, hyperparameters, drawn):
    of = spec(16, 16, 1, 2)
    keras.utils.set_random_seed(1)
    model = models.build(of, module, builder, **hyperparameters)
    test = part(20, 3)
    outputs = score.predict(model, test, of, DecisionRule())
    figures.draw(outputs, test, of, DecisionRule(), Path("out"), model)
    names = {path.stem for path in Path("out/figures").glob("*.png")}
    assert names == {"calibration", "confusion", "mistakes"} | drawn
    for path in Path("out/figures").glob("*.png"):
        with Image.open(path) as picture:
            assert min(picture.size) > 100


def test_a_backbone_is_looked_at_inside():
    of = spec(16, 16, 1, 2)
    Path("warm_start").mkdir()
    models.build(of, "small_cnn", "small_cnn", filters=[3, 4]).save("warm_start/model.keras")
    facts = {"warm_start": "warm_start/model.keras"}
    digests = {"warm_start": arrays.digest(Path("warm_start"))}
    moved = DataSpec(**{**vars(of), "task_metadata": facts, "digests": digests})
    model = models.build(moved, "transfer", "transfer")
    weights, _ = networks.first_filters(model)
    assert weights.shape == (3, 3, 3, 1)
    networks.feature_maps(model, shapes(1)[0][0], Path("out"))
    assert Path("out/figures/feature_maps.png").is_file()


def test_attention_shares_sum_to_one_and_follow_the_attention():
    of = spec(8, 12, 1, 2)
    keras.utils.set_random_seed(1)
    model = models.build(of, "vit", "vit", patch_size=4, hidden_dim=8, depth=2, num_heads=2)
    pictures = np.random.default_rng(0).integers(0, 256, (3, 8, 12, 1), dtype=np.uint8)
    shares = attention.attention_shares(model, pictures)
    assert shares.shape == (3, 2, 3)
    np.testing.assert_allclose(shares.sum(axis=(1, 2)), 1)
    for number in (1, 2):  # without queries, attention is even, and so are the shares
        query = model.get_layer(f"block{number}_attention").query_dense
        query.kernel.assign(query.kernel * 0)
        query.bias.assign(query.bias * 0)
    np.testing.assert_allclose(attention.attention_shares(model, pictures), 1 / 6, rtol=1e-6)


def test_examples_are_of_every_class_and_hold_mistakes():
    targets = np.array([0, 0, 1, 2, 1])
    assert images.examples(targets, np.array([0, 1, 1, 2, 1])) == [0, 2, 3, 1]


PARAMS = {
    "seed": 1,
    "datasets": {
        "set": {
            "recipe": "image_folder",
            "source": "pictures",
            "options": {"size": [16, 16], "channels": 1, "split": {"val": 0.2, "test": 0.3}},
        }
    },
    "warm_starts": {"moved": {"dataset": "set", "weights": "data/trained/cnn"}},
    "experiments": {},
}


def project_with_pictures() -> Path:
    """params.yaml and pictures/: bars and boxes, most as JPEG, of another size than asked for."""
    pictures, labels = shapes(40)
    for row, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        folder = Path("pictures") / SHAPES[label]
        folder.mkdir(parents=True, exist_ok=True)
        large = Image.fromarray(picture[..., 0]).resize((40, 24))
        large.save(folder / (f"{row}.jpg" if row % 3 else f"{row}.png"))
    path = Path("params.yaml")
    path.write_text(yaml.safe_dump(PARAMS))
    return path


def trained(folder: str, losses: dict[str, float]) -> None:
    """A folder as train leaves it: one model a trial."""
    for name, loss in losses.items():
        (Path(folder) / name).mkdir(parents=True)
        (Path(folder) / name / "model.keras").write_text(f"model of {name}")
        (Path(folder) / name / "best_epoch.json").write_text(
            json.dumps(
                {"epoch": 2, "val/loss": loss, "monitor": {"metric": "val/loss", "mode": "min"}}
            )
        )


def test_a_start_is_the_data_set_and_the_best_replicates_weights():
    params = project_with_pictures()
    prepare.run(params, "set")
    trained("data/trained/cnn", {"repeat0_seed1": 0.5, "repeat0_seed2": 0.25})
    warm_start.run(params, "moved")
    own, other = (DataSpec.load(Path(f"data/prepared/{key}/spec.json")) for key in ("set", "moved"))
    file = Path(other.task_metadata["warm_start"])
    assert file == Path("data/prepared/moved/warm_start/model.keras")
    assert file.read_text() == "model of repeat0_seed2"
    assert {**own.digests, "warm_start": other.digests["warm_start"]} == other.digests
    for name in prepare.SPLITS:
        assert (
            arrays.digest(Path(f"data/prepared/moved/repeat0/{name}"))
            == (own.digests[f"repeat0/{name}"])
        )


def test_a_start_without_weights_is_refused():
    params = project_with_pictures()
    prepare.run(params, "set")
    with pytest.raises(UserError, match="data/trained/cnn: no such file"):
        warm_start.run(params, "moved")
    Path("data/trained/cnn").mkdir(parents=True)
    with pytest.raises(UserError) as error:
        warm_start.run(params, "moved")
    assert error.value.path == "data/trained/cnn"
    assert not Path("data/prepared/moved").exists()


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"moved": {"dataset": "sett", "weights": "w"}}, "no dataset 'sett'; .*did you mean set?"),
        ({"set": {"dataset": "set", "weights": "w"}}, "a data set has this name"),
        ({"moved": {"dataset": "set"}}, "weights: missing; add it"),
    ],
)
def test_mistakes_in_starts_are_named(entry, words):
    path = project_with_pictures()
    path.write_text(yaml.safe_dump({**PARAMS, "warm_starts": entry}))
    with pytest.raises(UserError, match=words):
        loader.load(path)


@pytest.mark.slow
def test_what_is_served_is_what_was_scored():
    """Encoded files of every kind, of any size, through a saved graph."""
    import tensorflow as tf

    from pipelines.tasks.image_classification import serve

    prepare.run(project_with_pictures(), "set")
    folder = Path("data/prepared/set")
    of, test = DataSpec.load(folder / "spec.json"), arrays.read(folder / "repeat0/test")
    keras.utils.set_random_seed(1)
    model = models.build(of, "small_cnn", "small_cnn", filters=[3, 4], augment={"rotation": 0.1})
    scored = score.predict(model, test, of, DecisionRule())
    module, signatures = serve.endpoints(model, of, folder / "repeat0/assets", DecisionRule())
    tf.saved_model.save(module, "saved", signatures)
    served = tf.saved_model.load("saved").signatures["serving_default"]
    answer = served(image_bytes=tf.constant(list(test["image_bytes"])))
    outputs = serve.outputs({name: value.numpy() for name, value in answer.items()}, of)
    np.testing.assert_array_equal(outputs.predicted, scored.predicted)
    np.testing.assert_allclose(outputs.probabilities, scored.probabilities, atol=1e-6)
    other = image_decoding.png(np.full((90, 70, 3), 200, np.uint8))
    assert served(image_bytes=tf.constant([other]))["label"].numpy()[0].decode() in SHAPES
