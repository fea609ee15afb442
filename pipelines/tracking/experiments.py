"""How MLflow's page shows an experiment: its kind, a description, and a view with the leaderboard.

The view is one of MLflow's saved views: columns and order, kept in a tag of the experiment. Its
address is `view_address`; the page offers it under "Views".
"""

import json
from collections.abc import Sequence

from mlflow.entities import Experiment

from pipelines.tracking import entries, store
from pipelines.tracking.artifacts import NOTE

VIEW = "leaderboard"
VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"
COLUMN_WIDTH = 190  # pixels, in which names such as baseline_best/accuracy are not cut
KIND_TAG = "mlflow.experimentKind"
KIND = "custom_model_development"  # the page's "Machine learning", with columns for metrics
PRIMARY_TAG = "mlflow.experiment.primaryMetric.name"
HIGHER_TAG = "mlflow.experiment.primaryMetric.greaterIsBetter"


def describe_experiment(
    task: str, *, note: str, primary: str, higher: bool, columns: Sequence[str]
) -> None:
    """Sets the tags of the experiment of a task; a description that a person has edited stays.

    Args:
        note: the description, Markdown. `{view}` becomes the address of the leaderboard.
        primary: the metric that the leaderboard is sorted by, best first.
        higher: whether a higher value of it is better.
        columns: metrics to show; those of other data sets in the view are still shown.
    """
    client = store.client()
    with store.exclusive():
        entry = client.get_experiment_by_name(task)
        assert entry is not None, "the experiment of a run that is open"
        note = note.replace("{view}", view_address(entry.experiment_id))
        tags = {
            KIND_TAG: KIND,
            PRIMARY_TAG: primary,
            HIGHER_TAG: str(higher),
            VIEW_TAG: _view(primary, higher, list(dict.fromkeys((*columns, *_columns(entry))))),
        }
        if NOTE not in entry.tags:
            tags[NOTE] = note
        for name, value in tags.items():
            if entry.tags.get(name) != value:
                client.set_experiment_tag(entry.experiment_id, name, value)


def view_address(experiment_id: str) -> str:
    """Of the leaderboard, relative to the address of MLflow's page."""
    query = f"workflowType=machine_learning&viewStateShareKey={VIEW}"
    return f"#/experiments/{experiment_id}/runs?{query}"


def view_state(entry: Experiment) -> str | None:
    """The view's state as JSON; None where the view was deleted or another program wrote it."""
    try:
        state = json.loads(entry.tags[VIEW_TAG])["state"]
    except (KeyError, TypeError, ValueError):
        return None
    return state if isinstance(state, str) and state.startswith("{") else None


def _view(primary: str, higher: bool, metrics: list[str]) -> str:
    """As MLflow's page saves a view: an envelope of texts, the state being JSON in JSON."""
    columns = [f"metrics.`{metric}`" for metric in metrics]
    state = {
        "searchFilter": f"tags.`{entries.PARENT}` IS NULL",  # no single trials
        "orderByKey": f"metrics.`{primary}`",
        "orderByAsc": not higher,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": columns,
        "columnOrder": columns,
        "columnWidths": dict.fromkeys(columns, COLUMN_WIDTH),
    }
    # Constant times: the tag is written again only if the view has changed.
    view = {"name": "Leaderboard", "createdAt": 0, "updatedAt": 0, "state": json.dumps(state)}
    return json.dumps(view)


def _columns(entry: Experiment) -> list[str]:
    """The metrics that the view shows already; none where it was deleted or cannot be read."""
    try:
        columns = json.loads(view_state(entry) or "")["selectedColumns"]
    except (KeyError, TypeError, ValueError):
        return []
    prefix = "metrics.`"
    return [name[len(prefix) : -1] for name in columns if name.startswith(prefix)]
