"""The part of a slide that QuPath shows.

It crops to the bounds that OpenSlide reports, and counts coordinates from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import openslide

from tessera.errors import SlideError
from tessera.slides.child.child import Budget
from tessera.slides.child.children import shared

_SIDES = tuple(f"openslide.bounds-{side}" for side in ("x", "y", "width", "height"))
_VENDORS_WITHOUT = (
    "aperio",
    "generic-tiff",
    "hamamatsu",
    "trestle",
    "dicom",
    "tifffile",
    "picture",
)  # never report bounds


def viewer_origin(path: Path, vendor: str) -> tuple[int, int] | None:
    """Level-0 pixel that is (0, 0) in QuPath, or None when that cannot be known because the file is gone.

    Args:
        path: the slide.
        vendor: as OpenSlide names it, from the time of ingest.
    """
    if vendor in _VENDORS_WITHOUT:
        return 0, 0
    try:
        answer, _ = shared().ask("tessera.slides.viewer.served:origin", {"path": str(path)}, Budget(seconds=120))
    except SlideError:
        return None
    return None if answer["origin"] is None else (answer["origin"][0], answer["origin"][1])


def origin_of_file(path: Path) -> tuple[int, int] | None:
    """The same of a file that is opened here, in a child process; None when it is gone or does not open."""
    try:
        with openslide.OpenSlide(path) as slide:
            return origin_of(slide.properties, *slide.dimensions)
    except (openslide.OpenSlideError, OSError):
        return None


def origin_of(properties: Mapping[str, str], width: int, height: int) -> tuple[int, int]:
    """QuPath's rule: all four bounds are there, and both sides differ from the whole slide's.

    Args:
        properties: of OpenSlide.
        width: width of level 0, pixels.
        height: height of level 0, pixels.
    """
    try:
        x, y, bounds_width, bounds_height = (int(properties[side]) for side in _SIDES)
    except (KeyError, ValueError):
        return 0, 0
    return (x, y) if bounds_width != width and bounds_height != height else (0, 0)
