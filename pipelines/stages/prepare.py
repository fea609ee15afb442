"""Stage 1: a raw file becomes arrays, assets and a DataSpec. Imports no TensorFlow."""

from dataclasses import replace
from pathlib import Path

from pipelines.config import errors, loader
from pipelines.preparation import validation
from pipelines.preparation.data_report import findings
from pipelines.storage import arrays, atomic

SPLITS = ("train", "val", "test")


def run(params_file: Path, key: str) -> None:
    params, dataset = loader.dataset(params_file, key)
    source = errors.existing(Path(dataset.source), f"set datasets.{key}.source in {params_file}")
    prepared = Path("data/prepared") / key
    with atomic.folder(prepared) as out:
        spec = loader.recipe(dataset.recipe).prepare(
            loader.options(dataset), source, out, params.seed
        )
        digests = {}
        for repeat in range(spec.repeats):
            for split in (f"repeat{repeat}/{name}" for name in SPLITS):
                columns = arrays.read(out / split)
                validation.within_spec(Path(dataset.source) / split, columns, spec)
                digests[split] = arrays.digest(out / split)
                print(f"{key}/{split}: {len(columns[spec.target.name])} rows")
        for line in findings.in_short(findings.read(out), prepared / findings.REPORT_TEXT):
            print(f"{key}: {line}")
        replace(spec, digests=digests).save(out / "spec.json")
