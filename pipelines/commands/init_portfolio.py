"""Which experiments fit into a time limit, and for how many epochs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.commands.init_templates import Plan, Template
from pipelines.config.errors import UserError

# Seconds of an experiment beside its epochs: start, compiling, evaluation, export.
OVERHEAD = 40
# Seconds of an epoch of hardly any data: validation, the log.
EPOCH_OVERHEAD = 0.3
FEWEST, MOST = 2, 3  # networks


@dataclass(frozen=True)
class Choice:
    """A template, its epochs, and how many seconds it is expected to take."""

    template: Template
    epochs: int
    seconds: float


def portfolio(plan: Plan, minutes: float, cores: int = 2) -> tuple[list[Choice], list[str]]:
    """(experiments that fit together, names of those that do not).

    As many as can each be trained for half of the epochs that are enough; where even two cannot,
    the first two that fit at all: few models trained for long are better than many that are not.

    Raises:
        UserError: `minutes-few` where not even one fits.
    """
    seconds = 60.0 * minutes - classical_seconds(plan)
    units = plan.units / (max(1, cores) / 2)
    # A large network that does not fit must not take the place of a small one that does.
    left_out = [
        template for template in plan.templates
        if template.weights and _least_seconds(template, units) > seconds / MOST
    ]  # fmt: skip
    names_left_out = [template.name for template in left_out]
    templates = [template for template in plan.templates if template not in left_out][:MOST]
    for count in range(len(templates), 0, -1):
        choices = _shared(templates[:count], units, plan.train_rows, seconds)
        halves = [c.epochs >= _enough(c.template, plan.train_rows) / 2 for c in choices]
        if (all(halves) and len(choices) == count) or (choices and count <= FEWEST):
            names = {choice.template.name for choice in choices}
            rest = [t.name for t in templates if t.name not in names]
            return choices, names_left_out + rest
    choices = _shared(templates, units, plan.train_rows, seconds)
    if not choices:
        raise UserError(
            "minutes-few", f"no experiment fits into {minutes:g} minutes; give "
            f"--minutes {_enough_minutes(templates, units, plan)}",
            key="--minutes", value=minutes,
        )  # fmt: skip
    names = {choice.template.name for choice in choices}
    return choices, names_left_out + [t.name for t in templates if t.name not in names]


def _shared(
    templates: Sequence[Template], units: float, train_rows: int, seconds: float
) -> list[Choice]:
    """Each template with its share of the time; what one does not use, the next ones may."""
    left, choices = seconds, []
    for number, template in enumerate(templates):
        share = left / (len(templates) - number)
        epoch = _epoch(template, units)
        epochs = min(_enough(template, train_rows), int(max(0, share - OVERHEAD) / epoch))
        if epochs >= template.least_epochs:
            choices.append(Choice(template, epochs, OVERHEAD + epochs * epoch))
            left -= choices[-1].seconds
    return choices


def _enough(template: Template, rows: int) -> int:
    """Epochs that give the template's steps."""
    steps_an_epoch = max(1, -(-rows // template.fit["batch_size"]))
    epochs = round(template.steps / steps_an_epoch)
    return max(template.least_epochs, min(epochs, template.most_epochs))


def _epoch(template: Template, units: float) -> float:
    """Seconds of one epoch."""
    return EPOCH_OVERHEAD + template.seconds * units


def _least_seconds(template: Template, units: float) -> float:
    return OVERHEAD + template.least_epochs * _epoch(template, units)


def classical_seconds(plan: Plan) -> float:
    """What the classical experiment is expected to take; it always comes first."""
    return OVERHEAD + plan.classical_seconds


def _enough_minutes(templates: Sequence[Template], units: float, plan: Plan) -> int:
    """Minutes in which the shortest experiment fits, whichever place it has."""
    seconds = [_least_seconds(template, units) for template in templates]
    return math.ceil((min(seconds) * len(templates) + classical_seconds(plan)) / 60 + 0.01)
