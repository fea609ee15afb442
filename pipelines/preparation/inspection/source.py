"""What was found out about a source: its task, its content, and how a recipe is to read it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.preparation.data_report.findings import Finding
from pipelines.preparation.inspection import (
    images,
    masks,
    movies,
    pairs,
    series,
    sounds,
    texts,
)

TASKS = {
    "text_classification": "texts with labels", "translation": "sentence pairs",
    "forecasting": "numbers in time", "image_classification": "images in folders of classes",
    "segmentation": "images and their masks",
    "signal_classification": "sounds in folders of classes",
    "video_classification": "movies in folders of classes",
}  # fmt: skip


@dataclass
class Source:
    """path: what is read. content: what was seen, by task. layout: how a
    recipe finds it; commands/init_templates.py translates its keys into the recipe's options."""

    path: Path
    task: str
    content: (
        texts.LabelledTexts | series.Series | images.Images | pairs.Pairs
        | masks.Masks | sounds.Sounds | movies.Movies
    )  # fmt: skip
    layout: dict = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    report: list[Finding] = field(default_factory=list)


def make(path: Path, task: str, content, layout: dict, more: Sequence[Finding] = ()) -> Source:
    reasons = [f"task: {task}: {TASKS[task]}", *content.reasons]
    return Source(path, task, content, layout, reasons, [*content.report, *more])
