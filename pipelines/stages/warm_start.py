"""Stage between prepare and train, for warm starts: a data set with pretrained weights.

DVC takes the dependencies of a stage from its text, so weights that only some experiments start
from cannot be an optional dependency of `train`. Here they are part of a data set instead:
data/prepared/<key> is the data set of that entry with the weights beside it, and
`task_metadata["warm_start"]` of its spec is their path. Training on it depends on both, as on any
other data set.

The data set is copied byte for byte, unless the weights are the folder of a text encoder: its
texts are then tokenized with the encoder's vocabulary, since the ids of its embeddings are those.
"""

import shutil
from dataclasses import replace
from pathlib import Path

from pipelines.config import errors, loader
from pipelines.config.schema import WarmStart
from pipelines.preparation import encoder_folder, encoder_texts
from pipelines.spec import DataSpec
from pipelines.storage import atomic, trials
from pipelines.storage.arrays import digest

WARM_START, ENCODER = "warm_start", "encoder"
REMEDY = (
    "set `weights` to a folder of data/trained, a weights file, or a folder with the files of an "
    "encoder (config.json, model.safetensors, vocab.txt); presets are not downloaded by name"
)


def run(params_file: Path, key: str) -> None:
    _, warm_start = loader.warm_start(params_file, key)
    prepared = Path("data/prepared")
    dataset = prepared / warm_start.dataset
    spec = DataSpec.load(dataset / "spec.json")
    weights = errors.existing(Path(warm_start.weights), REMEDY)
    with atomic.folder(prepared / key) as out:
        if encoder_folder.is_encoder(weights):
            spec = copy_encoder(weights, dataset, out, spec, warm_start)
            place = prepared / key / WARM_START / ENCODER
        else:
            weights = copy_file(weights, dataset, out, warm_start)
            place = prepared / key / WARM_START / weights.name
        replace(
            spec,
            digests={**spec.digests, WARM_START: digest(out / WARM_START)},
            task_metadata={**spec.task_metadata, WARM_START: place.as_posix()},
        ).save(out / "spec.json")
    print(f"{key}: {warm_start.dataset} with {weights}")


def copy_encoder(
    weights: Path, dataset: Path, out: Path, spec: DataSpec, warm_start: WarmStart
) -> DataSpec:
    """Writes the texts as the encoder's word pieces, and those of its files that are needed."""
    encoder = encoder_folder.read(weights)
    spec = encoder_texts.write(dataset, out, spec, encoder, warm_start.max_tokens)
    for report in dataset.glob("report.*"):
        shutil.copyfile(report, out / report.name)
    for name in encoder.files:
        target = out / WARM_START / ENCODER / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(weights / name, target)
    return spec


def copy_file(source: Path, dataset: Path, out: Path, warm_start: WarmStart) -> Path:
    """Copies the data set and one file of weights, and returns which."""
    if warm_start.max_tokens is not None:
        raise errors.UserError(
            "max-tokens-without-encoder",
            "the weights are not a folder with a text encoder, so texts are not tokenized again; "
            "remove it",
            key="max_tokens", value=warm_start.max_tokens,
        )  # fmt: skip
    weights = weights_file(source)
    shutil.copytree(dataset, out, dirs_exist_ok=True)
    (out / WARM_START).mkdir()
    shutil.copyfile(weights, out / WARM_START / weights.name)
    return weights


def weights_file(source: Path) -> Path:
    """The file itself, or the model of the best trial in a folder of data/trained.

    Raises:
        UserError: nothing there, or no trained model in the folder.
    """
    errors.existing(source, REMEDY)
    if source.is_file():
        return source
    folders = sorted(path.parent for path in source.glob("*/model.keras"))
    if not folders:
        raise errors.UserError(
            "model-missing",
            f"neither a trained model in this folder nor an encoder's {encoder_folder.CONFIG}; "
            f"train that experiment, or {REMEDY}",
            path=source,
        )
    return trials.best(folders) / "model.keras"
