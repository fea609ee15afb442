"""All stages of a small project, in this process."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pipelines.stages import baselines, evaluate, export, prepare, train

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def in_project(folder: Path, params: dict) -> Iterator[Path]:
    """The params file in a folder that is the working directory and has a store of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PYTHONPATH", str(ROOT))  # of `verify`, a process that export starts
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        path = Path("params.yaml")
        path.write_text(yaml.safe_dump(params, sort_keys=False))
        yield path


def run_stages(path: Path, params: dict, *, exports: bool = True) -> None:
    """Runs the stages of every data set and experiment, in the order in which they need another."""
    for key in params["datasets"]:
        prepare.run(path, key)
    for key in params["experiments"]:
        train.run(path, key)
    for key in params["baselines"]:
        baselines.run(path, key)
    for key in params["experiments"]:
        evaluate.run(path, key)
        if exports:
            export.run(path, key)
