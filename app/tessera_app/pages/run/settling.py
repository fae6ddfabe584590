"""Do the clusters settle? Answered in words from how much each clustering agrees with the one before."""

from __future__ import annotations

from collections.abc import Sequence

_AGREE, _STEADY, _RISE = 0.9, 0.02, 0.01
_WINDOW = 3


def verdict(nmi: Sequence[float], trains: bool = True) -> str:
    """One or two sentences.

    Args:
        nmi: NMI of each clustering with the one before, oldest first.
        trains: whether the run trains at all.
    """
    if not trains:
        return "A look clusters once: there is nothing to settle."
    if len(nmi) < _WINDOW:
        return f"Too early to say: it takes {_WINDOW + 1} clusterings."
    last, before = nmi[-1], nmi[-_WINDOW]
    if last >= _AGREE and abs(last - before) < _STEADY:
        return f"Settled: the last clusterings agree (NMI {last:.2f})."
    if last - before > _RISE:
        return f"Still settling: agreement rises ({before:.2f}, now {last:.2f}). A longer run may help."
    if last - before < -_STEADY:
        return f"Coming apart: agreement falls ({before:.2f}, now {last:.2f}). Look at an earlier clustering too."
    return (
        f"Steady, but {1 - last:.0%} short of full agreement (NMI {last:.2f}): some tiles go to and fro between "
        "clusters."
    )
