"""The outputs of a data set's baselines on disk: written by `baselines`, read by `evaluate`.

data/baselines/<task>/<dataset>/predictions/repeat<n>/ holds a folder for each baseline, and
settings.json: baseline -> the settings that validation selected, in the order of the results.
"""

import json
from pathlib import Path
from types import ModuleType

from pipelines.config import errors

BASELINES = Path("data/baselines")
SETTINGS = "settings.json"


def predictions(task: str, dataset: str) -> Path:
    """The folder of a task's baselines on a data set."""
    return BASELINES / task / dataset / "predictions"


def load(task: ModuleType, folder: Path) -> dict:
    """Name -> outputs on the test rows of one repeat.

    Args:
        task: the `score` module, whose class `Outputs` reads them.
        folder: predictions/repeat<n>.

    Raises:
        UserError: `file-missing`, where the stage has not run.
    """
    path = errors.existing(folder / SETTINGS, "run `dvc repro`, whose stage baselines writes it")
    settings = json.loads(path.read_text("utf-8"))
    return {name: task.Outputs.load(folder / name) for name in settings}


def selected(task: str, dataset: str, name: str) -> str:
    """The methods behind a baseline that was selected from several, such as `baseline_best`.

    Args:
        task: whose baselines.
        dataset: on which they were fitted.
        name: of the baseline; it is returned where no selection is stored.
    """
    files = sorted(predictions(task, dataset).glob(f"repeat*/{SETTINGS}"))
    selections = [json.loads(file.read_text("utf-8")).get(name) for file in files]
    # "ridge, of scaled squared errors on val: ridge 0.1, smoothing 0.2"
    methods = [text.partition(",")[0] for text in selections if name == "baseline_best" and text]
    return " or ".join(dict.fromkeys(methods)) or name
