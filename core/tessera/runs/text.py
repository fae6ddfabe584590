"""What happened to a run, in few words."""

from __future__ import annotations

import re

from tessera.runs.figures import Event

_AT_INTERVAL = re.compile(r"interval (\d+): (.*)", re.DOTALL)


def summarise_events(events: list[Event]) -> list[tuple[str, str]]:
    """Level and text of each event, newest first; what was said of several intervals stands once, with all of them."""
    intervals: dict[tuple[str, str], list[int]] = {}
    for event in events:
        found = _AT_INTERVAL.fullmatch(event.text)
        key = (event.level, found[2] if found else event.text)
        intervals.setdefault(key, []).extend([int(found[1])] if found else [])
    return [(level, f"{_range(at)}{text}") for (level, text), at in intervals.items()]


def _range(intervals: list[int]) -> str:
    """`interval 3: `, `intervals 0 to 3: ` or `intervals 0, 2, 3: `; nothing when there is none."""
    at = sorted(set(intervals))
    if len(at) < 2:
        return f"interval {at[0]}: " if at else ""
    if at == list(range(at[0], at[-1] + 1)):
        return f"intervals {at[0]} to {at[-1]}: "
    return f"intervals {', '.join(map(str, at))}: "
