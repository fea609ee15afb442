"""Stage between prepare and train, for transfer: a data set with another experiment's weights.

DVC takes the dependencies of a stage from its text, so a weights file that only some experiments
begin with cannot be an optional dependency of `train`. Here it is part of a data set instead:
data/prepared/<start> is the data set of that entry, byte for byte, with the weights beside it, and
`facts["start"]` of its spec says where. Training on it depends on both, as on any other data set.
"""

import shutil
from dataclasses import replace
from pathlib import Path

from pipelines.config import errors, loader
from pipelines.spec import DataSpec
from pipelines.storage import atomic
from pipelines.storage.arrays import digest
from pipelines.storage.trials import validation_loss

FACT = "start"


def run(params_file: Path, key: str) -> None:
    _, start = loader.start(params_file, key)
    prepared = Path("data/prepared")
    spec = DataSpec.load(prepared / start.dataset / "spec.json")
    weights = weights_file(Path(start.weights))
    with atomic.folder(prepared / key) as out:
        shutil.copytree(prepared / start.dataset, out, dirs_exist_ok=True)
        (out / FACT).mkdir()
        shutil.copyfile(weights, out / FACT / weights.name)
        replace(
            spec,
            digests={**spec.digests, FACT: digest(out / FACT)},
            facts={**spec.facts, FACT: (prepared / key / FACT / weights.name).as_posix()},
        ).save(out / "spec.json")
    print(f"{key}: {start.dataset} with {weights}")


def weights_file(source: Path) -> Path:
    """The file itself, or the model of the best trial (lowest validation loss) in a folder."""
    errors.existing(source, "set `weights` to a folder of data/trained or to a weights file")
    if source.is_file():
        return source
    fits = [path.parent for path in source.glob("*/model.keras")]
    if not fits:
        raise errors.UserError(f"{source}: no trained model in this folder; train that experiment")
    return min(sorted(fits), key=validation_loss) / "model.keras"
