"""How training is timed, the same for every framework. Uses the standard library only."""

import time


class Clock:
    """Starts when it is created: after imports and loading, before the model is built.

    An epoch's training ends where its validation begins. `enough` is true once the goal was
    reached, if there is one, and `epochs` epochs have passed.
    """

    def __init__(self, case: dict, rows: int):
        self.goal, self.epochs, self.rows = case.get("goal"), case["epochs"], rows
        self.began = time.perf_counter()
        self.trained_s: list[float] = []
        self.trained_cpu_s: list[float] = []  # of all threads; also informative on a busy machine
        self.ended_s: list[float] = []
        self.quality: list[float] = []

    def training(self) -> None:
        self.started, self.started_cpu = time.perf_counter(), time.process_time()

    def validating(self) -> None:
        self.trained_s.append(time.perf_counter() - self.started)
        self.trained_cpu_s.append(time.process_time() - self.started_cpu)

    def ended(self, quality: float | None) -> None:
        self.ended_s.append(time.perf_counter() - self.began)
        self.quality.append(None if quality is None else float(quality))

    @property
    def enough(self) -> bool:
        reached = self.goal is None or max(self.quality) >= self.goal
        return reached and len(self.ended_s) >= self.epochs

    def result(self, parameters: int) -> dict:
        """The measured times. parameters: how many are trained."""
        return {
            "parameters": parameters,
            "rows": self.rows,
            "trained_s": self.trained_s,
            "trained_cpu_s": self.trained_cpu_s,
            "ended_s": self.ended_s,
            "quality": self.quality,
        }
