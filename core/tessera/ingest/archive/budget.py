"""How much disk a streaming ingest may hold.

Bytes are reserved whole before a download begins, and given back after.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tessera.config import StreamConfig

LOOK_AHEAD = 64
PATIENCE = 32  # a slide that was passed over so often goes next, whatever else would fit


@dataclass
class Reservation:
    """Disk that one slide holds.

    Attributes:
        slide_bytes: size of the slide.
        tile_bytes: the most that its tiles may take.
        written: bytes of the slide that are on disk.
    """

    slide_bytes: int
    tile_bytes: int
    written: int = 0


class Budget:
    """The account. Reserving everything at once, so that half-fetched slides never wait for each other.

    Args:
        slide_bytes: slides may hold so much.
        tile_bytes: kept tiles may take so much.
        free_floor: free space of the volume that stays free.
        free: free bytes of the volume now.
    """

    def __init__(self, slide_bytes: int, tile_bytes: int, free_floor: int, free: Callable[[], int]) -> None:
        self.slide_bytes, self.tile_bytes, self.free_floor = slide_bytes, tile_bytes, free_floor
        self.tiles_kept = 0
        self.high_water = 0
        self._free, self._lock = free, threading.Lock()
        self._held: list[Reservation] = []

    @classmethod
    def of(cls, config: StreamConfig, free: Callable[[], int]) -> Budget:
        """The budget of a config."""
        return cls(config.slide_budget, config.tile_budget, config.free_floor, free)

    @property
    def slides_held(self) -> int:
        """Bytes that are reserved for slides."""
        with self._lock:
            return sum(item.slide_bytes for item in self._held)

    def reserve(self, slide_bytes: int, tile_bytes: int) -> Reservation | None:
        """Reserve for one slide, or nothing when it does not fit now."""
        with self._lock:
            if self._obstacle(slide_bytes, tile_bytes):
                return None
            reservation = Reservation(slide_bytes, tile_bytes)
            self._held.append(reservation)
            self.high_water = max(self.high_water, sum(item.slide_bytes for item in self._held))
            return reservation

    def obstacle(self, slide_bytes: int, tile_bytes: int) -> str:
        """What stands against reserving: slides, tiles, floor, or nothing (empty)."""
        with self._lock:
            return self._obstacle(slide_bytes, tile_bytes)

    def release(self, reservation: Reservation) -> None:
        """Give a reservation back, after the slide's file is gone and its tiles are counted in `tiles_kept`."""
        with self._lock:
            self._held = [item for item in self._held if item is not reservation]

    def _obstacle(self, slide_bytes: int, tile_bytes: int) -> str:
        if sum(item.slide_bytes for item in self._held) + slide_bytes > self.slide_bytes:
            return "slides"
        reserved_tiles = sum(item.tile_bytes for item in self._held)
        if self.tiles_kept + reserved_tiles + tile_bytes > self.tile_bytes:
            return "tiles"
        promised = reserved_tiles + sum(max(0, item.slide_bytes - item.written) for item in self._held)
        if self._free() - promised - slide_bytes - tile_bytes < self.free_floor:
            return "floor"
        return ""


@dataclass
class Admission:
    """Which waiting slide goes next: the first of the next 64 that fits, but none is passed over for ever.

    First fit keeps the line busy with a small budget (10 % of the time at 6 GB, reference/gdc.md, 10); ageing lets
    large slides through.
    """

    passed: dict[str, int] = field(default_factory=dict)

    def choose(self, waiting: Sequence[tuple[str, int, int]], budget: Budget) -> tuple[str, Reservation] | None:
        """Reserve for the next slide.

        Args:
            waiting: (id, slide bytes, tile bytes) in order.
            budget: the account.

        Returns:
            Its id and its reservation, or None when it is better to wait.
        """
        for name, slide_bytes, tile_bytes in waiting[:LOOK_AHEAD]:
            reservation = budget.reserve(slide_bytes, tile_bytes)
            if reservation is not None:
                self.passed.pop(name, None)
                for other, _, _ in waiting[:LOOK_AHEAD]:
                    if other == name:
                        break
                    self.passed[other] = self.passed.get(other, 0) + 1
                return name, reservation
            if self.passed.get(name, 0) >= PATIENCE:
                return None
        return None
