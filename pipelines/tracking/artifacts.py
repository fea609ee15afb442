"""The files of a run: trained models, results with figures, the exported contract, data report.

Each function is called by the stage that writes the files and by `rebuild`, so that a rebuilt run
shows what the original showed.

    trained/<trial>/     model.keras, history.csv, decision.json, best_epoch.json; of a classical
                         model estimator/ in the place of the first two
    plots/               figures as PNG, and their points as CSV; plots/<trial>/ those of a trial
    scores/<trial>/      predictions on test, scores.json
    scores/table.json    every score with its interval, as a table
    scores/all.json      the same, as in data/metrics/<experiment>.json
    exported/            signature.json, golden.json
    data_report/         report.txt, report.json

A run that has trials as runs of their own holds the results of all; a trial holds its own.
"""

import json
from pathlib import Path

from pipelines.config.file_names import SUMMARY
from pipelines.tracking import entries, store

TABLE = "scores/table.json"
NOTE, TABLES = "mlflow.note.content", "mlflow.loggedArtifacts"
LEFT_OUT = "artifacts_left_out"
# A model of this size is in data/trained and, exported, in the registry: a third copy is too many.
MAX_FILE_BYTES = 64 * 2**20


def log_trained(run_id: str, folder: Path, trial: str) -> None:
    """The files of one trial's folder; its run.json is about the run itself.

    A classical model's are in a folder of their own.
    """
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    by_folder: dict[Path, list[Path]] = {}
    for path in files:
        if path != folder / "run.json":
            by_folder.setdefault(path.parent.relative_to(folder), []).append(path)
    for part, paths in by_folder.items():
        log_files(run_id, paths, (Path("trained", trial) / part).as_posix())


def log_results(run_id: str, tracked: Path) -> None:
    """Figures, predictions and scores of a run or of a trial, and its description.

    Args:
        tracked: `scores/tracked.json` in the folder that `evaluate` writes; of a trial,
            `scores/<trial>/tracked.json`.
    """
    scores = tracked.parent
    tags = {}
    if (summary := scores / SUMMARY).is_file():
        tags[NOTE] = summary.read_text("utf-8").replace("{run}", _address(run_id))
    if scores.name == "scores":
        log_folder(run_id, scores.parent)
        tags[TABLES] = json.dumps([{"path": TABLE, "type": "table"}])
    else:
        log_folder(run_id, scores, f"scores/{scores.name}")
        log_folder(run_id, scores.parents[1] / "plots" / scores.name, f"plots/{scores.name}")
    entries.log(run_id, [], tags, entries.now_ms())


def log_exported(run_id: str, folder: Path) -> None:
    """The signature and the golden answers; the SavedModel is in the registry."""
    log_files(run_id, sorted(folder.glob("*.json")), "exported")


def log_data_report(run_id: str, prepared: Path) -> None:
    """What `prepare` noticed in the data, where its recipe reports that."""
    log_files(run_id, sorted(prepared.glob("report.*")), "data_report")


def log_folder(run_id: str, folder: Path, target: str | None = None) -> None:
    if folder.is_dir():
        store.client().log_artifacts(run_id, str(folder), target)


def log_files(run_id: str, files: list[Path], target: str) -> None:
    """Files that are small enough; the tag LEFT_OUT names the others."""
    large = [path for path in files if path.stat().st_size > MAX_FILE_BYTES]
    for path in files:
        if path not in large:
            store.client().log_artifact(run_id, str(path), target)
    if large:
        names = ", ".join(f"{target}/{path.name}" for path in large)
        entries.log(run_id, [], {LEFT_OUT: names}, entries.now_ms())


def _address(run_id: str) -> str:
    """Of the run's page, relative to MLflow's own."""
    run = store.client().get_run(run_id)
    return f"#/experiments/{run.info.experiment_id}/runs/{run_id}"
