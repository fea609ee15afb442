"""The outputs of a classical model, and of each of its candidates as a baseline."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pipelines.spec import DataSpec
from pipelines.storage import trials


def predict(estimator, columns: Mapping, spec: DataSpec, outputs_class: type) -> Any:
    """The task's `Outputs` for the rows of a split.

    Args:
        estimator: a `models.classical.Estimator`, fitted; it sees inputs and requests alone.
        columns: of the split.
        spec: of the data set.
        outputs_class: of the task.
    """
    outputs = outputs_class(**estimator.predict(trials.requests(columns, spec)))
    return replace(outputs, selection=estimator.selection.settings)


def outputs_of(
    strong, test: Mapping, spec: DataSpec, outputs_class: type
) -> Iterator[tuple[str, Any]]:
    """(name of the baseline, outputs on the test rows) of every candidate that was fitted."""
    for name, component in strong.components.items():
        yield f"baseline_{name}", predict(component, test, spec, outputs_class)
