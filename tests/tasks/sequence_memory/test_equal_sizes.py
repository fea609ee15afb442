"""Networks that are compared on one data set have nearly the same number of parameters."""

from pathlib import Path

import pytest
import yaml

import models
from pipelines.tasks.sequence_memory import example

ROOT = Path(__file__).parents[3]
FILES = ("params.yaml", "course/params.yaml", "benchmarks/params.yaml")
LARGEST_RATIO = 1.05
TASK = "sequence_memory"


def blocks() -> tuple[dict, dict]:
    """All data sets, and the networks of the task by data set."""
    files = [yaml.safe_load((ROOT / name).read_text("utf-8")) for name in FILES]
    datasets = {key: block for file in files for key, block in file["datasets"].items()}
    networks: dict[str, dict] = {}
    for file in files:
        for key, block in file["experiments"].items():
            if block["task"] == TASK and "fit" in block:
                networks.setdefault(block["dataset"], {})[key] = block
    return datasets, networks


DATASETS, NETWORKS = blocks()


def spec_of(dataset: str):
    """A spec of the data set's shapes, without its rows."""
    recipe, options = DATASETS[dataset]["recipe"], DATASETS[dataset]["options"]
    if recipe == "adding_problem":
        return example.example_spec(options["steps"])
    if recipe == "copy_memory":
        return example.symbols_spec(options["delay_steps"] + 20, 10, 10)
    return example.class_spec((28 // options.get("pool", 1)) ** 2, 10)


@pytest.mark.slow
@pytest.mark.parametrize("dataset", sorted(NETWORKS))
def test_networks_of_one_data_set_have_equal_sizes(dataset):
    spec, counts = spec_of(dataset), {}
    for key, block in NETWORKS[dataset].items():
        counts[key] = models.build(spec, block["module"], **block["build"]).count_params()
    print(dataset, counts)
    assert max(counts.values()) <= LARGEST_RATIO * min(counts.values()), counts
