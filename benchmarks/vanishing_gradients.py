"""Why gradients vanish and explode, by arithmetic: `.venv/bin/python benchmarks/vanishing_gradients.py`.

The smallest recurrent network, h_t = W h_(t-1) with one unit, is read for 50 steps. The gradient of
its end with respect to its beginning is W^50. Then W is learned by gradient descent so that h_50 =
1, from W = 1.1, with the gradient as it is and with its norm clipped to 1 (Pascanu, Mikolov and
Bengio 2013, https://arxiv.org/abs/1211.5063). Writes docs/vanishing_gradients.md and .png.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from pipelines.figures import style  # noqa: E402

WEIGHTS = (0.9, 1.0, 1.1)
STEPS = 50
START, TARGET, RATE, CLIP, UPDATES = 1.1, 1.0, 2e-4, 1.0, 600
PAGE, FIGURE = ROOT / "docs/vanishing_gradients.md", ROOT / "docs/vanishing_gradients.png"


def gradients(weight: float, steps: int = STEPS) -> np.ndarray:
    """(steps + 1,) d h_T / d h_t for t = 0 ... T: weight to the power of T - t."""
    return weight ** np.arange(steps, -1, -1.0)


def clipped(gradient: float, norm: float | None) -> float:
    """The gradient, shortened to `norm` where it is longer; None leaves it as it is."""
    if norm is None or abs(gradient) <= norm:
        return gradient
    return gradient * norm / abs(gradient)


def descend(
    norm: float | None, weight: float = START, rate: float = RATE, updates: int = UPDATES
) -> list[float]:
    """The weight before every update of gradient descent on (W^T - 1)^2 / 2.

    It ends early where W^T is no longer a finite number.

    Args:
        norm: that gradients are clipped to, or None.
        weight: to begin with.
        rate: of learning.
        updates: at most.
    """
    weights = [weight]
    with np.errstate(over="ignore"):
        for _ in range(updates):
            end = np.float64(weight) ** STEPS
            gradient = (end - TARGET) * STEPS * np.float64(weight) ** (STEPS - 1)
            if not np.isfinite(gradient):
                break
            weight = float(weight - rate * clipped(gradient, norm))
            weights.append(weight)
    return weights


def main() -> None:
    paths = {"as it is": descend(None), f"clipped to {CLIP:g}": descend(CLIP)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FIGURE.name
        style.draw(path, (9.6, 4.0), lambda figure: paint(figure, paths))
        shutil.copy(path, FIGURE)
    PAGE.write_text(page(paths), "utf-8")
    print(PAGE.read_text("utf-8"))


def paint(figure, paths: dict[str, list[float]]) -> None:
    left, right = figure.subplots(1, 2)
    for weight, colour in zip(WEIGHTS, (style.BLUE, style.GREY, style.ORANGE), strict=True):
        label = f"W = {weight:g}: {weight**STEPS:.4g}"
        left.plot(range(STEPS + 1), gradients(weight), color=colour, label=label)
    left.set(yscale="log", xlabel="step t", ylabel=f"d h_{STEPS} / d h_t", xlim=(0, STEPS))
    left.set_title("Gradient of the last state")
    for (label, weights), colour in zip(paths.items(), (style.ORANGE, style.BLUE), strict=True):
        marker = "o" if len(weights) < 10 else None
        right.plot(weights, color=colour, label=label, marker=marker)
    right.set(xlabel="updates", ylabel="W", ylim=(0.95, 1.15))
    right.set_title("Gradient descent from W = 1.1")
    for axes in (left, right):
        axes.legend(loc="best")
    left.yaxis.set_major_formatter("{x:g}")


def page(paths: dict[str, list[float]]) -> str:
    """The page as Markdown."""
    free, held = paths.values()
    powers = "\n".join(
        f"| {weight:g} | {weight**STEPS:.4g} | {_outcome(weight)} |" for weight in WEIGHTS
    )
    gradient = (START**STEPS - TARGET) * STEPS * START ** (STEPS - 1)
    return f"""# Vanishing and exploding gradients

Written by `benchmarks/vanishing_gradients.py`. The smallest recurrent network is one unit without an
input, h_t = W h_(t-1). Over {STEPS} steps the gradient of its end with respect to its beginning is
W^{STEPS}:

| W | W^{STEPS} | the gradient |
|---|---|---|
{powers}

In a network with many units the largest absolute eigenvalue of the recurrent matrix, its spectral
radius, takes the place of W. The figure `gradients` of each experiment of the task `sequence_memory`
shows both for a real network: the norm of the gradient by step, and the radius.

![Powers of W, and gradient descent with and without clipping](vanishing_gradients.png)

Now W is to be learned so that h_{STEPS} = 1, by gradient descent from W = {START:g}. The first gradient
is {gradient:.3g}. As it is, {len(free) - 1} update{"s" if len(free) > 2 else ""} at a learning rate
of {RATE:g} end at W = {free[-1]:.4g}, whose {STEPS}th power and gradient are no longer finite numbers. With
its norm clipped to {CLIP:g}, W is {held[-1]:.6f} after {len(held) - 1} updates. `fit.clip_norm` does the same
to the gradient of all weights together.
"""


def _outcome(weight: float) -> str:
    if weight == 1:
        return "stays"
    return "vanishes" if weight < 1 else "explodes"


if __name__ == "__main__":
    main()
