"""Stage: the baselines of a task on a data set, fitted once for all its experiments.

The predictions are the same whenever they are computed again, so that `evaluate` runs only where
one changes. fit.json, beside them, holds the wall seconds, which differ from run to run.
"""

import json
import time
from pathlib import Path

from pipelines.config import loader
from pipelines.evaluation.baseline_files import SETTINGS, predictions
from pipelines.spec import DataSpec
from pipelines.storage import arrays, atomic


def run(params_file: Path, key: str) -> None:
    params, block = loader.baselines(params_file, key)
    prepared = Path("data/prepared") / block.dataset
    spec = DataSpec.load(prepared / "spec.json")
    target = predictions(block.task, block.dataset)
    with atomic.file(target.with_name("fit.json")) as file, atomic.folder(target) as folder:
        seconds = {
            name: fit(block.task, prepared / name, spec, params.seed, folder / name)
            for name in (f"repeat{repeat}" for repeat in range(spec.repeats))
        }
        file.write_text(json.dumps({"seconds": seconds}, indent=1) + "\n", "utf-8")


def fit(task: str, prepared: Path, spec: DataSpec, seed: int, folder: Path) -> dict[str, float]:
    """Writes the outputs of every baseline on one repeat.

    Returns:
        Baseline -> wall seconds of its fit and predictions.
    """
    splits = [arrays.read(prepared / name) for name in ("train", "val", "test")]
    baselines = loader.task_module(task, "baselines")
    settings, seconds = {}, {}
    begun = time.perf_counter()
    for name, outputs in baselines.fit_predict(*splits, spec, seed):
        seconds[name] = round(time.perf_counter() - begun, 3)
        settings[name] = outputs.selection
        outputs.save(folder / name)
        selection = f": {outputs.selection}" if outputs.selection else ""
        print(f"{prepared.name}, {name}{selection} ({seconds[name]:.1f} s)")
        begun = time.perf_counter()
    (folder / SETTINGS).write_text(json.dumps(settings, indent=1) + "\n", "utf-8")
    return seconds
