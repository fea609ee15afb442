"""When the alias `champion` moves: only to a model that is better on the same test rows.

One rule for networks and classical models. A new version must be

1. better than every trivial baseline (majority class, persistence, copy),
2. no worse than the strong baseline, which is the classical model that validation selected: that
   model itself is equal to it, so it may be the champion,
3. better than the present champion.

So once a classical model is the champion, a network must be better than it. The other classical
candidates that the results show are not compared: they were not selected by validation, and to
choose among them by their test scores would be selection on test.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Baselines:
    """Scores by name: of the trivial baselines, and of the strong one."""

    trivial: Mapping[str, float] = field(default_factory=dict)
    strong: Mapping[str, float] = field(default_factory=dict)


def should_promote(
    score: float,
    baselines: Baselines,
    champion: Mapping | None,
    test_digest: str,
    rescore: Callable[[Mapping], float | None],
    *,
    higher: bool = True,
) -> tuple[bool, str]:
    """(whether to promote, the reason).

    Args:
        score: of the new model.
        baselines: of the same data set, on the same test rows.
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
    for name, value in baselines.trivial.items():
        if not beats(value):
            return False, f"{score:.4f} does not beat {name} ({value:.4f})"
    for name, value in baselines.strong.items():
        if score != value and not beats(value):
            return False, f"{score:.4f} is worse than {name} ({value:.4f})"
    if champion is None:
        return True, "the first that is as good as the baselines"
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
