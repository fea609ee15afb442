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
MOST = 4


@dataclass(frozen=True)
class Choice:
    """A template, its epochs, and how many seconds it is expected to take."""

    template: Template
    epochs: int
    seconds: float


def portfolio(plan: Plan, minutes: float, cores: int = 2) -> tuple[list[Choice], list[str]]:
    """(experiments that fit together, names of those that do not). The first templates come first;
    what one does not use, the next ones may.

    Raises:
        UserError: `minutes-few` where not even one fits.
    """
    left, choices, dropped = 60.0 * minutes, [], []
    templates = plan.templates[:MOST]
    faster = max(1, cores) / 2
    for number, template in enumerate(templates):
        share = left / (len(templates) - number)
        epoch = _epoch(template, plan.units / faster)
        epochs = min(_enough(template, plan.train_rows), int(max(0, share - OVERHEAD) / epoch))
        if epochs < template.least_epochs:
            dropped.append(template.name)
            continue
        seconds = OVERHEAD + epochs * epoch
        left -= seconds
        choices.append(Choice(template, epochs, seconds))
    if not choices:
        raise UserError(
            "minutes-few", f"no experiment fits into {minutes:g} minutes; give "
            f"--minutes {_enough_minutes(templates, plan.units / faster)}",
            key="--minutes", value=minutes,
        )  # fmt: skip
    return choices, dropped


def _enough(template: Template, rows: int) -> int:
    """Epochs that give the template's steps."""
    steps_an_epoch = max(1, -(-rows // template.fit["batch_size"]))
    epochs = round(template.steps / steps_an_epoch)
    return max(template.least_epochs, min(epochs, template.most_epochs))


def _epoch(template: Template, units: float) -> float:
    """Seconds of one epoch."""
    return EPOCH_OVERHEAD + template.seconds * units


def _enough_minutes(templates: Sequence[Template], units: float) -> int:
    """Minutes in which the shortest experiment fits, whichever place it has."""
    seconds = [OVERHEAD + t.least_epochs * _epoch(t, units) for t in templates]
    return math.ceil(min(seconds) * len(templates) / 60 + 0.01)
