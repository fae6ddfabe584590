"""Opens whatever is a slide: OpenSlide first, then tifffile for sound TIFFs that it refuses, then plain pictures."""

from __future__ import annotations

from pathlib import Path

import openslide

from tessera.slides import dicom
from tessera.slides.picture import is_picture, open_picture
from tessera.slides.problems import DamagedError, NoSlideError
from tessera.slides.tiff import is_tiff, open_tiff


def open_file(path: Path) -> openslide.AbstractSlide:
    """Open a slide.

    Args:
        path: the file, or the folder of a DICOM series.

    Raises:
        NoSlideError: it is something else.
        DamagedError: it is cut short or spoiled.
        UnsupportedError: it is sound, and nothing here reads it; the reason says how to convert it.
    """
    target = path
    if path.is_dir():
        entry = dicom.entry_of(path)
        if entry is None:
            raise NoSlideError(str(path), "holds no whole-slide image")
        target = entry
    try:
        return openslide.OpenSlide(target)
    except openslide.OpenSlideUnsupportedFormatError:
        return _open_otherwise(path, target, "")
    except (openslide.OpenSlideError, OSError) as error:
        return _open_otherwise(path, target, str(error))


def _open_otherwise(path: Path, target: Path, said: str) -> openslide.AbstractSlide:
    """Without OpenSlide, which said what (empty when it does not know the format)."""
    if is_tiff(target):
        return open_tiff(target, said)
    if is_picture(target):
        return open_picture(target)
    if said:
        raise DamagedError(str(path), f"broken or truncated: {said}")
    raise NoSlideError(str(path), "not a slide format that OpenSlide reads")
