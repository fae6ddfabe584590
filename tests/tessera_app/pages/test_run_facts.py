"""What the run page says in words."""

from __future__ import annotations

from tessera.runs.figures import Event
from tessera.runs.text import summarise_events


def test_what_was_said_of_several_intervals_stands_once() -> None:
    events = [
        Event(5, "warning", "interval 4: few tiles"),
        Event(4, "info", "goes on at interval 2, batch 1"),
        Event(3, "warning", "interval 2: few tiles"),
        Event(2, "advice", "interval 1: few tiles"),
        Event(1, "warning", "interval 1: few tiles"),
    ]
    assert summarise_events(events) == [
        ("warning", "intervals 1, 2, 4: few tiles"),
        ("info", "goes on at interval 2, batch 1"),
        ("advice", "interval 1: few tiles"),
    ]
    assert summarise_events([Event(i, "warning", f"interval {i}: so") for i in (2, 1)]) == [
        ("warning", "intervals 1 to 2: so")
    ]
