"""Which of a model's versions should be served, and which loaded ones may go."""

from collections.abc import Collection
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Version = Annotated[int, Field(ge=0)]


class Policy(BaseModel):
    """latest: that many of the highest versions. all: every one. specific: these, where they are.

    With nothing said, the highest alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    latest: Annotated[int, Field(ge=1)] | None = None
    all: bool = False
    specific: list[Version] | None = None

    @model_validator(mode="after")
    def _one_of_three(self):
        if sum((self.latest is not None, self.all, self.specific is not None)) > 1:
            raise ValueError("only one of latest, all and specific can be chosen")
        return self

    @classmethod
    def parse(cls, text: str) -> "Policy":
        """Of the command line: latest:2, all, or specific:1,3."""
        kind, _, value = text.partition(":")
        try:
            if kind == "specific":
                return cls(specific=[int(number) for number in value.split(",")])
            if kind == "latest":
                return cls(latest=int(value))
        except ValueError:
            raise ValueError(text) from None
        if text != "all":
            raise ValueError(text)
        return cls(all=True)

    def wanted(self, present: Collection[int]) -> set[int]:
        """The versions to serve, of those that are on disk."""
        if self.all:
            return set(present)
        if self.specific is not None:
            return set(self.specific) & set(present)
        return set(sorted(present)[-(self.latest or 1) :])

    def substitutes(self, present: Collection[int]) -> list[int]:
        """Versions for the place of wanted ones that cannot be loaded, the best first. `latest`
        means the newest that work; `specific` means those and no others."""
        if self.all or self.specific is not None:
            return []
        return sorted(set(present) - self.wanted(present), reverse=True)


def dispensable(
    loaded: Collection[int], wanted: Collection[int], present: Collection[int]
) -> set[int]:
    """Loaded versions that may be unloaded, so that a broken new one never evicts a good one.

    None may while no wanted one is loaded; so where the folder is empty all stay. Of those that are
    still on disk, as many of the highest stay as wanted ones are missing. What was taken from disk
    goes as soon as something wanted answers.
    """
    loaded, wanted = set(loaded), set(wanted)
    if not loaded & wanted:
        return set()
    unwanted, missing = loaded - wanted, len(wanted - loaded)
    substitutes = sorted(unwanted & set(present), reverse=True)[:missing]
    return unwanted - set(substitutes)
