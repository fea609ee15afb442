"""The graph of an experiment: measurements run over those of the root and of the course."""

from pathlib import Path

from pipelines.config import loader
from pipelines.config.errors import UserError, one_of

ROOT = Path(__file__).parents[1]
PARAMS = (Path("params.yaml"), Path("course/params.yaml"))


def all_keys() -> list[str]:
    """The experiments of both graphs."""
    return [key for path in PARAMS for key in loader.load(ROOT / path).experiments]


def params_file(key: str) -> Path:
    """The params file that has the experiment."""
    for path in PARAMS:
        if key in loader.load(ROOT / path).experiments:
            return ROOT / path
    raise UserError(
        "experiment-unknown",
        f"no experiment {key!r} here or in {PARAMS[1]}; {one_of(key, all_keys())}",
        path=PARAMS[0], key="experiments", value=key,
    )  # fmt: skip
