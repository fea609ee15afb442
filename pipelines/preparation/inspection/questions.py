"""What cannot be known from a file alone: asked, answered by an option, or refused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.config.errors import UserError, one_of


@dataclass(frozen=True)
class Reading:
    """One way to read something. answer: what to give for it. meaning: what follows."""

    answer: str
    meaning: str


@dataclass(frozen=True)
class Question:
    """An ambiguity.

    Args:
        key: names the question and its option: "decimal" is settled by `--decimal`.
        message: what is ambiguous.
        readings: all that are possible.
        path, line: where it is seen.
    """

    key: str
    message: str
    readings: Sequence[Reading]
    path: Path
    line: int | None = None

    @property
    def answers(self) -> list[str]:
        return [reading.answer for reading in self.readings]


class Answers:
    """Settles questions.

    Args:
        given: answers by key, from the command line.
        ask: asks a person and returns one of the question's answers; None where nobody is there.
    """

    def __init__(self, given: Mapping[str, str], ask: Callable[[Question], str] | None = None):
        self.given, self._ask = dict(given), ask
        self.used: set[str] = set()

    def get(self, key: str) -> str | None:
        """An answer that was given before any question."""
        if key in self.given:
            self.used.add(key)
        return self.given.get(key)

    def column(self, key: str, path: Path, names: Sequence[str]) -> str | None:
        """The name of a column that was given, checked."""
        name = self.get(key)
        if name is not None and name not in names:
            message = f"no column {name!r}; {one_of(name, names)}"
            raise UserError("column-missing", message, path=path, key=f"--{key}", value=name)
        return name

    def settle(self, question: Question) -> str:
        """One of the question's answers.

        Raises:
            UserError: `ambiguous-<key>` where nobody can be asked, `answer-unknown` where the
                option that was given is none of the answers.
        """
        answer = self.get(question.key)
        if answer is None and self._ask is not None:
            return self._ask(question)
        option = f"--{question.key}"
        if answer is None:
            readings = "; ".join(
                f"{option} {reading.answer}: {reading.meaning}" for reading in question.readings
            )
            raise UserError(
                f"ambiguous-{question.key}", f"{question.message}. Give one of: {readings}",
                path=question.path, line=question.line, key=option, value=question.answers,
            )  # fmt: skip
        if answer not in question.answers:
            message = f"{answer!r} is no answer here; {one_of(answer, question.answers)}"
            raise UserError("answer-unknown", message, path=question.path, key=option, value=answer)
        return answer
