"""Wrong passwords make the next try wait, twice as long each time: by address, and more patiently by name."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_MOST = 10_000  # addresses and names that are remembered, the oldest forgotten first


@dataclass(frozen=True)
class Patience:
    """How wrong passwords are answered.

    Attributes:
        free: wrong ones that cost nothing.
        longest_s: the longest wait, seconds; what was wrong is forgotten after ten times as long.
    """

    free: int
    longest_s: float


BY_ADDRESS = Patience(free=5, longest_s=60)
BY_NAME = Patience(free=20, longest_s=10)  # short: nobody must be able to keep somebody else out for long


class Throttle:
    """Counts wrong passwords.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()  # number, time of the last

    def wait_s(self, address: str, name: str) -> float:
        """Seconds until the next password is looked at; 0 = now."""
        return max(self._wait(f"address {address}", BY_ADDRESS), self._wait(f"name {name}", BY_NAME))

    def wrong(self, address: str, name: str) -> None:
        """Note a wrong password."""
        for key, patience in ((f"address {address}", BY_ADDRESS), (f"name {name}", BY_NAME)):
            number, last = self._wrong.pop(key, (0, 0.0))
            if self._clock() - last > 10 * patience.longest_s:
                number = 0
            self._wrong[key] = (number + 1, self._clock())
            while len(self._wrong) > _MOST:
                self._wrong.popitem(last=False)

    def right(self, address: str, name: str) -> None:
        """Forget what was wrong before a right password."""
        self._wrong.pop(f"address {address}", None)
        self._wrong.pop(f"name {name}", None)

    def _wait(self, key: str, patience: Patience) -> float:
        number, last = self._wrong.get(key, (0, 0.0))
        if number < patience.free:
            return 0.0
        wait = min(2.0 ** min(number - patience.free, 10), patience.longest_s)
        return max(last + wait - self._clock(), 0.0)
