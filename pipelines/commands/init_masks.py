"""The data set block and the possible experiments of images with masks."""

from pipelines.commands.init_templates import DatasetBlock, Plan, Template, fit, unsplit, with_given
from pipelines.preparation.inspection.masks import Masks

_LOSS = {"dice": 1.0}  # rare classes count as much as frequent ones
MASKS = (
    Template(
        "unet", "convolutions at three resolutions", "unet",
        {"builder": "unet", "filters": 8, "depth": 3, "dropout": 0.1},
        fit(8, 3e-3, schedule="cosine"), 3.0, 1500, 6, 60, loss=_LOSS,
    ),
    Template(
        "wide_unet", "the same, with twice the filters", "unet",
        {"builder": "unet", "filters": 16, "depth": 3, "dropout": 0.1},
        fit(8, 2e-3, schedule="cosine"), 8.0, 1500, 6, 60, loss=_LOSS,
    ),
)  # fmt: skip


def plan(content: Masks) -> Plan:
    of_split = content.folders.of_split
    folders = {split: {"images": i, "masks": m} for split, (i, m) in of_split.items()}
    options = {"folders": folders, "channels": content.channels, "tile": content.tile}
    options = with_given(
        options,
        mask_suffix=content.folders.suffix or None, labels=content.labels,
        ignore=content.ignore, max_side=content.max_side, split=unsplit(folders),
    )  # fmt: skip
    rows = int(0.7 * content.pixels / content.tile**2)  # tiles of train
    block = DatasetBlock("image_masks", options)
    return Plan(block, list(MASKS), 0.7 * content.pixels / 1e6, rows, classical_seconds=30)
