"""Stage: the baselines of a task on a data set, once for all its experiments.

The trivial ones are computed here. The strong one is the classical model of the experiment that the
block names: fitted by `train`, loaded here.

The predictions are the same whenever they are computed again, so that `evaluate` runs only where
one changes. fit.json, beside them, holds the wall seconds, which differ from run to run.
"""

import json
import time
from pathlib import Path

from pipelines.config import loader, schema
from pipelines.evaluation.baseline_files import SETTINGS, predictions
from pipelines.evaluation.context import Evaluation
from pipelines.spec import DataSpec
from pipelines.storage import arrays, atomic


def run(params_file: Path, key: str) -> None:
    params, block = loader.baselines(params_file, key)
    prepared = Path("data/prepared") / block.dataset
    spec = DataSpec.load(prepared / "spec.json")
    target = predictions(block.task, block.dataset)
    strong = strong_stage(params_file, block)
    with atomic.file(target.with_name("fit.json")) as file, atomic.folder(target) as folder:
        seconds = {}
        for repeat in range(spec.repeats):
            name = f"repeat{repeat}"
            given = {"strong": strong.estimator(strong.trials()[repeat])} if strong else {}
            seconds[name] = compute(
                block.task, prepared / name, spec, params.seed, folder / name, **given
            )
        file.write_text(json.dumps({"seconds": seconds}, indent=1) + "\n", "utf-8")


def strong_stage(params_file: Path, block: schema.Baselines) -> Evaluation | None:
    """The experiment of the strong baseline, which has one trial for each repeat.

    None where the task computes the strong baseline itself.
    """
    if block.strong is None:
        return None
    stage = Evaluation.of(params_file, block.strong)
    return stage if stage.is_classical else None


def compute(
    task: str, prepared: Path, spec: DataSpec, seed: int, folder: Path, **strong
) -> dict[str, float]:
    """Writes the outputs of every baseline on one repeat.

    Args:
        strong: the fitted classical model, `strong=`, if the block names one.

    Returns:
        Baseline -> wall seconds of its fit, if it is fitted here, and its predictions.
    """
    splits = [arrays.read(prepared / name) for name in ("train", "val", "test")]
    baselines = loader.task_module(task, "baselines")
    settings, seconds = {}, {}
    begun = time.perf_counter()
    for name, outputs in baselines.fit_predict(*splits, spec, seed, **strong):
        seconds[name] = round(time.perf_counter() - begun, 3)
        settings[name] = outputs.selection
        outputs.save(folder / name)
        selection = f": {outputs.selection}" if outputs.selection else ""
        print(f"{prepared.name}, {name}{selection} ({seconds[name]:.1f} s)")
        begun = time.perf_counter()
    (folder / SETTINGS).write_text(json.dumps(settings, indent=1) + "\n", "utf-8")
    return seconds
