"""Names of classes for the labels that a source has: {0: neg, 1: pos}."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from pipelines.config import errors
from pipelines.config.errors import UserError
from pipelines.config.written_texts import Label

LabelNames = Annotated[dict[Label, Label], Field(min_length=1)]
MAX_SHOWN = 40  # characters of a label in an error


def class_name(
    label: str, names: Mapping[str, str] | None, path: Path, line: int | None = None
) -> str:
    """The class of a label; several labels may have one class.

    Args:
        label: as it is in the source.
        names: the option `labels`; None: labels are names of classes.
        path, line: of the label, for the error.

    Raises:
        UserError: `label-unknown`.
    """
    if names is None:
        return label
    if label not in names:
        raise UserError(
            "label-unknown",
            f"{label[:MAX_SHOWN]!r} is not among the labels; {errors.one_of(label, names)}; "
            "correct it, or add it to `labels`",
            path=path, line=line, key="labels", value=label,
        )  # fmt: skip
    return names[label]
