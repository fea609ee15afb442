"""Training curves: loss and metrics of each trial by epoch."""

from pathlib import Path

import numpy as np
from matplotlib.ticker import MaxNLocator

from pipelines.figures import style


def training(
    histories: dict[str, list[dict]], folder: Path, trivial_loss: float | None = None
) -> None:
    """Writes figures/training.png and plots/training.csv (trial, epoch, every column).

    One panel for each quantity (`train/x` and `val/x` together; loss first; other columns are in
    the CSV alone). Several trials are thin lines, with their mean over the epochs that all of them
    reached. A ring marks each trial's best epoch: the lowest `val/loss`, the first of ties, as
    training selects it.

    Args:
        histories: trial name -> rows such as {"epoch": 1, "train/loss": 0.7, ...}. Values may be
            numbers or, as a CSV gives them, text; "" is none.
        folder: for the figure and the table.
        trivial_loss: of a baseline that has learned nothing, a line in the panel of the loss, which
            is logarithmic then.

    Raises:
        ValueError: no histories, or an empty one.
    """
    if not histories or not all(histories.values()):
        raise ValueError(f"training: {len(histories)} histories, or an empty one")
    columns = list(dict.fromkeys(k for rows in histories.values() for row in rows for k in row))
    columns = [column for column in columns if column != "epoch"]
    names = [k.split("/", 1)[1] for k in columns if k.startswith(("train/", "val/"))]
    quantities = sorted(dict.fromkeys(names), key=lambda name: name != "loss")
    best = [_best_epoch(rows) for rows in histories.values()]

    def paint(figure):
        panels = figure.subplots(1, max(1, len(quantities)), squeeze=False)[0]
        for axes, quantity in zip(panels, quantities, strict=False):
            _panel(axes, quantity, list(histories.values()), best)
            if quantity == "loss" and trivial_loss is not None:
                _mark_trivial(axes, trivial_loss)
        figure.suptitle(_title(best), x=0.012, ha="left")

    width = 1.0 + 4.2 * max(1, len(quantities))
    style.draw(folder / "figures/training.png", (width, 4.0), paint)
    rows = [
        (name, row["epoch"], *(row.get(column, "") for column in columns))
        for name, history in histories.items()
        for row in history
    ]
    style.write_csv(folder / "plots/training.csv", ("trial", "epoch", *columns), rows)


def _panel(axes, quantity: str, histories: list[list[dict]], best: list[int | None]) -> None:
    single = len(histories) == 1
    for split, colour in (("train", style.BLUE), ("val", style.ORANGE)):
        lines = [_line(rows, f"{split}/{quantity}") for rows in histories]
        reached = min(map(len, lines))
        mean = np.mean([line[:reached] for line in lines], axis=0)
        if np.isnan(mean[:, 1]).all():
            continue
        for line in [] if single else lines:
            axes.plot(*line.T, color=colour, lw=0.9, alpha=0.4)
        dot = "o" if reached == 1 else None  # a line through one point is invisible
        axes.plot(*mean.T, color=colour, marker=dot, label=split if single else f"{split}, mean")
        if split == "val" and set(best) != {None}:
            rings = [
                line[line[:, 0] == e][0]
                for line, e in zip(lines, best, strict=True)
                if e is not None
            ]
            look = {"ms": 7, "mfc": "white", "mec": colour, "mew": 1.8, "zorder": 3}
            axes.plot(*np.array(rings).T, "o", label="best epoch", **look)
    axes.set_title(quantity.replace("_", " "), fontweight="normal")
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if axes.lines:  # nothing is drawn of a quantity that was never finite
        axes.legend(loc="best")


def _mark_trivial(axes, loss: float) -> None:
    axes.axhline(loss, color=style.GREY, ls="--", lw=1.2, label=f"nothing learned: {loss:.4g}")
    axes.set_yscale("log")
    style.plain_numbers(axes.yaxis)
    axes.legend(loc="best")


def _title(best: list[int | None]) -> str:
    epochs = sorted(epoch for epoch in best if epoch is not None)
    trials = f"{len(best)} trials, " if len(best) > 1 else ""
    if not epochs:
        return f"Training: {trials}no best epoch"
    if epochs[0] == epochs[-1]:
        return f"Training: {trials}best epoch {epochs[0]}"
    return f"Training: {trials}best epochs {epochs[0]} to {epochs[-1]}"


def _best_epoch(rows: list[dict]) -> int | None:
    line = _line(rows, "val/loss")
    line = line[np.isfinite(line[:, 1])]
    if not len(line):
        return None
    return int(line[line[:, 1].argmin(), 0])


def _line(rows: list[dict], key: str) -> np.ndarray:
    """Epochs and values, shape (epochs, 2); NaN where a row has no such value."""
    values = [row.get(key, "") for row in rows]
    numbers = [float("nan") if value in ("", None) else float(value) for value in values]
    return np.column_stack([[int(row["epoch"]) for row in rows], numbers])
