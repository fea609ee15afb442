"""The bytes of all requests that the server holds at the same time."""

from serving.errors import QueueFull


class Budget:
    """Used from one event loop."""

    def __init__(self, limit: int):
        self.limit, self.used = limit, 0

    def take(self, size: int) -> None:
        """Raises QueueFull, and takes nothing, if the server would then hold too much."""
        if self.used + size > self.limit:
            raise QueueFull(
                f"{self.used} bytes of requests are held, of {self.limit}; try again later"
            )
        self.used += size

    def give_back(self, size: int) -> None:
        self.used -= size
