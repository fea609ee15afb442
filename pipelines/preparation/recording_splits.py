"""Which recordings are train, val and test: whole groups (people, speakers, machines) at a time.

Recordings of one person are alike in ways that have nothing to do with the class, so a model that
is tested on people that it was trained on looks better than it is.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel

from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT
from pipelines.preparation import splits
from pipelines.preparation.splits import SPLITS, Share

Repeat = dict[str, np.ndarray]  # split -> numbers of recordings


class RecordingSplit(BaseModel):
    """How recordings that the source has not split become train, val and test.

    by: groups: whole groups; without groups every recording is one, and classes keep their shares.
    recordings: whatever their groups, as in protocols that test on the people of train.
    leave_one_group_out: every group is test once, in a repeat of its own, and those after it val.
    val, test: a fraction of the groups (recordings) when below 1, otherwise a number of them.
    """

    model_config = STRICT
    by: Literal["groups", "recordings", "leave_one_group_out"] = "groups"
    val: Share = 0.2
    test: Share = 0.2


def split(
    source: Path, options: RecordingSplit, groups: Sequence[str], targets: np.ndarray,
    given: Sequence[str], seed: int,
) -> list[Repeat]:  # fmt: skip
    """The rows of every repeat, in ascending order.

    Args:
        source: for errors.
        options: of the data set.
        groups: of each recording.
        targets: class ids.
        given: "train", "val" or "test" where the source says so, else "".
        seed: of the draw.

    Raises:
        UserError: a group in two splits, or too few groups.
    """
    rng, name = np.random.default_rng(seed), np.asarray(groups)
    if options.by == "leave_one_group_out":
        return _leave_one_out(source, options, name, given)
    if options.by == "recordings":
        name = np.array([str(number) for number in range(len(name))])
    fixed = {part: np.flatnonzero(np.asarray(given) == part) for part in ("test", "val")}
    fixed = {part: rows for part, rows in fixed.items() if len(rows)}
    held = np.concatenate([np.zeros(0, int), *fixed.values()])
    rest = np.setdiff1d(np.arange(len(name)), held)
    open_splits = [part for part in ("test", "val") if part not in fixed]
    drawn = fixed | _draw(rest, name, targets, options, open_splits, rng)
    for part, rows in drawn.items():
        if not len(rows):
            raise UserError(
                "split-size", f"no recording is left for {part}; make it larger, or the others "
                "smaller", path=source, key=f"split.{part}", value=0,
            )  # fmt: skip
    _refuse_straddling(source, drawn, name)
    return [{part: np.sort(drawn[part]) for part in SPLITS}]


def _draw(
    rest: np.ndarray, name: np.ndarray, targets: np.ndarray, options: RecordingSplit,
    parts: Sequence[str], rng: np.random.Generator,
) -> Repeat:  # fmt: skip
    every = np.unique(name[rest])
    total = len(np.unique(name))
    sizes = {part: splits.split_size(getattr(options, part), total, f"split.{part}")
             for part in parts}  # fmt: skip
    if sum(sizes.values()) >= len(every):
        raise UserError(
            "split-size", f"{' and '.join(sizes)} take {sum(sizes.values())} of {len(every)} "
            "groups, which leaves none for train; make them smaller",
            key="split", value=sum(sizes.values()),
        )  # fmt: skip
    if len(every) == len(rest):
        return splits.hold_out(rest, targets, name, sizes, rng)
    order, drawn, begin = rng.permutation(every), {}, 0
    for part, size in sizes.items():
        drawn[part] = rest[np.isin(name[rest], order[begin : begin + size])]
        begin += size
    return drawn | {"train": rest[np.isin(name[rest], order[begin:])]}


def _leave_one_out(
    source: Path, options: RecordingSplit, name: np.ndarray, given: Sequence[str]
) -> list[Repeat]:
    every, rows = np.unique(name), np.arange(len(name))
    if any(given):
        raise UserError(
            "split-given", "the source has splits already, so no group can be left out in turn; "
            "remove `split.by`, or name all files in folders: {all: ...}",
            path=source, key="split.by", value=options.by,
        )  # fmt: skip
    count = splits.split_size(options.val, len(every), "split.val") if len(every) > 2 else 0
    if not 0 < count < len(every) - 1:
        raise UserError(
            "split-size", f"{len(every)} groups are too few to leave one out and to have "
            f"val: {options.val:g}; see `group`", path=source, key="split", value=len(every),
        )  # fmt: skip
    repeats = []
    for number in range(len(every)):
        val = np.take(every, range(number + 1, number + 1 + count), mode="wrap")
        is_test, is_val = name == every[number], np.isin(name, val)
        repeats.append(
            {"train": rows[~is_test & ~is_val], "val": rows[is_val], "test": rows[is_test]}
        )
    return repeats


def _refuse_straddling(source: Path, drawn: Repeat, name: np.ndarray) -> None:
    for first, second in (("train", "val"), ("train", "test"), ("val", "test")):
        shared = np.intersect1d(name[drawn[first]], name[drawn[second]])
        if len(shared):
            raise UserError(
                "split-overlap",
                f"{shared[0]!r} is in {first} and in {second}, one of {len(shared)} such groups; "
                "move its recordings into one, or set split: {by: recordings} to test on the "
                "people of train",
                path=source, key="split.by", value=str(shared[0]),
            )  # fmt: skip
