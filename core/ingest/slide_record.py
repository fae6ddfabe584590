"""What the ledger and the slide's folder keep of a slide that was cut; the same for local slides and for fetched ones."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import simplejpeg

from core import files
from core.ingest.slide_task import CutSlide
from core.workspace import Workspace

NO_TILE = "no tile was kept: look at its mask, then lower --min-tissue or check the slide"


def columns_of(cut: CutSlide) -> dict[str, Any]:
    """Columns of the slide table, for a slide with tiles or without."""
    return {
        "state": "done" if cut.tiles else "empty", "reason": "" if cut.tiles else NO_TILE, "vendor": cut.vendor,
        "width": cut.width, "height": cut.height, "mpp": cut.mpp, "mpp_source": cut.mpp_source, "reader": cut.reader,
        "step0": cut.grid.step0, "side0": cut.grid.side0, "seconds": cut.seconds,
    }  # fmt: skip


def pictures_of(cut: CutSlide) -> tuple[bytes, bytes]:
    """Thumbnail as JPEG and tissue mask as PNG of one bit."""
    jpeg = simplejpeg.encode_jpeg(np.ascontiguousarray(cut.thumbnail), quality=85, colorspace="RGB")
    _, png = cv2.imencode(".png", cut.mask.astype(np.uint8) * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])
    return bytes(jpeg), png.tobytes()


def save_pictures(workspace: Workspace, slide_id: int, thumbnail: bytes, mask: bytes) -> None:
    """Write both pictures to the slide's folder."""
    folder = workspace.slide_folder(slide_id)
    files.write_bytes(folder / "thumbnail.jpg", thumbnail)
    files.write_bytes(folder / "mask.png", mask)
