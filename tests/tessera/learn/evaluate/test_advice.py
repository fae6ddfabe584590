"""Alarms that b674df0 did not raise (learning.md, 2: faults 7 and 9)."""

from __future__ import annotations

from tessera.learn.evaluate.advice import alarms, prediction_alarm

WELL = {"largest_share": 0.1, "clusters": 20.0, "entropy_ratio": 0.95}
TILES = 100_000


def test_45_percent_of_tiles_in_one_of_1000_clusters_is_a_collapse() -> None:
    figures = {"clusters": 1000.0, "largest_share": 0.45, "entropy_ratio": 0.65}
    assert "collapse: the largest cluster holds 45%" in alarms(figures, TILES)[0]
    assert alarms({**figures, "largest_share": 0.02, "entropy_ratio": 0.95}, TILES) == []
    assert alarms({**WELL, "largest_share": 0.35, "entropy_ratio": 0.8}, TILES) == []  # one tissue may be common


def test_a_clusterer_that_found_next_to_nothing_is_named() -> None:
    assert "by itself found only 2 clusters" in alarms({**WELL, "clusters_found": 2.0}, TILES)[0]
    assert "92% of all tiles" in alarms({**WELL, "clusters_found": 17.0, "largest_found": 0.92}, TILES)[0]
    assert alarms({**WELL, "clusters_found": 31.0, "largest_found": 0.2}, TILES) == []


def test_a_head_that_forgets_classes_is_named() -> None:
    assert "few of its classes" in (prediction_alarm(0.4) or "")
    assert prediction_alarm(0.9) is None


def test_clusters_of_one_site_are_named() -> None:
    assert "3 clusters of one site only" in alarms({**WELL, "one_site_clusters": 3.0}, TILES)[0]
