"""Whether params.yaml still has experiments of this repository, or a user's in their place.

Tests of the repository's own params files are left out in the latter case: the course uses data
sets of the root's params.yaml.
"""

import json

import pytest
import yaml

from pipelines.commands import results
from tests.support.project import ROOT

PARAMS = "params.yaml"


def published() -> set[str]:
    """The root's experiments in the results table, which stay there when params.yaml changes."""
    _, file = results.PAGES[PARAMS]
    rows = json.loads((ROOT / file).read_text("utf-8"))["rows"]
    return {row["experiment"] for row in rows}


def replaced() -> bool:
    """Whether none of the published experiments is in params.yaml."""
    values = yaml.safe_load((ROOT / PARAMS).read_text("utf-8"))
    return not published() & set(values["experiments"])


needs_defaults = pytest.mark.skipif(
    replaced(), reason="params.yaml has a user's experiments alone, and no data for the course"
)
