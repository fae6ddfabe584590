"""Which clusterer is taken when nobody chose one. Light: nothing of a clusterer is loaded."""

from __future__ import annotations

import importlib.util

SAFEST, NEXT = "leiden", "rcc"


def default_clusterer() -> str:
    """The safest clusterer at small, large and free K that is installed: leiden, or else rcc.

    Leiden kept the best worst case of carry-over when features were varied, also the poor ones on which RCC finds one
    large cluster (reference/learning.md, 5; benchmarks/clusterers.py compares them on the features of a run).
    """
    return SAFEST if importlib.util.find_spec("graspologic_native") is not None else NEXT
