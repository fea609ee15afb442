"""Which versions of a model should be served, and which loaded versions may be unloaded."""

from collections.abc import Collection
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Version = Annotated[int, Field(ge=0)]


class Policy(BaseModel):
    """TensorFlow Serving's version policy; without an argument: the highest version alone.

    Args:
        latest: serve this many of the highest versions.
        all: serve every version.
        specific: serve these versions, if they exist.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    latest: Annotated[int, Field(ge=1)] | None = None
    all: bool = False
    specific: list[Version] | None = None

    @model_validator(mode="after")
    def _one_of_three(self):
        if sum((self.latest is not None, self.all, self.specific is not None)) > 1:
            raise ValueError("only one of latest, all and specific can be set")
        return self

    @classmethod
    def parse(cls, text: str) -> "Policy":
        """Parses the command line's form: latest:2, all, or specific:1,3. Raises ValueError."""
        name, _, value = text.partition(":")
        try:
            if name == "specific":
                return cls(specific=[int(number) for number in value.split(",")])
            if name == "latest":
                return cls(latest=int(value))
        except ValueError:
            raise ValueError(text) from None
        if text != "all":
            raise ValueError(text)
        return cls(all=True)

    def aspired_versions(self, present: Collection[int]) -> set[int]:
        """The versions to serve, of those present on disk."""
        if self.all:
            return set(present)
        if self.specific is not None:
            return set(self.specific) & set(present)
        return set(sorted(present)[-(self.latest or 1) :])

    def fallback_versions(self, present: Collection[int]) -> list[int]:
        """Versions to load in place of aspired ones that cannot be loaded, highest first.

        `latest` means the highest versions that work; `specific` and `all` have no fallback.
        """
        if self.all or self.specific is not None:
            return []
        return sorted(set(present) - self.aspired_versions(present), reverse=True)


def unloadable(
    loaded: Collection[int], aspired: Collection[int], present: Collection[int]
) -> set[int]:
    """Loaded versions that may be unloaded, such that a broken version never evicts a good one.

    While no aspired version is loaded, all loaded ones stay; so they do if the folder is empty.
    Afterwards one of the highest versions on disk stays for each aspired version that is missing.
    A version that was removed from disk is unloaded as soon as an aspired one is available.
    """
    loaded, aspired = set(loaded), set(aspired)
    if not loaded & aspired:
        return set()
    surplus, missing = loaded - aspired, len(aspired - loaded)
    fallbacks = sorted(surplus & set(present), reverse=True)[:missing]
    return surplus - set(fallbacks)
