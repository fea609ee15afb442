"""What must be put right in a series: sentinels, order, steps, empty columns, long gaps."""

import numpy as np
import pandas as pd

from pipelines.config.errors import UserError
from pipelines.preparation.data_report import series as series_report
from pipelines.preparation.inspection import steps
from pipelines.preparation.inspection.questions import Reading
from pipelines.preparation.inspection.series_draft import Draft

MOSTLY_MISSING = 0.2
SHORT_GAP_STEPS = 8  # up to a season, or so many steps, are filled without a question


def empty_sentinels(draft: Draft) -> None:
    """Codes for "no value" become missing values."""
    for name in draft.frame:
        cells = draft.table.column(name)
        for code in series_report.sentinels(draft.frame[name].to_numpy()):
            at = (draft.frame[name] == code).to_numpy()
            draft.missing |= {cell for cell, hit in zip(cells, at, strict=True) if hit}
            draft.reasons.append(f"{name}: {code:g} occurs {at.sum()} times, read as no value")


def put_in_order(draft: Draft) -> None:
    """Rows in the order of time, one row a time."""
    frame, order = draft.frame, np.argsort(draft.frame.index, kind="stable")
    lines = [draft.table.lines[n] for n in order]
    places = [f"line {line}" for line in lines]
    if not frame.index.is_monotonic_increasing:
        draft.convert.append("rows are put in the order of time")
    draft.report = series_report.report(
        frame.index[order], frame.to_numpy()[order], [str(name) for name in frame], places
    )
    for name in frame:
        absent = [cell in draft.missing for cell in draft.table.column(name)]
        frame[name] = frame[name].mask(np.array(absent))
    frame = frame.iloc[order]
    again = frame.index.duplicated()
    line = lines[int(again.argmax())]
    if again.any():
        frame = frame[~frame.reset_index().duplicated().to_numpy()]
        draft.convert.append(f"{again.sum()} rows of times that occur twice are merged")
    if frame.index.has_duplicates:
        readings = [Reading(how, f"the {how} of them") for how in ("first", "last", "mean")]
        time = frame.index[frame.index.duplicated()][0]
        message = f"{time} occurs twice with different values (clocks that go back?)"
        how = draft.ask("duplicates", message, readings, line)
        frame = getattr(frame.groupby(level=0), how)()
    draft.frame = frame


def put_on_grid(draft: Draft) -> steps.Step:
    """Times without a hole; rows are NaN where there was one."""
    frame = draft.frame
    step = steps.step(frame.index, draft.table.path, draft.answers)
    if step.resample:
        frame = frame.resample(step.frequency).mean()
        draft.convert.append(f"rows are averaged to one each {step.frequency}")
    elif step.snap:
        frame.index = steps.snap(frame.index, step.frequency)
        draft.convert.append("times are moved to the beginning of their period")
    draft.reasons.append(f"frequency {step.frequency}: {step.reason}")
    grid = pd.date_range(frame.index[0], frame.index[-1], freq=step.frequency)
    draft.frame = frame.reindex(grid)
    return step


def leave_out_columns(draft: Draft) -> None:
    """Columns that are mostly missing or that do not change; then the steps before all begin."""
    frame = draft.frame
    for name in list(frame):
        share = frame[name].isna().mean()
        if share > MOSTLY_MISSING:
            draft.reasons.append(f"left out: {name}: {share:.0%} of its steps are missing")
        elif frame[name].iloc[: int(len(frame) * 0.6)].nunique() < 2:
            draft.reasons.append(f"left out: {name}: it does not change in train")
        else:
            continue
        frame = frame.drop(columns=name)
    if not frame.shape[1]:
        message = "no column has enough values; bring more rows, or columns without gaps"
        raise UserError("values-missing", message, path=draft.table.path)
    start = max(int(frame[name].notna().argmax()) for name in frame)
    if start:
        draft.reasons.append(f"begins with step {start + 1}, where all columns have values")
    draft.frame = frame.iloc[start:]


def cut_long_gaps(draft: Draft, step: steps.Step) -> int:
    """The longest run of missing values that is left to be filled."""
    frame = draft.frame
    runs = frame.isna().apply(lambda c: c.groupby((~c).cumsum()).cumsum()).to_numpy()
    limit = max(SHORT_GAP_STEPS, steps.usual_windows(step.frequency)[0])
    longest = int(runs.max())
    if 0 < longest <= limit:
        count = int(frame.isna().to_numpy().sum())
        draft.reasons.append(
            f"gaps: {count} missing values, {longest} in a row at most: filled by a straight line"
        )
    if longest <= limit:
        return longest
    end = int(np.flatnonzero(runs.max(axis=1) > limit)[-1]) + 1
    readings = [
        Reading("interpolate", f"a straight line over {longest} steps"),
        Reading("after", f"only the {len(frame) - end} steps after the last long gap"),
    ]
    last = frame.index[min(end, len(frame)) - 1]
    message = f"{longest} values in a row are missing, in a gap that ends at {last}"
    if draft.ask("gaps", message, readings) == "interpolate":
        return longest
    draft.reasons.append(f"begins after {last}, the end of the last long gap")
    draft.frame = frame.iloc[end:]
    return int(runs[end:].max())
