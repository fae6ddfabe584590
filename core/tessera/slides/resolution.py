"""Microns per pixel of a slide, in a stated order of sources; never guessed."""

from __future__ import annotations

from collections.abc import Mapping

_UM_PER_UNIT = {"inch": 25_400.0, "centimeter": 10_000.0}
_MPP_AT_1X = 10.0  # 40x scans at 0.25 um/px, 20x at 0.5: the common convention of scanners
_PLAUSIBLE = (0.05, 20.0)


def resolve_mpp(properties: Mapping[str, str], default_mpp: float = 0) -> tuple[float, str] | None:
    """Find the resolution of level 0.

    The order is openslide.mpp-x/y, aperio.MPP, the TIFF resolution tags, the objective power, the user's default.
    Values that no scanner has (below 0.05 or above 20 um/px, as the 72 dpi of office software) are passed over.

    Args:
        properties: OpenSlide's properties of the slide.
        default_mpp: the user's value for slides that record none; 0 when there is none.

    Returns:
        um per pixel (mean of x and y) and the name of its source; None when there is none.
    """
    candidates = (
        ("openslide.mpp", _mean(_number(properties, "openslide.mpp-x"), _number(properties, "openslide.mpp-y"))),
        ("aperio.MPP", _number(properties, "aperio.MPP")),
        ("tiff.resolution", _from_tiff(properties)),
        ("objective-power", _from_power(_number(properties, "openslide.objective-power"))),
        ("default", default_mpp or None),
    )
    for source, value in candidates:
        if value is not None and _PLAUSIBLE[0] <= value <= _PLAUSIBLE[1]:
            return value, source
    return None


def _number(properties: Mapping[str, str], key: str) -> float | None:
    try:
        return float(properties[key])
    except (KeyError, ValueError):
        return None


def _mean(x: float | None, y: float | None) -> float | None:
    return None if x is None or y is None else (x + y) / 2


def _from_tiff(properties: Mapping[str, str]) -> float | None:
    um = _UM_PER_UNIT.get(properties.get("tiff.ResolutionUnit", ""))
    x, y = _number(properties, "tiff.XResolution"), _number(properties, "tiff.YResolution")
    return None if um is None or not x or not y else _mean(um / x, um / y)


def _from_power(power: float | None) -> float | None:
    return None if not power else _MPP_AT_1X / power
