"""Brings back to MLflow the runs whose files are here but which its store does not know.

That is so after `dvc pull` in a fresh clone, and after mlflow.db was deleted.
"""

from pathlib import Path

from pipelines import tracking


def run(params_file: Path) -> None:
    restored = tracking.restore_all(Path())
    for run in restored:
        print(f"restored {run}")
