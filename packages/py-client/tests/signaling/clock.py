"""A clock that the test turns."""


class Clock:
    """Seconds, from 1,000 on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now
