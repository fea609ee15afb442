"""Reads the params file and reports the first mistake in it, before anything runs."""

from pathlib import Path

from pipelines.commands import surroundings
from pipelines.config import loader
from pipelines.config.errors import UserError
from pipelines.config.sources import check_sources, check_weights

# What dvc.yaml makes stages of.
SECTIONS = ("downloads", "datasets", "warm_starts", "baselines", "experiments")


def run(params_file: Path) -> None:
    surroundings.check(params_file)
    params = loader.load(params_file)
    for section in SECTIONS:
        if section not in params.model_fields_set:
            raise UserError(
                "section-missing",
                f"no such section, and DVC reads it; write `{section}: {{}}` if it is to be empty",
                path=params_file, key=section,
            )  # fmt: skip
    check_sources(params_file, params)
    check_weights(params_file, params)
    print(f"{params_file}: {len(params.datasets)} data sets, {len(params.experiments)} experiments")
