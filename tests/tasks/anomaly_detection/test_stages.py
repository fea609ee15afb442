"""From a CSV of readings to an exported detector: all stages, a network and a classical model."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from pipelines.stages import baselines, evaluate, export, prepare, train
from tests.support.stage_runs import in_project

pytestmark = pytest.mark.slow

FIT = {"epochs": 4, "batch_size": 16, "learning_rate": 0.01, "patience": None}
PARAMS = {
    "seed": 1,
    "datasets": {"pump": {"recipe": "readings_csv", "source": "pump.csv", "options": {
        "time": None, "values": {"pressure": "bar", "flow": "l/min"}, "history_steps": 12,
    }}},
    "baselines": {"pump": {"task": "anomaly_detection", "dataset": "pump", "strong": "classical"}},
    "experiments": {
        "classical": {"task": "anomaly_detection", "dataset": "pump",
                      "module": "classical/detectors", "build": {"builder": "detector"}},
        "network": {"task": "anomaly_detection", "dataset": "pump", "module": "step_forecasters",
                    "build": {"builder": "lstm_step_forecaster", "units": 8}, "fit": FIT},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder in which all stages have run; test was not there when models were fitted."""
    folder = tmp_path_factory.mktemp("pump")
    rng = np.random.default_rng(1)
    time = np.arange(1200)
    wave = np.sin(2 * np.pi * time / 20)
    pressure = 3 + wave + rng.normal(0, 0.05, 1200)
    flow = 50 - 8 * wave + rng.normal(0, 0.5, 1200)
    rows = (f"{a:.4f},{b:.4f}" for a, b in zip(pressure, flow, strict=True))
    with in_project(folder, PARAMS) as path:
        Path("pump.csv").write_text("pressure,flow\n" + "\n".join(rows) + "\n")
        prepare.run(path, "pump")
        test, hidden = Path("data/prepared/pump/repeat0/test"), Path("hidden")
        shutil.move(test, hidden)
        for key in PARAMS["experiments"]:
            train.run(path, key)
        shutil.move(hidden, test)
        baselines.run(path, "pump")
        for key in PARAMS["experiments"]:
            evaluate.run(path, key)
            export.run(path, key)
    return folder


@pytest.mark.parametrize("key", PARAMS["experiments"])
def test_the_threshold_is_written_before_test_is_opened(project, key):
    decision = project / f"data/trained/{key}/repeat0_seed1/decision.json"
    assert json.loads(decision.read_text())["options"]["threshold"] > 0


@pytest.mark.parametrize("key", PARAMS["experiments"])
def test_made_events_are_found_and_rules_that_say_nothing_are_beaten(project, key):
    metrics = json.loads((project / f"data/metrics/{key}.json").read_text())
    for trivial in ("never", "always", "random"):
        assert metrics["test/pr_auc"] > 2 * metrics[f"baseline_{trivial}/pr_auc"]
    assert metrics["test/event_recall"] > 0.5
    assert {"baseline_matrix_profile/pr_auc", "baseline_difference/pr_auc"} <= set(metrics)
    figures = project / f"data/metrics/{key}/plots/repeat0_seed1/figures"
    names = {path.stem for path in figures.iterdir()}
    assert names >= {
        "series", "score_histogram", "precision_recall", "delays", "contributions"
    }  # fmt: skip


@pytest.mark.parametrize("key", PARAMS["experiments"])
def test_what_is_served_is_described(project, key):
    contract = json.loads((project / f"data/exported/{key}/signature.json").read_text())
    described = contract["signatures"]["serving_default"]
    assert described["inputs"]["history"]["shape"] == [None, 12, 2]
    assert {name: tensor["kind"] for name, tensor in described["outputs"].items()} == {
        "score": "score", "anomaly": "alarm", "threshold": "number", "expected": "values",
        "contribution": "values",
    }  # fmt: skip
    golden = json.loads((project / f"data/exported/{key}/golden.json").read_text())
    assert len(golden["outputs"]["anomaly"]) == 8 and any(golden["outputs"]["anomaly"])
