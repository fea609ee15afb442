"""Exact parameter counts of the forecasters: (builder, spec, hyperparameters, count).

Worked out by hand; the last comment of each line says how. Of each model 4 numbers a column do not
train: mean and variance, on the way in and on the way out, which Keras keeps with the layer's
settings and does not count.
"""

from pipelines.spec import DataSpec, Field


def spec(history=24, horizon=6, columns=1, quantiles=(), season=12, stride=1, std=None, mean=None):
    """The spec of a series without data: columns named a, b, ... in degC."""
    names = [chr(ord("a") + place) for place in range(columns)]
    return DataSpec(
        inputs={"history": Field((history, columns), "float32", "degC")},
        target="future", raw="history", outputs=horizon * columns * max(1, len(quantiles)),
        facts={
            "columns": names, "units": ["degC"] * columns, "frequency": "D",
            "horizon_steps": horizon, "season_steps": season, "stride": stride,
            "quantiles": list(quantiles), "mean": mean or [10.0] * columns,
            "std": std or [2.0] * columns, "mase_scale": [1.0] * columns,
        },
    )  # fmt: skip


ONE, TWO = spec(), spec(columns=2, quantiles=(0.1, 0.5, 0.9))
RECURRENT = "models.recurrent_forecasters"
CASES = [
    # 24 weights and a bias for each of 6 steps; of 3 quantiles each, whatever the columns
    ("models.linear.linear_forecaster", ONE, {}, 25 * 6),
    ("models.linear.linear_forecaster", TWO, {}, 25 * 18),
    # units * (inputs + units + 1), then (units + 1) * outputs
    (f"{RECURRENT}.elman_forecaster", ONE, {"units": 8}, 8 * 10 + 9 * 6),
    (f"{RECURRENT}.elman_forecaster", TWO, {"units": 8}, 8 * 11 + 9 * 36),
    # three such, with a bias before and one after the recurrent matrix
    (f"{RECURRENT}.gru_forecaster", ONE, {"units": 8}, 3 * 8 * 11 + 9 * 6),
    # four such; a second layer reads 8 features; two directions
    (f"{RECURRENT}.lstm_forecaster", ONE, {"units": 8}, 4 * 8 * 10 + 9 * 6),
    (f"{RECURRENT}.lstm_forecaster", ONE, {"units": 8, "depth": 2}, 4 * 8 * (10 + 17) + 9 * 6),
    (f"{RECURRENT}.lstm_forecaster", ONE, {"units": 8, "bidirectional": True}, 2 * 320 + 17 * 6),
    # kernel, bias and gain: (3 * inputs + 2) * filters; a 1x1 skip in the first block: 2 * filters
    (
        "models.tcn.tcn_forecaster", ONE, {"filters": 4, "dilations": [1, 2, 4]},
        (3 + 2) * 4 + 5 * (12 + 2) * 4 + 2 * 4 + 5 * 6,
    ),
]  # fmt: skip
