"""A small copy of the project, in which whole pipelines run in seconds."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
ROWS = 120
CNN, LSTM = "tiny_cnn", "tiny_lstm"
WORDS, LETTERS = "tiny_words", "tiny_letters"  # the data set of each
STRONG = {WORDS: "words_linear", LETTERS: "letters_linear"}  # the classical model of each data set


def dataset(unit: str) -> dict:
    inputs = {unit: {"granularity": unit, "vocabulary_size": 400, "max_tokens": 16}}
    options = {"positive": "spam", "inputs": inputs}
    return {"recipe": "text_csv", "source": "tiny.csv", "options": options}


def experiment(dataset: str, module: str, epochs: int, **build) -> dict:
    fit = {"epochs": epochs, "batch_size": 32, "learning_rate": 0.01, "patience": None}
    block = {"task": "text_classification", "dataset": dataset, "module": module}
    return {**block, "build": {**build, "embedding_dim": 4}, "fit": fit}


def classical(dataset: str) -> dict:
    build = {"builder": "linear_text", "family": "tfidf_svm", "ngrams": "words"}
    block = {"task": "text_classification", "dataset": dataset}
    return {**block, "module": "classical/linear_text", "build": build}


PARAMS = {
    "seed": 1,
    "datasets": {WORDS: dataset("word"), LETTERS: dataset("character")},
    "downloads": {},
    "warm_starts": {},
    "baselines": {
        key: {"task": "text_classification", "dataset": key, "strong": strong}
        for key, strong in STRONG.items()
    },
    "experiments": {
        **{strong: classical(key) for key, strong in STRONG.items()},
        CNN: experiment(WORDS, "text_cnn", 2, builder="text_cnn", filters=4, kernel_sizes=[2]),
        LSTM: experiment(LETTERS, "recurrent", 1, builder="bilstm_classifier", units=2),
    },
}
# Read before any test imports a package: some packages set variables.
ENVIRON = {
    name: value
    for name, value in os.environ.items()
    # Workers of pytest-xdist have COLUMNS, which would cut tables to the width of a terminal.
    if not name.startswith(("PIPELINES_", "MLFLOW_", "DVC_", "GIT_", "KERAS_", "COLUMNS"))
}
NAMES = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Test"), ("EMAIL", "test@example.org"))
}
PRINT_ADDRESS = "import os; print(os.environ['PIPELINES_FORKSERVER'], flush=True); input()"
RAN = re.compile(r"^Running stage '([^']+)'", re.MULTILINE)


class CompletedProcess(subprocess.CompletedProcess):
    """A finished command whose output is text."""

    @property
    def ran(self) -> list[str]:
        """The stages whose command DVC ran: not those it skipped or took from the run cache.

        Without `code`, which runs after every edit of code.
        """
        return [stage for stage in RAN.findall(self.stdout) if stage != "code"]

    @property
    def summary(self) -> str:
        return f"status {self.returncode}\n{self.stdout}\n{self.stderr}"


class Project:
    """A folder with a copy of the project, and how to run things in it."""

    def __init__(self, folder: Path, environ: dict[str, str]):
        self.folder, self.environ = folder, environ

    def path(self, *parts: str) -> Path:
        return self.folder.joinpath(*parts)

    def json(self, *parts: str):
        return json.loads(self.path(*parts).read_text("utf-8"))

    def popen(self, *command: str, **options) -> subprocess.Popen:
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        environ = {**self.environ, **options.pop("environ", {})}
        return subprocess.Popen(command, cwd=self.folder, env=environ, text=True, **options)

    def run(
        self, *command: str, status: int | None = 0, stdin: str = "", **options
    ) -> CompletedProcess:
        """Runs a command to its end. status: the exit status it must have; None: any."""
        process = self.popen(*command, stdin=subprocess.PIPE, **options)
        done = CompletedProcess(command, 0, *process.communicate(stdin, timeout=300))
        done.returncode = process.returncode
        assert status is None or done.returncode == status, done.summary
        return done

    def python(self, *arguments: str, **options) -> CompletedProcess:
        return self.run(sys.executable, *arguments, **options)

    def dvc(self, *arguments: str, **options) -> CompletedProcess:
        return self.python("-m", "dvc", *arguments, **options)

    def pipelines(self, *arguments: str, **options) -> CompletedProcess:
        return self.python("-m", "pipelines", *arguments, **options)

    def git(self, *arguments: str) -> str:
        return self.run("git", *arguments).stdout.strip()

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "change")

    def repro(self, *targets: str) -> list[str]:
        """The stages that `dvc repro` ran."""
        return self.dvc("repro", *targets).ran

    @property
    def params(self) -> dict:
        return yaml.safe_load(self.path("params.yaml").read_text())

    @params.setter
    def params(self, values: dict) -> None:
        self.path("params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))

    @contextlib.contextmanager
    def changed(self):
        """The values of params.yaml, to be changed in the block and written at its end."""
        values = self.params
        yield values
        self.params = values

    def append(self, path: str, text: str = "# changed\n") -> None:
        with self.path(path).open("a") as file:
            file.write(text)

    def store(self):
        from mlflow import MlflowClient

        uri = f"sqlite:///{self.path('mlflow.db')}"
        return MlflowClient(tracking_uri=uri, registry_uri=uri)

    def runs(self, filter_string: str = "") -> list:
        """All runs of the project's store that were not soft-deleted, oldest first."""
        store = self.store()
        ids = [experiment.experiment_id for experiment in store.search_experiments()]
        return store.search_runs(ids, filter_string, order_by=["attributes.start_time ASC"])

    def record(self, key: str) -> dict:
        return self.json("data/trained", key, "run.json")

    def copy(self, target: Path) -> "Project":
        """With data, cache and git history; its store is empty, for artifacts' paths are absolute.

        Runs come back into it as they do in a clone: `restore`, or the next stage that needs one.
        """
        skip = shutil.ignore_patterns("mlflow.db*", "text_classification", ".lock")
        tops = (self.folder, self.path("mlruns"))
        shutil.copytree(
            self.folder,
            target,
            symlinks=True,
            ignore=lambda top, names: skip(top, names) if Path(top) in tops else [],
        )
        return Project(target, self.environ)


def stages(*keys: str) -> list[str]:
    return [f"{stage}@{key}" for key in keys for stage in ("train", "evaluate", "export")]


def marked(mark: str) -> list[int]:
    """Processes that were started with the mark in their environment; zombies are left out."""
    pids = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if mark.encode() in (folder / "environ").read_bytes():
                pids.append(int(folder.name))
    return pids


def distinct_text(number: int) -> str:
    """Four words that are in no other text; digits would all be read as zeros."""
    letters = "".join("abcdefghij"[int(digit)] for digit in f"{number:04}")
    return " ".join(f"{end}{letters}" for end in "pqrs")
