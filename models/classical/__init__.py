"""Classical models: fitted in closed form or by scikit-learn; no epochs, no TensorFlow.

A module of this folder has builders as those of models/ have, functions whose first parameter is
`spec` and whose keyword-only parameters are hyperparameters. They return an `Estimator` that is not
fitted. An experiment names the file, `module: classical/linear_text`; it has no `fit`, and is
trained, evaluated, exported and served as a network is. It is also the strong baseline of its data
set's networks: `strong` of a block under `baselines` names it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from pipelines.inference.decision import DecisionRule

SELECTION = "selection.json"
Columns = Mapping[str, Any]  # arrays of a split by name: numpy arrays, or lists of texts or bytes


@dataclass(frozen=True)
class Selection:
    """What validation selected, and the score that it was selected by.

    Args:
        settings: for people: "words 1-2, C=10, Matthews correlation 0.934 in validation".
        metric: "val/mcc". Of several trials the one with the best value is exported.
        value: of the metric.
        mode: "min" if a lower value is better, else "max".
    """

    settings: str
    metric: str
    value: float
    mode: Literal["min", "max"] = "max"

    def save(self, folder: Path) -> None:
        """Into the folder of an estimator that selects once."""
        text = json.dumps(asdict(self), indent=1) + "\n"
        (folder / SELECTION).write_text(text, "utf-8")

    @classmethod
    def restored(cls, folder: Path) -> "Selection":
        """What `save` wrote."""
        return cls(**json.loads((folder / SELECTION).read_text("utf-8")))


class Estimator(Protocol):
    """A classical model; `spec` and hyperparameters are those it was built with.

    After `fit` or `restore` it also has:

    Args:
        selection: the settings that validation selected.
        components: every fitted candidate by the name of its baseline, without "baseline_":
            {"tfidf_svm": ..., "nb_svm": ...}. One of them may be the estimator itself. Each has
            `selection` and `predict`.
        parameters: the number of fitted numbers that predictions are computed from.
        decision: the rule whose threshold figures mark; `DecisionRule()` where there is none.
    """

    selection: Selection
    components: "Mapping[str, Estimator]"
    parameters: int
    decision: DecisionRule

    def fit(self, train: Columns, val: Columns, seed: int) -> None:
        """Fits every candidate and selects on val, or by cross-validation; never sees test.

        Args:
            train, val: all columns of the splits.
            seed: of whatever is random.
        """
        ...

    def predict(self, columns: Columns) -> dict[str, Any]:
        """The arguments of the task's `Outputs` for the rows of a split.

        A classifier: {"probabilities": (n, k) float32, "predicted": (n,) int32}.

        Args:
            columns: the spec's inputs and request inputs alone, no targets.
        """
        ...

    def save(self, folder: Path) -> None:
        """Writes arrays (pipelines/storage/arrays.py) and JSON into an empty folder; no pickle."""
        ...

    def restore(self, folder: Path) -> None:
        """Makes this estimator, built with the same arguments, the one that `save` wrote."""
        ...
