"""The data set block and the possible experiments of a source, by its task."""

from pipelines.commands import init_images, init_pairs, init_series, init_texts
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
    if source.task == "image_classification":
        return init_images.plan(source.content)
    return init_pairs.plan(source.content, source.layout, converted)
