"""What evaluation shows of a tagger: its predictions as a table."""

from pathlib import Path

from pipelines.figures import style
from pipelines.spec import DataSpec


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    rows = [(word, *tags) for word, tags in zip(test["word"], outputs.predicted, strict=True)]
    positions = [f"tag{number}" for number in range(*spec.target.shape)]
    style.write_csv(folder / "tags.csv", ("word", *positions), rows)
