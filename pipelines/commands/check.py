"""Reads the params file and refuses the first mistake in it, before anything runs."""

from pathlib import Path

from pipelines.config import loader
from pipelines.config.errors import UserError

SECTIONS = ("datasets", "starts", "baselines", "experiments")  # what dvc.yaml makes stages of


def run(params_file: Path) -> None:
    params = loader.load(params_file)
    for section in SECTIONS:
        if section not in params.model_fields_set:
            raise UserError(
                f"{params_file}: {section}: no such section, and DVC reads it; write "
                f"`{section}: {{}}` if it is to be empty"
            )
    print(f"{params_file}: {len(params.datasets)} data sets, {len(params.experiments)} experiments")
