"""Which clusterer is taken when nobody chose one. Light: nothing of a clusterer is loaded."""

from __future__ import annotations

import importlib.util

SAFEST, NEXT = "leiden", "rcc"


def default_clusterer() -> str:
    """The safest clusterer at small, large and free K that is installed: leiden, or else rcc.

    Over six feature sets each of two labelled tile sets, Leiden had the best worst case and the best mean carry-over of
    names at K = 5, K = 20 and free K; guarded RCC the best AMI on one of the two (benchmarks/RESULTS_QUALITY.md,
    clusterers).
    """
    return SAFEST if importlib.util.find_spec("graspologic_native") is not None else NEXT
