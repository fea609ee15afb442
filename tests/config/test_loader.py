"""Every mistake in a params file is refused by line and key, with the names accepted there."""

import re
from pathlib import Path

import pytest

from pipelines.commands import check
from pipelines.config import loader, schema
from pipelines.config.errors import UserError

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
          unit: word
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
BLOCK = "  sms:\n    task: text_classification\n    dataset: sms\n"
BASELINES = f"\nbaselines:\n{BLOCK}"
INPUT = "lowercase, max_tokens, numbers, unit, vocabulary_size"
SPLIT = "folds, method, repeats, test, val"


def load(folder: Path, text: str | bytes) -> schema.Params:
    path = folder / "params.yaml"
    if isinstance(text, str) and "  cnn:\n" in text and "baselines:" not in text:
        text += BASELINES
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return loader.load(path)


def refused(folder: Path, text: str | bytes) -> str:
    """The message, without the folder of the test."""
    with pytest.raises(UserError) as caught:
        load(folder, text)
    return str(caught.value).removeprefix(f"{folder}/")


def changed(old: str, new: str) -> str:
    assert PARAMS.count(old) == 1, old
    return PARAMS.replace(old, new)


def line_of(part: str, text: str = PARAMS) -> int:
    assert text.count(part) == 1, part
    return text[: text.index(part) + len(part)].count("\n") + 1


def accepted(message: str) -> set[str]:
    return set(re.search(r"accepted: ([^;]*)", message)[1].split(", "))


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


UNCHECKED = ("build.filters", "decide.false_alarm_cost")  # values are the function's own affair
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


@pytest.mark.parametrize(
    ("number", "start", "key"), [place for place in keys() if not place[2].endswith(UNCHECKED)]
)
def test_a_wrong_type_is_refused_at_every_key(tmp_path, number, start, key):
    before, (_, *rest) = PARAMS.splitlines()[: number - 1], PARAMS.splitlines()[number - 1 :]
    deeper = len(start) - len(start.lstrip()) + 1
    if not start.endswith("-"):  # a section goes with all that stands in it
        while rest and (not rest[0] or rest[0].startswith(" " * deeper)):
            rest.pop(0)
    wrong = "3" if key.endswith(LISTS) else "[[3]]"
    if start.lstrip().startswith("- "):  # the item's other keys stand below it
        rest = PARAMS.splitlines()[number:]
    message = refused(tmp_path, "\n".join([*before, f"{start} {wrong}", *rest]))
    assert message.startswith(f"params.yaml:{number}: {key}: ")


@pytest.mark.parametrize(("number", "key"), SECTIONS)
def test_an_unknown_key_is_refused_in_every_section(tmp_path, number, key):
    lines = PARAMS.splitlines()
    indent = " " * (len(lines[number]) - len(lines[number].lstrip()))
    lines.insert(number, f"{indent}qqqq: 1")
    message = refused(tmp_path, "\n".join(lines))
    assert message.startswith(f"params.yaml:{number + 1}: {key}.qqqq: ")
    below = {k.removeprefix(f"{key}.") for _, _, k in keys() if k.startswith(f"{key}.")}
    assert accepted(message) >= {name for name in below if "." not in name} - {"builder"}
    assert "did you mean" not in message


@pytest.mark.parametrize(
    ("old", "new", "line", "expected"),
    [
        ("seed: 1\n", "sed: 1\n", 1, "sed: unknown key; accepted: baselines, "
         "datasets, downloads, experiments, seed, starts; did you mean seed?"),
        ("seed: 1\n", "\n", 3, "seed: missing; add it"),
        ("datasets:\n", "dataset:\n", 3, "dataset: unknown key; accepted: baselines, "
         "datasets, downloads, experiments, seed, starts; did you mean datasets?"),
        ("    source:", "    sources:", 6, "datasets.sms.sources: unknown key; accepted: options, "
         "recipe, source; did you mean source?"),
        ("unit: word", "unitt: word", 15, "datasets.sms.options.inputs.words.unitt: unknown key; "
         f"accepted: {INPUT}; did you mean unit?"),
        ("        method:", "        metod:", 20, "datasets.sms.options.split.metod: unknown key; "
         f"accepted: {SPLIT}; did you mean method?"),
        ("member: sms.csv", "membr: sms.csv", 51, "downloads.sms.sms.csv.urls.1.membr: "
         "unknown key; accepted: member, sha256, url; did you mean member?"),
        ("method: random", "method: radnom", 20, "datasets.sms.options.split.method: input should "
         "be 'random', 'file_order' or 'folds'; found 'radnom'"),
        ("unit: word", "unit: letter", 15, "datasets.sms.options.inputs.words.unit: input should "
         "be 'word', 'subword' or 'character'; found 'letter'"),
        ("        words:", "        seen:", 14, "datasets.sms.options.inputs.seen: an input needs "
         "a plain name, and not text, label, line, file, seen; found 'seen'"),
        ("recipe: text_csv", "recipe: text_cvs", 5, "datasets.sms.recipe: no recipe 'text_cvs'"),
        ("task: text_c", "task: txt_c", 26, "experiments.cnn.task: no task 'txt_classification'"),
        ("dataset: sms", "dataset: smss", 27, "experiments.cnn.dataset: no dataset 'smss'; "
         "accepted: sms; did you mean sms?"),
        ("module: text_cnn", "module: text_cn", 28, "experiments.cnn.module: no module 'text_cn'"),
        ("builder: text_cnn", "builder: tex_cnn", 30, "experiments.cnn.build.builder: no builder "
         "'tex_cnn' in models/text_cnn.py; accepted: text_cnn; did you mean text_cnn?"),
        ("builder: text_cnn", "builder: [text_cnn]", 30, "experiments.cnn.build.builder: no builder"
         " ['text_cnn'] in models/text_cnn.py"),
        ("      builder: text_cnn\n", "", 29, "experiments.cnn.build.builder: no builder None in "
         "models/text_cnn.py; accepted: text_cnn"),
        ("filters: 16", "filter: 16", 31, "experiments.cnn.build.filter: text_cnn in "
         "models/text_cnn.py has no such argument"),
        ("filters: 16", "spec: 16", 31, "experiments.cnn.build.spec: text_cnn in "),
        ("false_alarm_cost", "alarm_cost", 38, "experiments.cnn.decide.alarm_cost: "
         "fit_decision_rule of text_classification has no such argument"),
        ("experiments:\n", "starts:\n  late: {dataset: sm, weights: w}\nexperiments:\n", 25,
         "starts.late.dataset: no dataset 'sm'; accepted: sms; did you mean sms?"),
        ("experiments:\n", "starts:\n  sms: {dataset: sms, weights: w}\nexperiments:\n", 25,
         "starts.sms: a data set has this name; choose another one"),
        ("  cnn:\n", "  ../cnn:\n", 25, "experiments.../cnn: string should match pattern"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_line_and_key(tmp_path, old, new, line, expected):
    assert refused(tmp_path, changed(old, new)).startswith(f"params.yaml:{line}: {expected}")


@pytest.mark.parametrize(
    ("old", "new", "meant"),
    [
        ("recipe: text_csv", "recipe: text_cvs", "text_csv"),
        ("task: text_c", "task: txt_c", "text_classification"),
        ("module: text_cnn", "module: text_cn", "text_cnn"),
        ("filters: 16", "filter: 16", "filters"),
        ("batch_size:", "batchsize:", "batch_size"),
        ("false_alarm_cost", "alarm_cost", "false_alarm_cost"),
    ],
)
def test_a_near_miss_is_answered_with_the_name_meant(tmp_path, old, new, meant):
    message = refused(tmp_path, changed(old, new))
    assert meant in accepted(message)
    assert message.endswith(f"; did you mean {meant}?")


@pytest.mark.parametrize(
    "name", ["source", "recipe", "positive", "epochs", "max_tokens", "sha256", "url"]
)
def test_accepted_names_do_not_depend_on_what_keys_are_called(tmp_path, name):
    """A data set, an experiment or an input may be called like a field."""
    text = PARAMS.replace("cnn:\n    task", f"{name}:\n    task").replace("words:", f"{name}:")
    message = refused(tmp_path, text.replace("unit: word", "unitt: word"))
    assert f"inputs.{name}.unitt: unknown key; accepted: {INPUT};" in message
    message = refused(tmp_path, text.replace("    fit:\n", "    fit:\n      epoch: 3\n"))
    assert f"experiments.{name}.fit.epoch: " in message
    assert {"epochs", "patience"} <= accepted(message)


@pytest.mark.parametrize(
    "key", ["task", "dataset", "module", "fit", "epochs", "batch_size", "learning_rate", "patience"]
)
def test_a_missing_key_is_refused_at_its_section(tmp_path, key):
    lines = PARAMS.splitlines()
    at = next(i for i, line in enumerate(lines) if line.strip().startswith(f"{key}:"))
    del lines[at : at + (5 if key == "fit" else 1)]
    message = refused(tmp_path, "\n".join(lines))
    section = "cnn.fit" if f".fit.{key}: " in message else "cnn"
    line = line_of("    fit:", "\n".join(lines)) if section == "cnn.fit" else 25
    assert message == f"params.yaml:{line}: experiments.{section}.{key}: missing; add it"


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
        ("positive: spam", ["yes", "3"]),
        ("      text: text", ["true", "1.5"]),
    ],
)  # fmt: skip
def test_a_number_out_of_range_is_refused(tmp_path, old, values):
    name = old.split(": ")[0].strip() if ": " in old else "1"
    for value in values:
        new = re.sub(r"(: |- )[^\n]*", rf"\g<1>{value}", old)
        message = refused(tmp_path, changed(old, new))
        line = line_of(old.rstrip("\n")) if old != "seed: 1\n" else 1
        assert re.match(rf"params\.yaml:{line}: (\w+\.)*{name}: [a-z]", message), message


@pytest.mark.parametrize("option", ["weight_decay", "ema_momentum", "clip_norm"])
def test_optional_numbers_of_fit_are_checked_too(tmp_path, option):
    for value in ("-0.1", ".nan", ".inf"):
        message = refused(tmp_path, changed("epochs: 2", f"epochs: 2\n      {option}: {value}"))
        assert message.startswith(f"params.yaml:34: experiments.cnn.fit.{option}: ")


@pytest.mark.parametrize(
    ("old", "line", "key"),
    [
        ("seed: 1\n", 2, "seed"),
        ("    module: text_cnn\n", 29, "experiments.cnn.module"),
        ("          unit: word\n", 16, "datasets.sms.options.inputs.words.unit"),
        ("      filters: 16\n", 32, "experiments.cnn.build.filters"),
    ],
)
def test_a_key_that_stands_twice_is_refused(tmp_path, old, line, key):
    assert refused(tmp_path, changed(old, old + old)) == f"params.yaml:{line}: {key} stands twice"


def test_a_key_twice_on_one_line_is_refused(tmp_path):
    text = changed("filters: 16", "filters: 16\n      widths: {a: 1, a: 2}")
    assert refused(tmp_path, text) == "params.yaml:32: experiments.cnn.build.widths.a stands twice"


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("seed: [1\n", "params.yaml:2: not valid YAML, "),
        (changed("  sms:\n    recipe", "\tsms:\n    recipe"), "params.yaml:4: not valid YAML, "),
        (changed("task: text", 'task: "text'), "params.yaml:"),
        (changed("filters: 16", "filters: 1\x016"), "params.yaml:31: not valid YAML, "),
        (changed("filters: 16", "filters: *x"), "params.yaml:31: not valid YAML, "),
        (changed("filters: 16", "filters: !!python/none"), "params.yaml:31: not valid YAML, "),
        (PARAMS.encode() + b"# caf\xe9\n", "params.yaml:52: not UTF-8; "),
        ("", "params.yaml: the file is empty or not a mapping; "),
        ("# nothing yet\n", "params.yaml: the file is empty or not a mapping; "),
        ("- seed\n", "params.yaml: the file is empty or not a mapping; "),
        ("seed: 1\n---\nseed: 2\n", "params.yaml:2: not valid YAML, "),
    ],
)  # fmt: skip
def test_a_file_that_is_no_mapping_in_yaml_is_refused(tmp_path, text, start):
    message = refused(tmp_path, text)
    assert message.startswith(start)
    assert "\n" not in message


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="none.yaml: no such file; run from the repository root"):
        loader.load(tmp_path / "none.yaml")


def test_a_key_that_was_asked_for_must_stand_in_the_file(tmp_path):
    load(tmp_path, PARAMS)
    path = tmp_path / "params.yaml"
    with pytest.raises(UserError, match="no 'sns' under datasets; accepted: sms; did you mean sms"):
        loader.dataset(path, "sns")
    with pytest.raises(UserError, match="no 'rnn' under experiments; accepted: cnn"):
        loader.experiment(path, "rnn")


def test_a_byte_order_mark_does_no_harm(tmp_path):
    assert load(tmp_path, b"\xef\xbb\xbf" + (PARAMS + BASELINES).encode()).seed == 1


@pytest.mark.parametrize("section", check.SECTIONS)
def test_the_sections_that_dvc_reads_must_stand_in_the_file(tmp_path, section):
    path = tmp_path / "params.yaml"
    others = (f"{name}: {{}}\n" for name in check.SECTIONS if name != section)
    path.write_text("seed: 1\n" + "".join(others))
    with pytest.raises(UserError, match=f"params.yaml: {section}: .* write `{section}: {{}}`"):
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
    assert {"filters", "widths", "dropout"} <= set(loader.builders("text_cnn")["text_cnn"])
    assert all(not name.startswith("_") for name in loader.builders("recurrent"))


def test_the_files_of_the_repository_are_without_mistakes():
    root = Path(loader.__file__).parents[2]
    for path in (root / "params.yaml", root / "benchmarks/params.yaml"):
        check.run(path)
