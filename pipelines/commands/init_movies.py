"""The data set block and the possible experiments of labelled movies."""

from pipelines.commands.init_templates import DatasetBlock, Plan, Template, fit, unsplit, with_given
from pipelines.preparation.inspection.movies import Movies

FRAME_CNN = {"builder": "frame_cnn_gru", "filters": [16, 32], "frame_units": 32, "units": 32}
MOVIES = (
    Template(
        "gru", "convolutions of every frame, and a recurrent network over time", "video_networks",
        FRAME_CNN, fit(32, 3e-3, schedule="cosine", clip_norm=1.0), 0.9, 1500, 6, 60,
    ),
    Template(
        "bag", "the same frames without their order", "video_networks",
        {**FRAME_CNN, "pooling": "mean"}, fit(32, 3e-3, schedule="cosine"), 0.8, 1500, 6, 60,
    ),
)  # fmt: skip


def plan(content: Movies) -> Plan:
    options = {
        "folders": content.folders, "frames": content.frames, "size": list(content.size),
        "channels": content.channels,
    }  # fmt: skip
    options = with_given(
        options,
        classes=sorted(content.classes) if content.has_other_folders else None,
        bad_files="skip" if content.skip_bad else None, split=unsplit(content.folders),
    )  # fmt: skip
    rows = int(0.7 * content.rows)
    units = rows * content.frames * content.size[0] * content.size[1] / 1e6
    block = DatasetBlock("frame_folders", options)
    return Plan(block, list(MOVIES), units, rows, classical_seconds=2 + units / 10)
