"""What is asked of a sequence: a number, a class, or a class at each step."""

from typing import Literal

from pipelines.spec import DataSpec

Answer = Literal["number", "class", "symbols"]


def kind_of(spec: DataSpec) -> Answer:
    """By the spec's target."""
    if spec.target.kind == "real":
        return "number"
    return "symbols" if spec.target.shape else "class"


def recalled_steps(spec: DataSpec) -> int:
    """How many of the last steps hold what had to be remembered."""
    return spec.task_metadata["recalled_steps"]
