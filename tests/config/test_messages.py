"""Every error has a code of its own kind, and the wording is in one file: tests/messages.yaml."""

import ast
import re

import yaml

from pipelines.config.errors import UserError
from tests.support.messages import FILE, calls, messages, template

CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def test_the_snapshot_has_the_wording_of_today():
    """`python -m tests.support.messages` writes it."""
    assert yaml.safe_load(FILE.read_text("utf-8")) == messages()


def test_every_error_has_a_code_and_a_message():
    for place, call in calls():
        assert len(call.args) == 2, f"{place}: UserError(code, message, path=...)"
        if isinstance(call.args[0], ast.Constant):
            assert CODE.fullmatch(template(call.args[0])), place


def test_a_message_does_not_repeat_its_place():
    """The place is given by path, line and key, and put before the message."""
    for place, call in calls():
        if {keyword.arg for keyword in call.keywords} & {"path", "key"}:
            assert not re.match(r"\{(path|source|raw|file|place|key)\}", template(call.args[1])), (
                place
            )


def test_place_comes_before_the_message():
    error = UserError("label-missing", "no label", path="a.csv", line=3, key="x.y", value="")
    assert str(error) == "a.csv, line 3: x.y: no label"
    assert (error.code, error.path, error.line, error.key, error.value) == (
        *("label-missing", "a.csv", 3, "x.y", ""),
    )
