"""What the ledger and the slide's folder keep of a slide that was cut.

The same for local slides and for fetched ones.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from tessera.config import IngestConfig
from tessera.slides.quality import Reason
from tessera.slides.reader import Slide
from tessera.slides.tiling import Grid
from tessera.workspace import files
from tessera.workspace.folder import Workspace

_ENLARGED = 1.05  # scanners of 0.2522 um/px and the like are no matter
_LOOK_AGAIN = {  # what can be done about the commonest reason why tiles were dropped
    Reason.NO_TISSUE: "look at its mask; --tissue all takes every position, --min-tissue asks for less tissue",
    Reason.WHITE: "if pale tissue is meant, --set max_white=1",
    Reason.BLUR: "if the slide is meant to be so, --set min_sharpness=0",
    Reason.PEN: "if it is the stain and no pen mark, --tissue special or --set max_pen=1",
    Reason.UNREADABLE: "fetch the slide again",
}
_MUCH_PEN = 0.1  # share of a slide's tissue; more is told


def why_no_tile(grid: Grid, codes: npt.NDArray[np.uint8], config: IngestConfig, size: tuple[int, int]) -> str:
    """Why a slide gave no tile: the commonest reason, its number, and its setting.

    Args:
        grid: of the slide.
        codes: uint8, `Reason` of every position.
        config: how it was cut.
        size: of the slide, level-0 pixels.
    """
    if not len(codes):
        return (
            f"is smaller than a tile: {size[0]} x {size[1]} px, a tile is {grid.side0} px of it "
            f"({config.tile_px * config.mpp:g} um): a workspace with a smaller --tile-px holds it"
        )
    counts = np.bincount(codes, minlength=len(Reason))
    seen = counts.copy()
    seen[[Reason.NO_TISSUE, Reason.KEPT, Reason.OVER_CAP]] = 0
    worst = Reason(int(seen.argmax())) if seen.any() else Reason.NO_TISSUE
    of = len(codes) if worst is Reason.NO_TISSUE else int(seen.sum())
    what = "positions" if worst is Reason.NO_TISSUE else "positions with tissue"
    return f"no tile was kept: {int(counts[worst])} of {of} {what} are {worst.label}; {_LOOK_AGAIN[worst]}"


def much_pen(codes: npt.NDArray[np.uint8]) -> str:
    """A word of caution when much of a slide's tissue was taken for pen marks."""
    counts = np.bincount(codes, minlength=len(Reason))
    pen, kept = int(counts[Reason.PEN]), int(counts[Reason.KEPT])
    if pen <= _MUCH_PEN * (pen + kept):
        return ""
    return f"{pen} of {pen + kept} tiles look like pen marks: {_LOOK_AGAIN[Reason.PEN]}"


def enlarged(slide_mpp: float, tile_mpp: float) -> str:
    """What to say of a slide that is coarser than its tiles; empty when it is not. Both in um per pixel."""
    if slide_mpp <= _ENLARGED * tile_mpp:
        return ""
    return (
        f"is coarser ({slide_mpp:.3g} um/px) than its tiles ({tile_mpp:g}): they are enlarged "
        f"{slide_mpp / tile_mpp:.2f} times and "
        f"show less detail than those of other slides; a workspace with --mpp {slide_mpp:.3g} keeps all alike"
    )


def columns_of(
    slide: Slide, grid: Grid, config: IngestConfig, codes: npt.NDArray[np.uint8], caution: str
) -> dict[str, Any]:
    """Columns of the slide table, for a slide with tiles or without.

    A slide that is done may have a reason for caution.
    """
    assert slide.mpp is not None
    n_tiles = int((codes == Reason.KEPT).sum())
    cautions = [caution, enlarged(slide.mpp, config.mpp), much_pen(codes)] if n_tiles else []
    if not n_tiles:
        cautions = [caution, why_no_tile(grid, codes, config, (slide.width, slide.height))]
    return {
        "state": "done" if n_tiles else "empty",
        "reason": "; ".join(word for word in cautions if word),
        "vendor": slide.vendor,
        "width": slide.width,
        "height": slide.height,
        "mpp": slide.mpp,
        "mpp_source": slide.mpp_source,
        "reader": slide.reader,
        "step0": grid.step0,
        "side0": grid.side0,
    }


def pictures_of(thumbnail: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]) -> tuple[bytes, bytes]:
    """Thumbnail, uint8 (h, w, 3), as JPEG and tissue mask, bool (h, w), as PNG of one bit."""
    jpeg = simplejpeg.encode_jpeg(np.ascontiguousarray(thumbnail), quality=85, colorspace="RGB")
    _, png = cv2.imencode(".png", mask.astype(np.uint8) * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])
    return bytes(jpeg), png.tobytes()


def save_pictures(workspace: Workspace, slide_id: int, thumbnail: bytes, mask: bytes) -> None:
    """Write both pictures to the slide's folder."""
    folder = workspace.slide_folder(slide_id)
    files.write_bytes(folder / "thumbnail.jpg", thumbnail)
    files.write_bytes(folder / "mask.png", mask)
