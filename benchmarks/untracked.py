"""A run without a store: what a fit logs is discarded."""


class Untracked:
    def last_step(self, metric: str) -> int:
        return 0

    def metrics(self, values: dict, step: int) -> None:
        pass

    def tag(self, values: dict) -> None:
        pass
