"""From a folder of movies to exported classifiers: all stages, a network and a linear model."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipelines.commands import predict
from pipelines.preprocessing import gif_files, image_decoding
from tests.support.stage_runs import in_project, run_stages

pytestmark = pytest.mark.slow

TASK = "video_classification"
STEPS = {"left": (0, -1), "right": (0, 1), "up": (-1, 0)}
FIT = {"epochs": 40, "batch_size": 16, "learning_rate": 0.01, "patience": None}
PARAMS = {
    "seed": 1,
    "datasets": {"squares": {"recipe": "frame_folders", "source": "squares", "options": {
        "folders": {"all": "."},  # as folders of frames have the same names in all classes
        "frames": 5, "size": [10, 10], "channels": 1, "split": {"val": 15, "test": 30},
    }}},
    "baselines": {"squares": {"task": TASK, "dataset": "squares", "strong": "motion"}},
    "experiments": {
        "motion": {"task": TASK, "dataset": "squares", "module": "classical/linear_motion",
                   "build": {"builder": "linear_motion"}},
        "network": {"task": TASK, "dataset": "squares", "module": "video_networks",
                    "build": {"builder": "frame_cnn_gru", "filters": [4], "dropout": 0.0},
                    "fit": FIT},
    },
}  # fmt: skip


def movie(label: str, seed: int) -> np.ndarray:
    """(5, 12, 12, 1) a square that moves; it comes back on the other side."""
    rng = np.random.default_rng(seed)
    place, shade = rng.integers(0, 12, 2), int(rng.integers(150, 255))
    frames = np.zeros((5, 12, 12, 1), np.uint8)
    for step, frame in enumerate(frames):
        down, right = place + step * np.array(STEPS[label])
        rows, columns = np.arange(4) + down, np.arange(4) + right
        frame[np.ix_(rows % 12, columns % 12)] = shade
    return frames


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder in which all stages have run."""
    folder = tmp_path_factory.mktemp("squares")
    with in_project(folder, PARAMS) as path:
        for label in STEPS:
            for number in range(60):
                frames = movie(label, 1000 * len(label) + number)
                place = Path("squares", label, str(number))
                place.mkdir(parents=True)
                if number % 5:
                    Path(place, "movie.gif").write_bytes(gif_files.encode(frames))
                    continue
                for step, frame in enumerate(frames):
                    Path(place, f"{step}.png").write_bytes(image_decoding.png(frame))
        Path("new").mkdir()
        Path("new/one.gif").write_bytes(gif_files.encode(movie("up", 9)))
        run_stages(path, PARAMS)
    return folder


@pytest.mark.parametrize("key", PARAMS["experiments"])
def test_motion_is_told_by_models_and_not_by_one_frame(project, key):
    metrics = json.loads((project / f"data/metrics/{key}.json").read_text())
    assert metrics["test/accuracy"] > 0.8
    assert metrics["baseline_middle_frame/accuracy"] < 0.6
    assert metrics["baseline_majority/accuracy"] < 0.5
    assert metrics["baseline_best/accuracy"] == metrics["baseline_motion/accuracy"]
    figures = {path.stem for path in project.glob(f"data/metrics/{key}/plots/*/figures/*.png")}
    assert {"confusion", "calibration", "examples"} <= figures
    assert ("over_frames" in figures) == (key == "network")


@pytest.mark.parametrize("key", PARAMS["experiments"])
def test_a_gif_file_is_what_is_served(project, key, monkeypatch):
    exported = project / f"data/exported/{key}"
    contract = json.loads((exported / "signature.json").read_text())
    sent = contract["signatures"]["serving_default"]["inputs"]["video_bytes"]
    assert sent["kind"] == "video" and sent["max_pixels"] == 16_000_000
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "stdout", sys.__stdout__)
    predict.run([key, "new", "--out", f"{key}.csv"])
    header, row = Path(f"{key}.csv").read_text().splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True))["label"] == "up"
    answer = tf.saved_model.load(str(exported / "model")).signatures["serving_default"]
    png = image_decoding.png(movie("up", 9)[0])
    with pytest.raises(tf.errors.InvalidArgumentError, match="animated GIF"):
        answer(video_bytes=tf.constant([png]))
