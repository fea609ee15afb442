"""The data set block and the possible experiments of a source, by its task."""

from pipelines.commands import (
    init_images,
    init_masks,
    init_movies,
    init_pairs,
    init_series,
    init_sounds,
    init_texts,
)
from pipelines.commands.init_templates import Plan
from pipelines.preparation.inspection.source import Source


def plan(source: Source, converted: bool) -> Plan:
    """Those of the source's task.

    Args:
        source: as it was inspected.
        converted: whether the source is read from a file that `init` writes.
    """
    if source.task == "text_classification":
        return init_texts.plan(source.content, source.layout, converted)
    if source.task == "forecasting":
        return init_series.plan(source.content, converted)
    if source.task == "translation":
        return init_pairs.plan(source.content, source.layout, converted)
    of_folders = {
        "image_classification": init_images, "segmentation": init_masks,
        "signal_classification": init_sounds, "video_classification": init_movies,
    }  # fmt: skip
    return of_folders[source.task].plan(source.content)
