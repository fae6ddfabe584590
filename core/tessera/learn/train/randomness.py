"""The numbers of all streams of randomness, so that no two parts of a run share numbers."""

from __future__ import annotations

from enum import IntEnum


class Stream(IntEnum):
    """What random numbers are for; a generator is made of (seed, interval, stream, ...). Never renumber.

    Runs resume by it.
    """

    SAMPLING = 1
    CLUSTERING = 2
    HEAD = 3
    VIEWS = 4
    FITTING = 5
    DROPOUT = 6
    PROJECTOR = 7
    PARTITION = 8
    STABILITY = 9
    WINDOWS = 10
    ADAPTING = 11
    CONTROL = 12
    CALIBRATION = 13
