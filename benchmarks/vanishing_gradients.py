"""Vanishing and exploding gradients: `.venv/bin/python benchmarks/vanishing_gradients.py`.

The smallest recurrent network, h_t = W h_(t-1) with one unit, is read for 50 steps. The gradient of
its end with respect to its beginning is W^50. Then W is learned by gradient descent so that h_50 =
1, from W = 1.1, with the gradient as it is and with its norm clipped to 1 (Pascanu, Mikolov and
Bengio 2013, https://arxiv.org/abs/1211.5063). Writes docs/vanishing_gradients.md and .png.
"""

import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from pipelines.tasks.sequence_memory import one_unit_figure  # noqa: E402

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
    powers = {f"W = {w:g}: {w**STEPS:.4g}": gradients(w) for w in WEIGHTS}
    one_unit_figure.draw(powers, paths, FIGURE)
    PAGE.write_text(page(paths), "utf-8")
    print(PAGE.read_text("utf-8"))


def page(paths: dict[str, list[float]]) -> str:
    """The page as Markdown."""
    free, held = paths.values()
    powers = "\n".join(
        f"| {weight:g} | {weight**STEPS:.4g} | {_outcome(weight)} |" for weight in WEIGHTS
    )
    end = held[-1] ** STEPS
    gradient = (START**STEPS - TARGET) * STEPS * START ** (STEPS - 1)
    return f"""# Vanishing and exploding gradients

Written by `benchmarks/vanishing_gradients.py`. The smallest recurrent network is one unit without
an input, h_t = W h_(t-1). Over {STEPS} steps the gradient of its end with respect to its beginning
is W^{STEPS}:

| W | W^{STEPS} | the gradient |
|---|---|---|
{powers}

In a network with many units the largest absolute eigenvalue of the recurrent matrix, its spectral
radius, takes the place of W. The figure `gradients` of each experiment of the task
`sequence_memory` shows both for a real network: the norm of the gradient by step, and the radius.

![Powers of W, and gradient descent with and without clipping](vanishing_gradients.png)

Now W is to be learned so that h_{STEPS} = 1, by gradient descent from W = {START:g} at a learning
rate of {RATE:g}. The first gradient is {gradient:.3g}.

| gradient | updates | W after them | |
|---|---|---|---|
| as it is | {len(free) - 1} | {free[-1]:.4g} | W^{STEPS} is no longer a finite number |
| clipped to a norm of {CLIP:g} | {len(held) - 1} | {held[-1]:.6f} | W^{STEPS} = {end:.6f} |

`fit.clip_norm` does the same to the gradient of all weights together.

## Through depth

Layers multiply the gradient as steps do. In twenty convolutions with sigmoids, whose slope is 1/4
at most, before any training, nearly nothing reaches the first one; with skips, x + f(x) in place of
f(x), it stays ([depth_gradients.py](../benchmarks/depth_gradients.py)).

![Gradient by block, with and without skips](depth_gradients.png)
"""


def _outcome(weight: float) -> str:
    if weight == 1:
        return "stays"
    return "vanishes" if weight < 1 else "explodes"


if __name__ == "__main__":
    main()
