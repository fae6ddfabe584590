"""What the ledger and the slide's folder keep of a slide that was cut; the same for local slides and for fetched ones."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import simplejpeg

from tessera.ingest.slide_task import CutSlide
from tessera.workspace import files
from tessera.workspace.folder import Workspace

_ENLARGED = 1.05  # scanners of 0.2522 um/px and the like are no matter
NO_TILE = "no tile was kept: look at its mask, then lower --min-tissue or check the slide"


def enlarged(slide_mpp: float, tile_mpp: float) -> str:
    """What to say of a slide that is coarser than its tiles; empty when it is not. Both in um per pixel."""
    if slide_mpp <= _ENLARGED * tile_mpp:
        return ""
    return (
        f"is coarser ({slide_mpp:.3g} um/px) than its tiles ({tile_mpp:g}): they are enlarged {slide_mpp / tile_mpp:.2f} times and "
        f"show less detail than those of other slides; a workspace with --mpp {slide_mpp:.3g} keeps all alike"
    )


def columns_of(cut: CutSlide) -> dict[str, Any]:
    """Columns of the slide table, for a slide with tiles or without. A slide that is done may have a reason for caution."""
    return {
        "state": "done" if cut.tiles else "empty",
        "reason": enlarged(cut.mpp, cut.tile_mpp) if cut.tiles else NO_TILE,
        "vendor": cut.vendor,
        "width": cut.width,
        "height": cut.height,
        "mpp": cut.mpp,
        "mpp_source": cut.mpp_source,
        "reader": cut.reader,
        "step0": cut.grid.step0,
        "side0": cut.grid.side0,
        "seconds": cut.seconds,
    }


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
