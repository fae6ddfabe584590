"""Microns per pixel of a slide, in a stated order of sources; never guessed, and doubted where it is implausible."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_UM_PER_UNIT = {"inch": 25_400.0, "centimeter": 10_000.0}
_MPP_AT_1X = 10.0  # 40x scans at 0.25 um/px, 20x at 0.5: the common convention of scanners
_PLAUSIBLE = (0.05, 20.0)
_USUAL = (0.1, 1.1)  # um/px of slides that are scanned for tissue, 5x to 100x
_OFF_BY = 1.6  # a number that differs by more from what the objective's power says is doubted
_SQUARE = 0.02  # pixels whose sides differ by less are taken for square
# OME-XML's units of length (schema 2016-06); its default is um
_UM = {"": 1.0, "um": 1.0, "µm": 1.0, "μm": 1.0, "micron": 1.0, "microns": 1.0, "nm": 1e-3, "pm": 1e-6, "mm": 1e3}
_UM |= {"cm": 1e4, "m": 1e6, "inch": 25_400.0, "in": 25_400.0, "å": 1e-4}


@dataclass(frozen=True)
class Resolution:
    """Size of a level-0 pixel.

    Attributes:
        x: um across.
        y: um down.
        source: where it comes from.
    """

    x: float
    y: float
    source: str

    @property
    def oblong(self) -> bool:
        """Whether the sides differ so much that tiles would be distorted."""
        return max(self.x, self.y) > (1 + _SQUARE) * min(self.x, self.y)

    @property
    def mpp(self) -> float:
        """One number: the mean, or the finer side of oblong pixels."""
        return min(self.x, self.y) if self.oblong else (self.x + self.y) / 2

    @property
    def stretch(self) -> tuple[float, float]:
        """How many pixels of `mpp` one stored pixel is, across and down."""
        return (self.x / self.mpp, self.y / self.mpp) if self.oblong else (1.0, 1.0)


def resolve(properties: Mapping[str, str], default_mpp: float = 0) -> Resolution | None:
    """Find the resolution of level 0.

    The order is openslide.mpp-x/y, aperio.MPP, OME-XML, the TIFF resolution tags, ImageJ's unit, the objective power,
    the user's default. Values that no scanner has (below 0.05 or above 20 um/px, as the 72 dpi of office software) are
    passed over.

    Args:
        properties: OpenSlide's properties of the slide.
        default_mpp: the user's value for slides that record none; 0 when there is none.

    Returns:
        The resolution; None when there is none.
    """
    description = properties.get("tiff.ImageDescription", "") or properties.get("openslide.comment", "")
    aperio, power = _number(properties, "aperio.MPP"), _number(properties, "openslide.objective-power")
    at_power = _MPP_AT_1X / power if power else None
    tags = _pair(_number(properties, "openslide.mpp-x"), _number(properties, "openslide.mpp-y"))
    ome = _from_ome(description)
    candidates = (
        ("openslide.mpp", tags if ome is None or properties.get("openslide.vendor") != "generic-tiff" else None),
        ("aperio.MPP", _pair(aperio, aperio)),
        ("ome-xml", ome),
        ("tiff.resolution", _from_tiff(properties)),
        ("imagej", _from_imagej(properties, description)),
        ("objective-power", _pair(at_power, at_power)),
        ("default", _pair(default_mpp, default_mpp)),
    )
    for source, value in candidates:
        if value is not None and all(_PLAUSIBLE[0] <= side <= _PLAUSIBLE[1] for side in value):
            return Resolution(*value, source)
    return None


def doubt(found: Resolution, properties: Mapping[str, str]) -> str:
    """A word of caution about a resolution; empty when it is plausible or the user's own.

    Args:
        found: the resolution.
        properties: OpenSlide's properties of the slide.
    """
    if found.source in ("user", "default"):
        return ""
    power = _number(properties, "openslide.objective-power") or _number(properties, "aperio.AppMag")
    mend = "if that is wrong, correct it with --mpp-of FILE or in the table of `tessera slides`"
    if power:
        usual = _MPP_AT_1X / power
        if not usual / _OFF_BY <= found.mpp <= usual * _OFF_BY:
            return f"says {found.mpp:.4g} um/px ({found.source}) where {usual:.4g} are usual at {power:g}x: {mend}"
    if not _USUAL[0] <= found.mpp <= _USUAL[1]:
        return f"says {found.mpp:.4g} um/px ({found.source}), outside of the usual {_USUAL[0]}-{_USUAL[1]}: {mend}"
    return ""


def _number(properties: Mapping[str, str], key: str) -> float | None:
    try:
        return float(str(properties[key]).replace(",", "."))
    except (KeyError, ValueError):
        return None


def _pair(x: float | None, y: float | None) -> tuple[float, float] | None:
    return None if not x or not y else (x, y)


def _from_tiff(properties: Mapping[str, str]) -> tuple[float, float] | None:
    um = _UM_PER_UNIT.get(properties.get("tiff.ResolutionUnit", ""))
    x, y = _number(properties, "tiff.XResolution"), _number(properties, "tiff.YResolution")
    return None if um is None or not x or not y else (um / x, um / y)


def _from_imagej(properties: Mapping[str, str], description: str) -> tuple[float, float] | None:
    """ImageJ's way: the resolution tags count pixels per unit of the description."""
    if not description.startswith("ImageJ="):
        return None
    unit = re.search(r"^unit=(.+)$", description, re.M)
    um = _UM.get(unit[1].strip().replace("\\u00B5", "µ").lower()) if unit else None
    x, y = _number(properties, "tiff.XResolution"), _number(properties, "tiff.YResolution")
    return None if um is None or not x or not y else (um / x, um / y)


def _from_ome(description: str) -> tuple[float, float] | None:
    """PhysicalSizeX and Y of the first Pixels element of an OME-XML."""
    start = description.find("<Pixels") if "<OME" in description[:2000] else description.find("<OME:Pixels")
    if start < 0:
        return None
    element = description[start : description.find(">", start) + 1]
    about = dict(re.findall(r"""(PhysicalSize[XY](?:Unit)?)\s*=\s*["']([^"']*)["']""", element))
    sides = []
    for axis in "XY":
        um = _UM.get(about.get(f"PhysicalSize{axis}Unit", "").strip().lower())
        size = _number(about, f"PhysicalSize{axis}")
        if um is None or size is None:
            return None
        sides.append(size * um)
    return _pair(*sides)
