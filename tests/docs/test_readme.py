"""The README's own example: a new user's file, from the page's words to an answer."""

import csv
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipelines.config import loader

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
GOOD = "warm funny generous tender bright clever honest lovely".split()
BAD = "dull clumsy tedious shrill hollow lazy cold muddled".split()
SUBJECTS = "film story cast score ending opening script dialogue camera pacing".split()


def block(language: str, containing: str) -> str:
    """The README's code block of a language with certain words in it."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    (match,) = (text for text in blocks if containing in text)
    return match


@pytest.mark.slow
def test_a_users_own_file_becomes_a_served_model(copy_of, built):
    project = copy_of(built)
    example = yaml.safe_load(block("yaml", "sentences"))
    options = example["datasets"]["sentences"]["options"]
    with project.path("sentences.tsv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=options["delimiter"])
        writer.writerow((options["label"], options["text"]))
        rng = np.random.default_rng(0)
        for _ in range(80):
            for name, words in (("good", GOOD), ("bad", BAD)):
                words = [*rng.choice(words, 3, replace=False), *rng.choice(SUBJECTS, 3, False)]
                writer.writerow((name, " ".join(words)))
    with project.changed() as params:
        for section, entries in example.items():
            params[section] |= entries
    project.pipelines("check")
    stages = project.repro("export@sentences_cnn")
    assert sorted(stages) == [
        *("baselines@sentences", "evaluate@sentences_cnn", "export@sentences_cnn"),
        *("prepare@sentences", "train@sentences_cnn", "train@sentences_linear"),
    ]
    assert project.json("data/metrics/sentences_cnn.json")["test/accuracy"] > 0.9
    ask = block("sh", "data/exported/sentences_cnn").split("<<'EOF'\n")[1].split("EOF")[0]
    answer = project.run(sys.executable, "-", stdin=ask).stdout
    assert "b'good'" in answer
    assert "sentences_cnn" in project.pipelines("report").stdout


def test_every_make_target_of_the_readme_exists():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in set(re.findall(r"`make (\w+)|^make (\w+)", README, re.MULTILINE)):
        (name,) = filter(None, target)
        assert re.search(rf"^{name}:", makefile, re.MULTILINE), name


PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "benchmarks/RESULTS.md",
    "course/RESULTS.md",
]
PAGES += sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_links_to_exists(page):
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / page).read_text("utf-8")):
        assert (ROOT / page).parent.joinpath(link).exists(), link


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_every_path_that_a_page_names_exists(page):
    for name in set(
        re.findall(r"`((?:pipelines|models|serving|tests)/[\w/.]+)`", (ROOT / page).read_text())
    ):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("page", ["docs/your_data.md", "README.md"])
def test_the_examples_of_a_page_are_valid_params(page, tmp_path):
    """Every yaml block, with `seed` and what it lacks, is what `check` accepts."""
    for number, text in enumerate(
        re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    ):
        path = tmp_path / f"{number}.yaml"
        path.write_text(f"seed: 1\n{text}", "utf-8")
        assert loader.load(path).experiments


def test_the_readme_is_short():
    assert len(README.splitlines()) < 200
