"""Every mistake in a params file is reported by line and key, with the names accepted there."""

import re
from pathlib import Path

import pytest

from pipelines.commands import check
from pipelines.config import loader, schema, search_path, signatures
from pipelines.config.errors import UserError
from tests.support import user_errors
from tests.support.user_errors import user_error

PARAMS = f"""\
seed: 1

datasets:
  sms:
    recipe: text_csv
    source: sms.csv
    options:
      text: text
      positive: spam
      delimiter: ","
      quoting: true
      duplicates: drop
      inputs:
        words:
          granularity: word
          lowercase: true
          vocabulary_size: 4000
          max_tokens: 64
      split:
        method: random
        val: 0.2
        repeats: 2

experiments:
  cnn:
    task: text_classification
    dataset: sms
    module: text_cnn
    build:
      builder: text_cnn
      filters: 16
    fit:
      epochs: 2
      batch_size: 32
      learning_rate: 1.0e-3
      patience: null
    decide:
      false_alarm_cost: 2
    seeds:
      - 1
      - 2

downloads:
  sms:
    sms.csv:
      sha256: {"0a" * 32}
      bytes: 10
      urls:
        - https://example.org/sms.csv
        - url: https://example.org/sms.zip
          member: sms.csv
"""
# Added to a text with the experiment, at its end, so that line numbers stay.
BLOCK = "  sms: {dataset: sms, task: text_classification}\n"
BASELINES = f"\nbaselines:\n{BLOCK}"
INPUT = {"granularity", "lowercase", "max_tokens", "numbers", "vocabulary_size"}


def load(folder: Path, text: str | bytes) -> schema.Params:
    path = folder / "params.yaml"
    if isinstance(text, str) and "  cnn:\n" in text and "baselines:" not in text:
        text += BASELINES
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return loader.load(path)


def refused(folder: Path, text: str | bytes) -> UserError:
    with pytest.raises(UserError) as caught:
        load(folder, text)
    assert caught.value.path == str(folder / "params.yaml")
    assert "\n" not in str(caught.value)
    return caught.value


def changed(old: str, new: str) -> str:
    assert PARAMS.count(old) == 1, old
    return PARAMS.replace(old, new)


def line_of(part: str, text: str = PARAMS) -> int:
    assert text.count(part) == 1, part
    return text[: text.index(part) + len(part)].count("\n") + 1


def accepted(error: UserError) -> set[str]:
    return set(re.search(r"accepted: ([^;]*)", error.message)[1].split(", "))


def keys() -> list[tuple[int, str, str]]:
    """(line number, the line up to the value, dotted key) of every key and list item."""
    found, path, items = [], {}, {}
    for number, line in enumerate(PARAMS.splitlines(), 1):
        match = re.match(r"( *)(- )?(?:([\w.]+):(?: |$))?", line)
        depth = len(match[1])
        path = {d: name for d, name in path.items() if d < depth}
        if match[2]:
            section = tuple(path.values())
            path[depth] = str(items.setdefault(section, 0))
            items[section] += 1
            depth += 2
        if match[3]:
            path[depth] = match[3]
        if match[2] or match[3]:
            found.append((number, match[0].rstrip(), ".".join(path.values())))
    return found


LISTS = ("seeds", "urls")
FREE = (
    "datasets",
    "baselines",
    "experiments",
    "downloads",
    "downloads.sms",
    "datasets.sms.options.inputs",
)
SECTIONS = [
    (number, key)
    for number, start, key in keys()
    if PARAMS.splitlines()[number - 1] == start and key not in FREE and not key.endswith(LISTS)
]


def test_the_keys_of_this_test_are_those_of_the_file():
    names = [key for _, _, key in keys()]
    assert len(names) == len(set(names))
    assert "datasets.sms.options.inputs.words.max_tokens" in names
    assert "experiments.cnn.seeds.1" in names
    assert "downloads.sms.sms.csv.urls.1.member" in names


def test_a_file_without_mistakes_is_read(tmp_path):
    params = load(tmp_path, PARAMS)
    assert params.seeds("cnn") == [1, 2]
    assert params.experiments["cnn"].fit.learning_rate == 0.001
    assert loader.options(params.datasets["sms"]).split.repeats == 2
    assert loader.options(params.datasets["sms"]).inputs["words"].max_tokens == 64


def test_without_seeds_an_experiment_takes_the_one_of_the_file(tmp_path):
    params = load(tmp_path, changed("    seeds:\n      - 1\n      - 2\n", ""))
    assert params.seeds("cnn") == [1]


@pytest.mark.parametrize(("number", "start", "key"), keys())
def test_a_wrong_type_is_refused_at_every_key(tmp_path, number, start, key):
    before, (_, *rest) = PARAMS.splitlines()[: number - 1], PARAMS.splitlines()[number - 1 :]
    deeper = len(start) - len(start.lstrip()) + 1
    if not start.endswith("-"):  # a section is replaced with all its keys
        while rest and (not rest[0] or rest[0].startswith(" " * deeper)):
            rest.pop(0)
    wrong = "3" if key.endswith(LISTS) else "[[3]]"
    if start.lstrip().startswith("- "):  # the item's other keys are below it
        rest = PARAMS.splitlines()[number:]
    error = refused(tmp_path, "\n".join([*before, f"{start} {wrong}", *rest]))
    assert (error.line, error.key) == (number, key)


@pytest.mark.parametrize(("number", "key"), SECTIONS)
def test_an_unknown_key_is_refused_in_every_section(tmp_path, number, key):
    lines = PARAMS.splitlines()
    indent = " " * (len(lines[number]) - len(lines[number].lstrip()))
    lines.insert(number, f"{indent}qqqq: 1")
    error = refused(tmp_path, "\n".join(lines))
    assert (error.line, error.key) == (number + 1, f"{key}.qqqq")
    below = {k.removeprefix(f"{key}.") for _, _, k in keys() if k.startswith(f"{key}.")}
    assert accepted(error) >= {name for name in below if "." not in name} - {"builder"}
    assert "did you mean" not in error.message


@pytest.mark.parametrize(
    ("old", "new", "line", "code", "key", "value"),
    [
        ("seed: 1\n", "sed: 1\n", 1, "key-unknown", "sed", "sed"),
        ("seed: 1\n", "\n", 3, "key-missing", "seed", "seed"),
        ("datasets:\n", "dataset:\n", 3, "key-unknown", "dataset", "dataset"),
        ("    source:", "    sources:", 6, "key-unknown", "datasets.sms.sources", "sources"),
        ("granularity: w", "granul: w", 15, "key-unknown",
         "datasets.sms.options.inputs.words.granul", "granul"),
        ("        method:", "        metod:", 20, "key-unknown",
         "datasets.sms.options.split.metod", "metod"),
        ("member: sms.csv", "membr: sms.csv", 51, "key-unknown",
         "downloads.sms.sms.csv.urls.1.membr", "membr"),
        ("method: random", "method: radnom", 20, "value-invalid",
         "datasets.sms.options.split.method", "radnom"),
        ("granularity: word", "granularity: letter", 15, "value-invalid",
         "datasets.sms.options.inputs.words.granularity", "letter"),
        ("        words:", "        seen:", 14, "value-invalid",
         "datasets.sms.options.inputs.seen", "seen"),
        ("recipe: text_csv", "recipe: text_cvs", 5, "recipe-unknown", "datasets.sms.recipe",
         "text_cvs"),
        ("    task: text_c", "    task: txt_c", 26, "task-unknown", "experiments.cnn.task",
         "txt_classification"),
        ("    dataset: sms", "    dataset: smss", 27, "dataset-unknown", "experiments.cnn.dataset",
         "smss"),
        ("module: text_cnn", "module: text_cn", 28, "module-unknown", "experiments.cnn.module",
         "text_cn"),
        ("builder: text_cnn", "builder: tex_cnn", 30, "builder-unknown",
         "experiments.cnn.build.builder", "tex_cnn"),
        ("builder: text_cnn", "builder: [text_cnn]", 30, "builder-unknown",
         "experiments.cnn.build.builder", ["text_cnn"]),
        ("      builder: text_cnn\n", "", 29, "builder-unknown", "experiments.cnn.build.builder",
         None),
        ("filters: 16", "filter: 16", 31, "argument-unknown", "experiments.cnn.build.filter",
         "filter"),
        ("filters: 16", "spec: 16", 31, "argument-unknown", "experiments.cnn.build.spec", "spec"),
        ("false_alarm_cost", "alarm_cost", 38, "argument-unknown",
         "experiments.cnn.decide.alarm_cost", "alarm_cost"),
        ("experiments:\n", "starts:\n  late: {dataset: sm, weights: w}\nexperiments:\n", 25,
         "dataset-unknown", "starts.late.dataset", "sm"),
        ("experiments:\n", "starts:\n  sms: {dataset: sms, weights: w}\nexperiments:\n", 25,
         "name-duplicate", "starts.sms", "sms"),
        ("  cnn:\n", "  ../cnn:\n", 25, "value-invalid", "experiments.../cnn", "../cnn"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_line_and_key(tmp_path, old, new, line, code, key, value):
    user_errors.check(refused(tmp_path, changed(old, new)), code, line=line, key=key, value=value)


@pytest.mark.parametrize(
    ("old", "new", "meant"),
    [
        ("seed: 1\n", "sed: 1\n", "seed"),
        ("datasets:\n", "dataset:\n", "datasets"),
        ("recipe: text_csv", "recipe: text_cvs", "text_csv"),
        ("    dataset: sms", "    dataset: smss", "sms"),
        ("builder: text_cnn", "builder: tex_cnn", "text_cnn"),
        ("member: sms.csv", "membr: sms.csv", "member"),
        ("    task: text_c", "    task: txt_c", "text_classification"),
        ("module: text_cnn", "module: text_cn", "text_cnn"),
        ("filters: 16", "filter: 16", "filters"),
        ("batch_size:", "batchsize:", "batch_size"),
        ("false_alarm_cost", "alarm_cost", "false_alarm_cost"),
    ],
)
def test_a_near_miss_is_answered_with_the_name_meant(tmp_path, old, new, meant):
    error = refused(tmp_path, changed(old, new))
    assert meant in accepted(error)
    assert error.message.endswith(f"; did you mean {meant}?")


@pytest.mark.parametrize(
    "name", ["source", "recipe", "positive", "epochs", "max_tokens", "sha256", "url"]
)
def test_accepted_names_do_not_depend_on_what_keys_are_called(tmp_path, name):
    """A data set, an experiment or an input may be called like a field."""
    text = PARAMS.replace("cnn:\n    task", f"{name}:\n    task").replace("words:", f"{name}:")
    error = refused(tmp_path, text.replace("granularity: w", "granul: w"))
    assert error.key == f"datasets.sms.options.inputs.{name}.granul"
    assert accepted(error) == INPUT
    error = refused(tmp_path, text.replace("    fit:\n", "    fit:\n      epoch: 3\n"))
    assert error.key == f"experiments.{name}.fit.epoch"
    assert {"epochs", "patience"} <= accepted(error)


@pytest.mark.parametrize(
    "key", ["task", "dataset", "module", "fit", "epochs", "batch_size", "learning_rate", "patience"]
)
def test_a_missing_key_is_refused_at_its_section(tmp_path, key):
    lines = PARAMS.splitlines()
    at = next(i for i, line in enumerate(lines) if line.strip().startswith(f"{key}:"))
    del lines[at : at + (5 if key == "fit" else 1)]
    error = refused(tmp_path, "\n".join(lines))
    in_fit = key in ("epochs", "batch_size", "learning_rate", "patience")
    line = line_of("    fit:", "\n".join(lines)) if in_fit else 25
    section = "experiments.cnn.fit" if in_fit else "experiments.cnn"
    user_errors.check(error, "key-missing", line=line, key=f"{section}.{key}", value=key)


@pytest.mark.parametrize(
    ("old", "values"),
    [
        ("seed: 1\n", ["-1", "1.5", "yes", "'1'", "4294967296"]),
        ("epochs: 2", ["0", "-2", "2.5", "true", "'2'", ".inf"]),
        ("batch_size: 32", ["0", "-1", "yes"]),
        ("learning_rate: 1.0e-3", ["0", "-0.1", ".nan", ".inf", "fast"]),
        ("patience: null", ["0", "-1", "yes"]),
        ("      - 2\n", ["-2", "yes", "x"]),
        ("vocabulary_size: 4000", ["2", "0", "-5", "yes"]),
        ("max_tokens: 64", ["0", "-1", "yes"]),
        ("val: 0.2", ["0", "-0.1", ".inf", ".nan"]),
        ("repeats: 2", ["0", "-1", "yes"]),
        ("bytes: 10", ["0", "-1"]),
        ('delimiter: ","', ["''", "ab"]),
        ("positive: spam", ["[yes]", "{a: b}"]),
        ("      text: text", ["true", "1.5"]),
    ],
)  # fmt: skip
def test_a_number_out_of_range_is_refused(tmp_path, old, values):
    name = old.split(": ")[0].strip() if ": " in old else "1"
    for value in values:
        new = re.sub(r"(: |- )[^\n]*", rf"\g<1>{value}", old)
        error = refused(tmp_path, changed(old, new))
        line = line_of(old.rstrip("\n")) if old != "seed: 1\n" else 1
        user_errors.check(error, "value-invalid", line=line)
        assert error.key.split(".")[-1] == name


@pytest.mark.parametrize("option", ["weight_decay", "ema_momentum", "clip_norm"])
def test_optional_numbers_of_fit_are_checked_too(tmp_path, option):
    for value in ("-0.1", ".nan", ".inf"):
        error = refused(tmp_path, changed("epochs: 2", f"epochs: 2\n      {option}: {value}"))
        user_errors.check(error, "value-invalid", line=34, key=f"experiments.cnn.fit.{option}")


@pytest.mark.parametrize(
    ("old", "line", "key"),
    [
        ("seed: 1\n", 2, "seed"),
        ("    module: text_cnn\n", 29, "experiments.cnn.module"),
        ("          granularity: word\n", 16, "datasets.sms.options.inputs.words.granularity"),
        ("      filters: 16\n", 32, "experiments.cnn.build.filters"),
    ],
)
def test_a_duplicate_key_is_refused(tmp_path, old, line, key):
    error = refused(tmp_path, changed(old, old + old))
    user_errors.check(error, "key-duplicate", line=line, key=key, value=key.split(".")[-1])


def test_a_duplicate_key_on_one_line_is_refused(tmp_path):
    error = refused(tmp_path, changed("filters: 16", "filters: 16\n      sizes: {a: 1, a: 2}"))
    user_errors.check(error, "key-duplicate", line=32, key="experiments.cnn.build.sizes.a")


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("seed: [1\n", "yaml-invalid", 2),
        (changed("  sms:\n    recipe", "\tsms:\n    recipe"), "yaml-invalid", 4),
        (changed("    task: text", '    task: "text'), "yaml-invalid", 55),
        (changed("filters: 16", "filters: 1\x016"), "yaml-invalid", 31),
        (changed("filters: 16", "filters: *x"), "yaml-invalid", 31),
        (changed("filters: 16", "filters: !!python/none"), "yaml-invalid", 31),
        (PARAMS.encode() + b"# caf\xe9\n", "encoding-wrong", 52),
        ("", "yaml-not-a-mapping", None),
        ("# nothing yet\n", "yaml-not-a-mapping", None),
        ("- seed\n", "yaml-not-a-mapping", None),
        ("seed: 1\n---\nseed: 2\n", "yaml-invalid", 2),
    ],
)
def test_a_file_that_is_no_mapping_in_yaml_is_refused(tmp_path, text, code, line):
    user_errors.check(refused(tmp_path, text), code, line=line)


def test_a_missing_file_is_refused(tmp_path):
    path = tmp_path / "none.yaml"
    with user_error("file-missing", path=str(path)):
        loader.load(path)


def test_a_requested_key_must_be_in_the_file(tmp_path):
    load(tmp_path, PARAMS)
    path = tmp_path / "params.yaml"
    with user_error("key-missing", path=str(path), key="datasets", value="sns"):
        loader.dataset(path, "sns")
    with user_error("key-missing", path=str(path), key="experiments", value="rnn"):
        loader.experiment(path, "rnn")


@pytest.mark.parametrize("section", list(signatures.OBJECTIVE_FUNCTIONS))
def test_an_objective_without_a_function_names_the_file_and_the_function(
    tmp_path, monkeypatch, section
):
    """The first mistake in a new task."""
    file = tmp_path / f"extension_{section}/tasks/tagging/objective.py"
    file.parent.mkdir(parents=True)
    functions = signatures.OBJECTIVE_FUNCTIONS
    remaining = (f"def {name}(spec): ...\n" for key, name in functions.items() if key != section)
    file.write_text("".join(remaining))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv(search_path.VARIABLE, f"extension_{section}")
    with user_error("function-missing", path=str(file), value=functions[section]):
        load(tmp_path, PARAMS.replace("task: text_classification", "task: tagging"))


def test_a_byte_order_mark_does_no_harm(tmp_path):
    assert load(tmp_path, b"\xef\xbb\xbf" + (PARAMS + BASELINES).encode()).seed == 1


@pytest.mark.parametrize("section", check.SECTIONS)
def test_the_sections_that_dvc_reads_must_stand_in_the_file(tmp_path, section):
    path = tmp_path / "params.yaml"
    others = (f"{name}: {{}}\n" for name in check.SECTIONS if name != section)
    path.write_text("seed: 1\n" + "".join(others))
    with user_error("section-missing", path=str(path), key=section):
        check.run(path)


def test_an_experiment_without_baselines_is_refused_with_the_block_to_add(tmp_path):
    with pytest.raises(UserError) as error:
        load(tmp_path, PARAMS + "\nbaselines: {}\n")
    assert error.value.code == "baselines-missing"
    assert (error.value.key, error.value.value) == ("experiments.cnn", "sms")
    assert error.value.path == str(tmp_path / "params.yaml")
    assert "`sms: {task: text_classification, dataset: sms}`" in error.value.message


def test_two_blocks_of_the_same_baselines_are_refused(tmp_path):
    with pytest.raises(UserError) as error:
        load(tmp_path, PARAMS + BASELINES + BLOCK.replace("  sms:", "  again:"))
    assert (error.value.code, error.value.key) == ("baselines-repeated", "baselines.again")


@pytest.mark.parametrize("name", ["task", "dataset"])
def test_baselines_of_an_unknown_task_or_data_set_are_refused(tmp_path, name):
    line = {"task": "task: text_classification", "dataset": "dataset: sms"}[name]
    more = BLOCK.replace("  sms:", "  other:").replace(line, f"{name}: smss")
    with pytest.raises(UserError) as error:
        load(tmp_path, PARAMS + BASELINES + more)
    assert error.value.code == f"{name}-unknown"
    assert (error.value.key, error.value.value) == (f"baselines.other.{name}", "smss")


def test_builders_are_the_public_functions_of_a_spec():
    assert {"filters", "kernel_sizes", "dropout"} <= set(
        signatures.builders("text_cnn")["text_cnn"]
    )
    assert all(not name.startswith("_") for name in signatures.builders("recurrent"))


def test_the_files_of_the_repository_are_without_mistakes():
    root = signatures.ROOT
    for path in (root / "params.yaml", root / "benchmarks/params.yaml"):
        check.run(path)
