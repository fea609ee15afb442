"""When the alias `champion` moves: only to a model that is better, on the same test rows."""

import math
from collections.abc import Callable, Mapping


def deserves(
    score: float,
    baselines: Mapping[str, float],
    present: Mapping | None,
    test_digest: str,
    rescore: Callable[[Mapping], float],
    *,
    higher: bool = True,
) -> tuple[bool, str]:
    """(whether, why). higher: whether a higher score is the better one.

    present: the champion's recorded `score` and `test_digest`, or None. Where it was scored on
    other test rows, `rescore` runs it on the present ones, so that like is compared with like.
    """

    def beats(value: float) -> bool:
        return score > value if higher else score < value

    if math.isnan(score):
        return False, "is not a number"
    for name, value in baselines.items():
        if not beats(value):
            return False, f"{score:.4f} does not beat {name} ({value:.4f})"
    if present is None:
        return True, "the first to beat the baselines"
    same = present["test_digest"] == test_digest
    standing = present["score"] if same else rescore(present)
    where = "" if same else ", scored again on the present test rows"
    if beats(standing):
        return True, f"{score:.4f} beats the champion's {standing:.4f}{where}"
    return False, f"{score:.4f} does not beat the champion's {standing:.4f}{where}"
