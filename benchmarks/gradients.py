"""The vanishing gradient, shown: `.venv/bin/python benchmarks/gradients.py [experiment ...]`.

Draws into one picture, docs/gradients.png, how much forecasts depend on each step of their history:
as the networks of some experiments begin, and as they end (`dvc repro` first).
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
from pipelines.evaluation.context import Evaluation  # noqa: E402
from pipelines.tasks.forecasting import figures, input_gradients  # noqa: E402

EXPERIMENTS = ("forecast_elman", "forecast_lstm")


def main() -> None:
    stages = [Evaluation.of(ROOT / "params.yaml", key) for key in sys.argv[1:] or EXPERIMENTS]
    if len({stage.prepared for stage in stages}) > 1:
        raise SystemExit(f"{', '.join(stage.key for stage in stages)}: not of one data set")
    norms = {name: values for stage in stages for name, values in measured(stage).items()}
    with tempfile.TemporaryDirectory() as folder:
        figures.gradients(norms, stages[0].spec, Path(folder))
        shutil.copy(Path(folder) / "figures/gradients.png", ROOT / "docs/gradients.png")
    for name, values in norms.items():
        print(f"{name}: oldest reading {values[0]:.2g}, latest {values[-1]:.2g}")


def measured(stage: Evaluation) -> dict[str, np.ndarray]:
    """(h,) norms, oldest reading first, of an experiment's first trial."""
    experiment, trial = stage.params.experiments[stage.key], stage.trials()[0]
    keras.utils.set_random_seed(trial.seed)
    begun = models.build(stage.spec, experiment.module, **experiment.build)
    ended = keras.saving.load_model(stage.trained / trial.name / "model.keras", compile=False)
    history = np.asarray(trial.load(stage.prepared, "test")["history"])
    return {
        f"{stage.key} untrained": input_gradients.through_time(begun, history),
        f"{stage.key} trained": input_gradients.through_time(ended, history),
    }


if __name__ == "__main__":
    main()
