"""Figure of the smallest recurrent network: powers of its weight, and how the weight is learned."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipelines.figures import style

COLOURS = (style.BLUE, style.GREY, style.ORANGE)


def draw(
    gradients: Mapping[str, Sequence[float]], descents: Mapping[str, Sequence[float]], path: Path
) -> None:
    """Writes the PNG.

    Args:
        gradients: label -> d h_T / d h_t for t = 0 ... T.
        descents: label -> the weight before every update.
        path: of the file.
    """

    def paint(figure):
        left, right = figure.subplots(1, 2)
        for (label, values), colour in zip(gradients.items(), COLOURS, strict=True):
            left.plot(values, color=colour, label=label)
        last = len(values) - 1
        left.set(yscale="log", xlabel="step t", ylabel=f"d h_{last} / d h_t", xlim=(0, last))
        style.plain_numbers(left.yaxis)
        left.set_title("Gradient of the last state")
        for (label, weights), colour in zip(descents.items(), COLOURS[::-2], strict=True):
            right.plot(weights, color=colour, label=label, marker="o" if len(weights) < 5 else None)
        held = list(descents.values())[-1]
        right.set(xlabel="updates", ylabel="W", ylim=(min(held) - 0.01, max(held) + 0.01))
        right.set_title("Gradient descent")
        for axes in (left, right):
            axes.legend(loc="best")

    style.draw(path, (9.6, 4.0), paint)
