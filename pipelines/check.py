"""Reads the params file and refuses the first mistake in it, before anything runs."""

from pathlib import Path

from pipelines import config


def run(params_file: Path) -> None:
    params = config.load(params_file)
    print(f"{params_file}: {len(params.datasets)} data sets, {len(params.experiments)} experiments")
