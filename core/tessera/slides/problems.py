"""What can be wrong with a slide, by kind: the class decides what becomes of it, its reason says what to do."""

from __future__ import annotations

from tessera.errors import SlideError

NO_RESOLUTION = "records no resolution (mpp)"


class NoResolutionError(SlideError):
    """The slide records no microns per pixel; it is set aside until somebody says them."""


class DamagedError(SlideError):
    """The bytes are cut short or spoiled; another copy may be whole."""


class UnsupportedError(SlideError):
    """The file is sound, but nothing here reads it; another program converts it."""


class NoSlideError(SlideError):
    """The file is something else than a slide."""


class TooLargeError(SlideError):
    """The slide claims more pixels than its budget."""
