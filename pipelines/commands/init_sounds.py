"""The data set block and the possible experiments of labelled sounds."""

from pipelines.commands.init_templates import DatasetBlock, Plan, Template, fit, unsplit, with_given
from pipelines.preparation.inspection.sounds import Sounds

SOUNDS = (
    Template(
        "log_mel_cnn", "convolutions over the log-mel spectrum", "spectrogram_networks",
        {"builder": "log_mel_cnn", "filters": [16, 32, 64, 64], "dropout": 0.2},
        fit(32, 3e-3, schedule="cosine"), 1.2, 1500, 6, 40,
    ),
    Template(
        "log_mel_crnn", "the same, and a recurrent network over time", "spectrogram_networks",
        {"builder": "log_mel_crnn", "filters": [16, 32, 64], "units": 48, "dropout": 0.2},
        fit(32, 3e-3, schedule="cosine", clip_norm=1.0), 1.8, 1500, 6, 40,
    ),
)  # fmt: skip


def plan(content: Sounds) -> Plan:
    options = {
        "folders": content.folders, "rate_hz": content.rate_hz,
        "window_seconds": content.window_seconds,
    }  # fmt: skip
    options = with_given(
        options,
        classes=sorted(content.classes) if content.has_other_folders else None,
        resample=True if content.convert else None,
        bad_files="skip" if content.skip_bad else None, split=unsplit(content.folders),
    )  # fmt: skip
    rows = int(0.7 * content.windows)
    units = rows * content.rate_hz * content.window_seconds / 8e6
    # A forest and 10,000 features of MiniRocket of each window.
    classical_seconds = 10 + 40 * units
    block = DatasetBlock("wav_folder", options)
    return Plan(block, list(SOUNDS), units, rows, classical_seconds)
