"""`python -m pipelines help` knows every option, from what checks and docstrings say."""

import subprocess
import sys

import pytest

from pipelines.commands import help as help_command
from pipelines.commands.reference import meanings, options, types
from pipelines.config import search_path, signatures
from pipelines.config.errors import UserError
from pipelines.preparation import labelled_texts
from tests.support.project import ROOT
from tests.support.user_errors import check

BUILDERS = [
    (module, builder)
    for module in search_path.names("models")
    for builder in signatures.builders(module)
]
ACCEPTED = {option.name: option for option in options.of_recipe("timeseries_csv")}


@pytest.mark.parametrize("recipe", search_path.names("datasets"))
def test_every_option_of_a_recipe_has_a_meaning(recipe):
    listed = options.of_recipe(recipe)
    assert [option.name for option in listed if not option.meaning] == []
    names = [option.name for option in listed]
    assert len(names) == len(set(names)) > 0


@pytest.mark.parametrize(("module", "builder"), BUILDERS)
def test_every_argument_of_a_builder_has_a_meaning(module, builder):
    listed = options.of_builder(module, builder)
    assert [option.name for option in listed if not option.meaning] == []
    assert [option.name for option in listed] == signatures.builders(module)[builder]


@pytest.mark.parametrize("task", search_path.names("tasks"))
def test_every_argument_of_loss_and_decide_has_a_meaning(task):
    for listed in options.of_objective(task).values():
        assert [option.name for option in listed if not option.meaning] == []


@pytest.mark.parametrize("block", help_command.SECTIONS.values())
def test_every_key_of_the_params_file_has_a_meaning(block):
    assert [option.name for option in options.of_schema(block) if not option.meaning] == []


@pytest.mark.parametrize(
    ("name", "kind", "default", "limits"),
    [
        ("history_steps", "integer", options.REQUIRED, "at least 1"),
        ("season_steps", "integer", "1", "at least 1"),
        ("gaps", "refuse | interpolate | forward_fill", "refuse", ""),
        ("rows", "list of integer | null", "null", "each at least 1"),
        ("split.test", "number", "0.2", "more than 0"),
        ("delimiter", "text", '","', "1 long"),
        ("values", "mapping of text to text", options.REQUIRED, "at least 1 long"),
        ("units_row", "true or false", "false", ""),
    ],
)
def test_types_defaults_and_ranges_are_those_of_the_checks(name, kind, default, limits):
    option = ACCEPTED[name]
    assert (option.type, option.default, option.range) == (kind, default, limits)


def test_ranges_of_builders_are_those_of_the_checks():
    arguments = {option.name: option for option in options.of_builder("text_cnn", "text_cnn")}
    assert arguments["filters"][1:4] == ("integer", "64", "at least 1")
    assert arguments["dropout"][1:4] == ("number", "0.5", "at least 0, less than 1")
    assert arguments["kernel_sizes"].type == "list of integer"


def test_blocks_inside_of_mappings_are_listed_below_them():
    listed = {option.name for option in options.of_model(labelled_texts.Options, {})}
    assert {"inputs", "inputs.NAME.max_tokens", "split.method"} <= listed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Of files. size: in bytes. name, title: what it is called.",
         {"size": "in bytes", "name": "what it is called", "title": "what it is called"}),
        ("size: small: 1, or large: 2; name: any.", {"size": "small: 1, or large: 2",
                                                     "name": "any"}),
        ("The size of it all.", {}),
    ],
)  # fmt: skip
def test_meanings_in_sentences(text, expected):
    assert meanings.of_sentences(text, ["size", "name", "title"]) == expected


def test_meanings_in_tables():
    text = (
        "options:\n\n    size, name    of it,\n                  in bytes\n    long_option_name  it"
    )
    expected = {"size": "of it, in bytes", "name": "of it, in bytes", "long_option_name": "it"}
    assert meanings.of_module(text) == expected


def test_types_of_unions_and_lists():
    assert types.described(list[int] | None) == ("list of integer | null", "")
    assert types.described(dict[str, float]) == ("mapping of text to number", "")


def test_every_topic_has_a_page():
    for name, pages in help_command.topics().items():
        for page in pages:
            assert len(page().splitlines()) > 1, name


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UserError) as caught:
        help_command.run(["text_cvs"])
    check(caught.value, "topic-unknown", value="text_cvs")
    assert caught.value.message.endswith("did you mean text_csv?")


def test_nothing_heavy_is_imported():
    code = (
        "import sys; sys.argv = ['', 'help', 'resnet', 'train', 'image_folder']\n"
        "from pipelines.__main__ import main; assert main() == 0\n"
        "assert not {'tensorflow', 'keras', 'mlflow'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "filters" in done.stdout and "max_pixels" in done.stdout
