"""The exported model that a name means: an experiment's, or a champion of the registry."""

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.config.errors import UserError, one_of
from pipelines.storage import exported

EXPORTED = Path("data/exported")
CHAMPION = "champion"
NODES = ("Graph execution error", "Detected at node", "<stack traces", "{{", "[[", "[Op")
MAX_PROBLEM = 200  # characters
READING_VERSION = 1  # of `reading` in signature.json


@dataclass(frozen=True)
class ExportedModel:
    """name: for people. folder: the SavedModel. contract: its signature.json."""

    name: str
    folder: Path
    contract: Mapping[str, Any]

    @property
    def inputs(self) -> dict[str, dict]:
        return self.contract["signatures"]["serving_default"]["inputs"]

    @property
    def outputs(self) -> dict[str, dict]:
        return self.contract["signatures"]["serving_default"]["outputs"]

    @property
    def judges_series(self) -> bool:
        """Whether the last reading of a series is judged, and not what comes after it forecast."""
        return any(tensor.get("kind") == "alarm" for tensor in self.outputs.values())

    @property
    def labels(self) -> Sequence[str]:
        return self.contract["labels"]

    @property
    def reading(self) -> dict[str, Any]:
        """The recipe and options of the data set, and its `task_metadata`.

        Raises:
            UserError: `reading-unknown`, another version of this code exported the model.
        """
        reading = self.contract.get("reading") or {}
        if reading.get("schema_version") != READING_VERSION:
            raise UserError(
                "reading-unknown",
                "does not say how its data was read in a form that this code knows; run the export "
                f"stage again: dvc repro --single-item export@{self.contract['experiment']}",
                path=self.name, key="reading", value=reading.get("schema_version"),
            )  # fmt: skip
        return reading

    @cached_property
    def _signature(self):
        exported.import_required(self.contract)
        import tensorflow as tf  # takes seconds, and a mistake is reported without it

        self.__dict__["_loaded"] = loaded = tf.saved_model.load(str(self.folder))  # stays alive
        return loaded.signatures["serving_default"]

    def load(self) -> None:
        """Loads the graph, which the first prediction would do otherwise."""
        assert self._signature is not None

    def predict(self, columns: Mapping[str, Sequence]) -> dict[str, np.ndarray]:
        """Outputs by name, the first axis is the row.

        Args:
            columns: request input -> a value for each row.

        Raises:
            ValueError: the graph refuses a row of them.
        """
        import tensorflow as tf

        tensors = {name: tf.constant(self._array(name, rows)) for name, rows in columns.items()}
        try:
            answer = self._signature(**tensors)
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(_sentence(error.message)) from None
        return {name: values.numpy() for name, values in answer.items()}

    def _array(self, name: str, rows: Sequence) -> np.ndarray:
        """(rows, ...) as the signature takes it."""
        tensor = self.inputs[name]
        if tensor["dtype"] == "string":
            return np.array(rows, object)
        array = np.asarray(rows, tensor["dtype"])
        fixed = [-1, *tensor["shape"][1:]]
        return array.reshape(fixed) if None not in fixed else array


def _sentence(message: str) -> str:
    """What the graph refuses, without the names of its nodes."""
    lines = [line.strip() for line in message.splitlines()]
    texts = [line for line in lines if line and not line.startswith(NODES)]
    text = " ".join(texts) or "refused by the model"
    return text.removeprefix("assertion failed: ").strip("[] ")[:MAX_PROBLEM]


def resolve(name: str) -> ExportedModel:
    """The model of an experiment's key, of `champion:NAME`, or of `champion` where there is one.

    Raises:
        UserError: `model-missing`, `champion-ambiguous`, or it is not what was exported.
    """
    if name == CHAMPION or name.startswith(f"{CHAMPION}:"):
        return _champion(name.partition(":")[2])
    folder = EXPORTED / name
    if not (folder / "signature.json").is_file():
        present = sorted(path.parent.name for path in EXPORTED.glob("*/signature.json"))
        raise UserError(
            "model-missing",
            f"no exported model {name!r}; {one_of(name, [*present, CHAMPION])}; `make repro` "
            "exports the experiments of params.yaml",
            path=EXPORTED, value=name,
        )  # fmt: skip
    model = ExportedModel(name, folder / "model", exported.read_contract(folder / "signature.json"))
    exported.check_digest(model.folder, dict(model.contract))
    return model


def _champion(name: str) -> ExportedModel:
    from pipelines.tracking import champions  # takes seconds

    versions = {version["name"]: version for version in champions.champions()}
    matching = [key for key in versions if not name or key == name or key.endswith(f"-{name}")]
    if len(matching) != 1:
        choices = ", ".join(f"{CHAMPION}:{key}" for key in sorted(versions))
        problem = f"{len(matching)} champions" if matching else "no champion"
        code = "champion-ambiguous" if matching else "model-missing"
        cure = f"accepted: {choices}" if versions else "`make repro` exports and registers models"
        raise UserError(code, f"{problem} of this name; {cure}", key=CHAMPION, value=name)
    version = versions[matching[0]]
    with open(os.devnull, "w") as silent, contextlib.redirect_stderr(silent):  # noqa: PTH123
        folder, contract = champions.saved_model(version)
    described = f"{version['name']} version {version['version']} ({version['key']})"
    exported.check_digest(folder, contract)
    return ExportedModel(described, folder, contract)
