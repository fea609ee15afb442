"""From a folder of WAV files to an exported classifier, by params alone: all stages."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from pipelines.commands import predict
from pipelines.preprocessing import wav_files
from tests.support.stage_runs import in_project, run_stages

pytestmark = pytest.mark.slow

RATE, TASK = 800, "signal_classification"
FIT = {"epochs": 30, "batch_size": 16, "learning_rate": 0.01, "patience": None}
PARAMS = {
    "seed": 1,
    "datasets": {"tones": {"recipe": "wav_folder", "source": "tones", "options": {
        "group": "/([a-z]+)_", "window_seconds": 0.5, "split": {"val": 1, "test": 1},
    }}},
    "baselines": {"tones": {"task": TASK, "dataset": "tones", "strong": "classical"}},
    "experiments": {
        "classical": {"task": TASK, "dataset": "tones", "module": "classical/signal_classifiers",
                      "build": {"builder": "signal_classifier", "trees": 20, "features": 400}},
        "network": {"task": TASK, "dataset": "tones", "module": "spectrogram_networks",
                    "build": {"builder": "log_mel_cnn", "filters": [8]}, "fit": FIT},
    },
}  # fmt: skip


def tone(hertz: float, seconds: float, seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    sound = 0.3 * np.sin(2 * np.pi * hertz * (time + rng.random()))
    return wav_files.encode((sound + rng.normal(0, 0.02, len(time))).astype(np.float32), RATE)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder in which all stages have run."""
    folder = tmp_path_factory.mktemp("tones")
    with in_project(folder, PARAMS) as path:
        for number, (name, hertz) in enumerate((("low", 60.0), ("middle", 120.0), ("high", 250.0))):
            Path("tones", name).mkdir(parents=True)
            for take in range(20):
                speaker = ("ann", "bob", "cleo", "dan")[take % 4]
                file = tone(hertz, 0.3 + 0.07 * (take // 2), 100 * number + take)
                Path("tones", name, f"{speaker}_{take}.wav").write_bytes(file)
        Path("new").mkdir()
        Path("new/long.wav").write_bytes(tone(250.0, 2.0, 999))
        run_stages(path, PARAMS)
    return folder


@pytest.mark.parametrize("key", PARAMS["experiments"])
def test_tones_are_told_apart_and_trivial_rules_are_beaten(project, key):
    metrics = json.loads((project / f"data/metrics/{key}.json").read_text())
    assert metrics["test/recording_accuracy"] > 0.9
    for trivial in ("majority", "length"):
        assert metrics["test/accuracy"] > 1.5 * metrics[f"baseline_{trivial}/accuracy"]
    assert {"baseline_band_forest/accuracy", "baseline_minirocket/accuracy"} <= set(metrics)
    assert metrics["test/worst_group_accuracy"] == metrics["test/accuracy"]  # one speaker
    figures = project / f"data/metrics/{key}/plots/repeat0_seed1/figures"
    assert {path.stem for path in figures.iterdir()} >= {"confusion", "groups", "over_time"}


@pytest.mark.parametrize("key", PARAMS["experiments"])
def test_a_file_is_what_is_served(project, key, monkeypatch):
    contract = json.loads((project / f"data/exported/{key}/signature.json").read_text())
    default = contract["signatures"]["serving_default"]["inputs"]["wav_bytes"]
    assert default["kind"] == "audio" and default["max_bytes"] > 0
    assert set(contract["signatures"]) == {"serving_default", "windows"}
    golden = json.loads((project / f"data/exported/{key}/golden.json").read_text())
    assert set(golden["outputs"]["label"]) == {"low", "middle", "high"}
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "stdout", sys.__stdout__)
    predict.run([key, "new", "--out", f"{key}.csv"])
    header, row = Path(f"{key}.csv").read_text().splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True))["label"] == "high"
