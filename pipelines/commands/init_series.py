"""The data set block and the possible experiments of time series."""

from dataclasses import replace

from pipelines.commands.init_templates import DatasetBlock, Plan, Template, fit
from pipelines.preparation.inspection.series import Series

SPLIT = {"val": 0.15, "test": 0.2}

SERIES = (
    Template(
        "linear", "one linear map from the history to the forecast", "linear",
        {"builder": "linear_forecaster"}, fit(32, 3e-3), 0.1, 3000, 5, 150,
    ),
    Template(
        "ridge_gru", "the mean of a ridge regression and a GRU over segments", "segment_gru",
        {"builder": "ridge_gru_forecaster", "units": 64, "segment_steps": None, "dropout": 0.3},
        {"batch_size": 64, "learning_rate": 2e-3, "patience": None, "clip_norm": 1.0},
        0.9, 800, 3, 40,
    ),
    Template(
        "gru", "a recurrent network", "recurrent_forecasters",
        {"builder": "gru_forecaster", "units": 32, "dropout": 0.2},
        fit(32, 2e-3, clip_norm=1.0), 0.6, 2000, 3, 120,
    ),
    Template(
        "tcn", "causal convolutions", "tcn",
        {"builder": "tcn_forecaster", "filters": 32, "kernel_size": 3, "dropout": 0.1},
        fit(32, 3e-3, clip_norm=1.0), 1.0, 1500, 3, 100,
    ),
)  # fmt: skip


def plan(content: Series, converted: bool) -> Plan:
    windows = content.windows
    options = {
        "time": content.time, "values": content.values, "frequency": content.step.frequency,
        "history_steps": windows.history, "horizon_steps": windows.horizon,
        "season_steps": windows.season, "split": SPLIT,
    }  # fmt: skip
    if content.time_format:
        options["time_format"] = content.time_format
    if content.missing != [""]:
        options["missing"] = content.missing
    if content.longest_gap:
        options |= {"gaps": "interpolate", "longest_gap_steps": content.longest_gap}
    if not converted:
        table = content.table
        read = {"delimiter": table.delimiter, "decimal": content.decimal}
        read["encoding"] = table.encoding
        # The decimal mark is always written: 1.049 and 775 in one column have two readings.
        usual = {"delimiter": ",", "encoding": "utf-8"}
        options |= {name: value for name, value in read.items() if value != usual.get(name)}
        if content.first_row > 1:
            options["rows"] = [content.first_row, len(table.rows)]
    train = max(1, int(0.65 * content.rows) - windows.history - windows.horizon)
    templates = [_with_segments(template, windows) for template in SERIES]
    units = train * windows.history / 1e5
    # Exponential smoothing is fitted to each column, to 3,000 rows at most.
    seconds = 2 + 5 * len(content.values) * min(content.rows, 3000) / 3000
    return Plan(DatasetBlock("timeseries_csv", options), templates, units, train, seconds)


def _with_segments(template: Template, windows) -> Template:
    """Segments of a season, where the history has several."""
    if "segment_steps" not in template.build:
        return template
    steps = windows.season if 1 < windows.season <= windows.history // 2 else windows.history // 4
    build = {**template.build, "segment_steps": max(1, min(steps, 48))}
    return replace(template, build=build)
