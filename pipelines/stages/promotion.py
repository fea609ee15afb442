"""When the alias `champion` moves: only to a model that is better on the same test rows."""

import math
from collections.abc import Callable, Mapping


def should_promote(
    score: float,
    baselines: Mapping[str, float],
    champion: Mapping | None,
    test_digest: str,
    rescore: Callable[[Mapping], float | None],
    *,
    higher: bool = True,
) -> tuple[bool, str]:
    """(whether to promote, the reason).

    Args:
        score: of the new model.
        baselines: name -> score.
        champion: the recorded `score` and `test_digest` of the present one, or None. A version that
            was given the alias by hand may lack them, and is then scored.
        test_digest: hash of the test split on which `score` was measured.
        rescore: runs a champion that was scored on other test rows on these, for a fair comparison;
            None if that cannot be done.
        higher: whether a higher score is better.
    """

    def beats(value: float) -> bool:
        return score > value if higher else score < value

    if math.isnan(score):
        return False, "is not a number"
    for name, value in baselines.items():
        if not beats(value):
            return False, f"{score:.4f} does not beat {name} ({value:.4f})"
    if champion is None:
        return True, "the first to beat the baselines"
    same_rows = champion["test_digest"] == test_digest and champion["score"] is not None
    reference = champion["score"] if same_rows else rescore(champion)
    if reference is None:
        return False, (
            f"cannot be compared with the champion, version {champion['version']}, which was not "
            "registered by export or has lost its files: take the alias champion from it, and run "
            "export again"
        )
    note = "" if same_rows else ", scored again on the present test rows"
    if beats(reference):
        return True, f"{score:.4f} beats the champion's {reference:.4f}{note}"
    return False, f"{score:.4f} does not beat the champion's {reference:.4f}{note}"
