"""Times in the cells of a table: ISO 8601, other formats, seconds since 1970, local times."""

import re
import zoneinfo
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import pandas as pd

from pipelines.config.errors import UserError

# Format -> units in a second.
UNIX = {"unix_seconds": 1, "unix_milliseconds": 1000, "unix_microseconds": 1_000_000}
ISO_DIGITS = 8  # 20240531; longer numbers count from 1970
EXCEL_DIGITS = 5  # 45443, the days since 1900


def zone_name(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("not a time zone; use a name such as Europe/Berlin or UTC") from None
    return name


def iso_time(cell: str) -> datetime:
    """A time of ISO 8601; a year or a month means its first day.

    Raises:
        ValueError: it is none.
    """
    short = re.fullmatch(r"\d{4}(-\d\d)?", cell, re.ASCII)
    return datetime.fromisoformat(cell + ("-01-01"[len(cell) - 4 :] if short else ""))


@dataclass(frozen=True)
class Clock:
    """Reads times as the steps of the series need them, without an offset.

    Days, weeks, months and longer steps are local: a day has 23 hours when clocks go forward.
    Steps of hours and less are counted in UTC, where all hours are equal.

    Args:
        time_format: as for strptime, a key of UNIX, or None for ISO 8601.
        time_zone: of times without an offset, and of the days; None: as it is written.
        frequency: pandas' name of the step.
        has_offset: of the times that were read: all must have one, or none.
    """

    time_format: str | None
    time_zone: str | None
    frequency: str
    has_offset: set[bool] = field(default_factory=set)

    @cached_property
    def is_local(self) -> bool:
        step = pd.tseries.frequencies.to_offset(self.frequency)
        return not isinstance(step, pd.offsets.Tick)

    @cached_property
    def zone(self) -> zoneinfo.ZoneInfo | None:
        return self.time_zone and zoneinfo.ZoneInfo(self.time_zone)

    def read(self, path: Path, line: int, cell: str, previous: datetime | None) -> datetime:
        """The time in a cell.

        Args:
            path: the file, for the error.
            line: of the cell.
            cell: without spaces around it.
            previous: the time of the row before: local time is repeated when clocks go back.

        Raises:
            UserError: `time-invalid`, `time-nonexistent`, `time-offset-mixed`.
        """
        try:
            time = self._parse(cell)
        except (ValueError, OverflowError):
            expected = self.time_format or "ISO 8601, such as 2024-05-31T18:00"
            raise UserError(
                "time-invalid",
                f"{cell!r} is not a valid time ({expected}){_hint(cell, self.time_format)}; fix "
                "the cell or set time_format",
                path=path, line=line, key="time", value=cell,
            ) from None  # fmt: skip
        self.has_offset.add(time.tzinfo is not None)
        if len(self.has_offset) > 1:
            raise UserError(
                "time-offset-mixed",
                f"{cell!r} has {'an' if time.tzinfo else 'no'} offset from UTC, unlike the times "
                "before it; write all times alike",
                path=path, line=line, key="time", value=cell,
            )  # fmt: skip
        if time.tzinfo is not None:
            if self.is_local:
                return (time.astimezone(self.zone) if self.zone else time).replace(tzinfo=None)
            return time.astimezone(UTC).replace(tzinfo=None)
        if self.zone is None or self.is_local:
            return time
        return self._to_utc(path, line, time, previous)

    def _parse(self, cell: str) -> datetime:
        if self.time_format in UNIX:
            seconds = timedelta(seconds=float(cell) / UNIX[self.time_format])
            return datetime(1970, 1, 1, tzinfo=UTC) + seconds
        if self.time_format:
            return datetime.strptime(cell, self.time_format)
        if cell.isdecimal() and len(cell) > ISO_DIGITS:
            raise ValueError(cell)  # Python reads 1510120800000 as a day in the year 1510
        return iso_time(cell)

    def _to_utc(self, path: Path, line: int, time: datetime, previous: datetime | None) -> datetime:
        local = time.replace(tzinfo=self.zone)
        first, second = (
            local.replace(fold=fold).astimezone(UTC).replace(tzinfo=None) for fold in (0, 1)
        )
        if first.replace(tzinfo=UTC).astimezone(self.zone).replace(tzinfo=None) != time:
            raise UserError(
                "time-nonexistent",
                f"{time} does not exist in {self.time_zone}, where clocks go forward; correct it "
                "or `time_zone`",
                path=path, line=line, key="time_zone", value=str(time),
            )  # fmt: skip
        return second if previous is not None and first <= previous else first


def _hint(cell: str, time_format: str | None) -> str:
    """What a number may count, as part of a message."""
    if not cell.isdecimal() or not (time_format is None or time_format in UNIX):
        return ""
    if len(cell) == EXCEL_DIGITS:
        return "; it may be a day's number in a spreadsheet: format it there as 2024-05-31"
    for digits, name in zip((10, 13, 16), UNIX, strict=True):
        if len(cell) in (digits - 1, digits) and name != time_format:
            return f"; it may be seconds since 1970: time_format: {name}"
    return ""
