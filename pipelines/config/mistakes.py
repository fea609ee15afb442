"""Many mistakes at once: each check raises its first, and they are collected."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.config.errors import UserError

ENTRIES = ("datasets", "warm_starts", "baselines", "experiments", "downloads")


class Mistakes(list[UserError]):
    """UserErrors in the order in which they were seen."""

    @contextmanager
    def collected(self) -> Iterator[None]:
        """What the block raises is added, and the code after the block goes on."""
        try:
            yield
        except UserError as error:
            self.append(error)

    def in_order(self) -> list[UserError]:
        """By file and line, each once."""
        distinct = {(e.path, e.line, e.key, e.code, e.message): e for e in self}
        return sorted(distinct.values(), key=lambda e: (e.path or "", e.line or 0))

    def entries(self) -> set[tuple[str, str]]:
        """(section, key) of the entries that have a mistake."""
        return {entry for error in self if (entry := entry_of(error))}


def entry_of(error: UserError) -> tuple[str, str] | None:
    """The entry of the params file that a mistake is in, ("datasets", "sms"); None outside."""
    section, _, rest = (error.key or "").partition(".")
    return (section, rest.split(".")[0]) if section in ENTRIES and rest else None
