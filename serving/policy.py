"""Which of a model's versions should be served, and which loaded ones may go."""

from collections.abc import Collection
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

STRICT = ConfigDict(extra="forbid", frozen=True)
Version = Annotated[int, Field(strict=True, ge=0)]


class Policy(BaseModel):
    """latest: that many of the highest versions. all: every one. specific: these, where they are."""

    model_config = STRICT
    latest: Annotated[int, Field(strict=True, ge=1)] | None = None
    all: bool = False
    specific: list[Version] | None = None

    @model_validator(mode="after")
    def _one_of_three(self):
        if sum((self.latest is not None, self.all, self.specific is not None)) > 1:
            raise ValueError("only one of latest, all and specific can be chosen")
        return self

    def wanted(self, present: Collection[int]) -> set[int]:
        """The versions to serve, of those that are on disk."""
        if self.all:
            return set(present)
        if self.specific is not None:
            return set(self.specific) & set(present)
        return set(sorted(present)[-(self.latest or 1) :])


def dispensable(loaded: Collection[int], wanted: Collection[int]) -> set[int]:
    """Loaded versions that may be unloaded: none before a wanted one can answer in their place.

    Where nothing is wanted, because the folder is empty, all stay.
    """
    if not set(loaded) & set(wanted):
        return set()
    return set(loaded) - set(wanted)
