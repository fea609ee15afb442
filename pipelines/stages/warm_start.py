"""Stage between prepare and train, for warm starts: a data set with another experiment's weights.

DVC takes the dependencies of a stage from its text, so a weights file that only some experiments
start from cannot be an optional dependency of `train`. Here it is part of a data set instead:
data/prepared/<key> is the data set of that entry, byte for byte, with the weights beside it, and
`task_metadata["warm_start"]` of its spec is their path. Training on it depends on both, as on any
other data set.
"""

import shutil
from dataclasses import replace
from pathlib import Path

from pipelines.config import errors, loader
from pipelines.spec import DataSpec
from pipelines.storage import atomic, trials
from pipelines.storage.arrays import digest

WARM_START = "warm_start"


def run(params_file: Path, key: str) -> None:
    _, warm_start = loader.warm_start(params_file, key)
    prepared = Path("data/prepared")
    spec = DataSpec.load(prepared / warm_start.dataset / "spec.json")
    weights = weights_file(Path(warm_start.weights))
    with atomic.folder(prepared / key) as out:
        shutil.copytree(prepared / warm_start.dataset, out, dirs_exist_ok=True)
        (out / WARM_START).mkdir()
        shutil.copyfile(weights, out / WARM_START / weights.name)
        place = prepared / key / WARM_START / weights.name
        replace(
            spec,
            digests={**spec.digests, WARM_START: digest(out / WARM_START)},
            task_metadata={**spec.task_metadata, WARM_START: place.as_posix()},
        ).save(out / "spec.json")
    print(f"{key}: {warm_start.dataset} with {weights}")


def weights_file(source: Path) -> Path:
    """The file itself, or the model of the best trial in a folder of data/trained.

    Raises:
        UserError: nothing there, or no trained model in the folder.
    """
    errors.existing(source, "set `weights` to a folder of data/trained or to a weights file")
    if source.is_file():
        return source
    folders = sorted(path.parent for path in source.glob("*/model.keras"))
    if not folders:
        raise errors.UserError(
            "model-missing", "no trained model in this folder; train that experiment", path=source
        )
    return trials.best(folders) / "model.keras"
