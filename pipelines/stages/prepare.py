"""Stage 1: a raw file becomes arrays, assets and a DataSpec. Imports no TensorFlow."""

from dataclasses import replace
from pathlib import Path

from pipelines.config import errors, loader
from pipelines.preparation import validation
from pipelines.storage import arrays, atomic

PARTS = ("train", "val", "test")


def run(params_file: Path, key: str) -> None:
    params, dataset = loader.dataset(params_file, key)
    source = errors.existing(Path(dataset.source), f"set datasets.{key}.source in {params_file}")
    with atomic.folder(Path("data/prepared") / key) as out:
        spec = loader.recipe(dataset.recipe).prepare(
            loader.options(dataset), source, out, params.seed
        )
        digests = {}
        for part in (f"repeat{number}/{name}" for number in range(spec.repeats) for name in PARTS):
            columns = arrays.read(out / part)
            validation.within_spec(Path(dataset.source) / part, columns, spec)
            digests[part] = arrays.digest(out / part)
            print(f"{key}/{part}: {len(columns[spec.raw])} rows")
        replace(spec, digests=digests).save(out / "spec.json")
