"""What the viewer asks of its child processes; see `tessera.slides.viewer.views`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tessera.slides.bounds import origin_of_file
from tessera.slides.child.serve import Answer, Host
from tessera.slides.viewer.open_slides import OpenSlides

_OPEN = OpenSlides()  # of this child; it is only ever asked one thing at a time


def tile(arguments: dict[str, Any], host: Host) -> Answer:  # noqa: ARG001
    """A tile of a slide's pyramid as JPEG."""
    with _OPEN.use(Path(arguments["path"]), Path(arguments["overview"])) as zoom:
        return {}, [zoom.jpeg(*arguments["place"])]


def around(arguments: dict[str, Any], host: Host) -> Answer:  # noqa: ARG001
    """A square of a slide with its surroundings as JPEG."""
    with _OPEN.use(Path(arguments["path"]), Path(arguments["overview"])) as zoom:
        return {}, [zoom.around_jpeg(*arguments["place"])]


def origin(arguments: dict[str, Any], host: Host) -> Answer:  # noqa: ARG001
    """Where QuPath puts the slide's (0, 0)."""
    found = origin_of_file(Path(arguments["path"]))
    return {"origin": None if found is None else list(found)}, []
