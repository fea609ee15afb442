"""The data set block and the possible experiments of labelled images."""

from pipelines.commands.init_templates import DatasetBlock, Plan, Template, fit, unsplit, with_given
from pipelines.preparation.inspection.images import Images

AUGMENT = {"translation": 0.1, "rotation": 0.03, "zoom": 0.1}
IMAGES = (
    Template(
        "vgg", "stages of small convolutions, the mean over all places", "vgg",
        {"builder": "vgg", "filters": [16, 32, 64], "convolutions": [1, 2, 2], "augment": AUGMENT},
        fit(32, 3e-3, schedule="cosine", warmup=0.1), 0.5, 3000, 5, 60,
    ),
    Template(
        "cnn", "two convolutions", "small_cnn",
        {"builder": "small_cnn", "filters": [32, 64], "units": 64, "augment": AUGMENT},
        fit(32, 1e-3), 0.4, 3000, 5, 60,
    ),
    Template(
        "resnet", "a small residual network", "resnet",
        {"builder": "resnet", "depth": 8, "filters": 16, "augment": AUGMENT},
        fit(32, 3e-3, schedule="cosine", warmup=0.1), 0.8, 3000, 5, 60,
    ),
)  # fmt: skip


def plan(content: Images) -> Plan:
    options = {
        "folders": content.folders, "size": list(content.size), "channels": content.channels,
    }  # fmt: skip
    options = with_given(
        options,
        classes=sorted(content.classes) if content.has_other_folders else None,
        positive=content.positive, bad_files="skip" if content.skip_bad else None,
        conflicts="drop" if content.drop_conflicts else None, split=unsplit(content.folders),
    )  # fmt: skip
    units = content.rows * 0.7 * content.size[0] * content.size[1] / 1e6
    rows = int(0.7 * content.rows)
    block = DatasetBlock("image_folder", options)
    return Plan(block, list(IMAGES), units, rows, _classical_seconds(rows))


def _classical_seconds(rows: int) -> float:
    """Of 24 kernel SVMs on 4,000 rows at most, and one on 20,000: 1e-7 for the square of rows."""
    return 1e-7 * (24 * min(rows, 4000) ** 2 + min(rows, 20_000) ** 2)
