"""Draws the vanishing gradient: `.venv/bin/python benchmarks/gradients.py [experiment ...]`.

docs/gradients.png shows how much forecasts depend on each step of their history, for the networks
of some experiments before and after training (`dvc repro` first).
"""

import shutil
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import models  # noqa: E402
from benchmarks.experiments import params_file  # noqa: E402
from pipelines.evaluation.context import Evaluation  # noqa: E402
from pipelines.tasks.forecasting import figures, input_gradients  # noqa: E402

EXPERIMENTS = ("forecast_elman", "forecast_lstm")


def main() -> None:
    stages = [Evaluation.of(params_file(key), key) for key in sys.argv[1:] or EXPERIMENTS]
    if len({stage.prepared for stage in stages}) > 1:
        keys = ", ".join(stage.key for stage in stages)
        raise SystemExit(f"{keys}: they are on different data sets")
    norms = {name: values for stage in stages for name, values in measured(stage).items()}
    with tempfile.TemporaryDirectory() as folder:
        figures.gradients(norms, stages[0].spec, Path(folder))
        shutil.copy(Path(folder) / "figures/gradients.png", ROOT / "docs/gradients.png")
    for name, values in norms.items():
        print(f"{name}: oldest observation {values[0]:.2g}, latest {values[-1]:.2g}")


def measured(stage: Evaluation) -> dict[str, np.ndarray]:
    """(h,) norms, oldest observation first, of an experiment's first trial."""
    experiment, trial = stage.params.experiments[stage.key], stage.trials()[0]
    keras.utils.set_random_seed(trial.seed)
    untrained = models.build(stage.spec, experiment.module, **experiment.build)
    trained = keras.saving.load_model(stage.trained / trial.name / "model.keras", compile=False)
    history = np.asarray(trial.load(stage.prepared, "test")["history"])
    return {
        f"{stage.key} untrained": input_gradients.through_time(untrained, history),
        f"{stage.key} trained": input_gradients.through_time(trained, history),
    }


if __name__ == "__main__":
    main()
