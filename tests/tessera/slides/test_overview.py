"""Overviews of slides that have no pyramid are made without holding the whole level."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from tessera.demo.synthetic import draw_slide
from tessera.slides import reader
from tessera.slides.reader import Slide


@pytest.mark.parametrize("compression", ["jpeg", None])
def test_a_level_too_large_to_hold_is_shrunk_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compression: str | None
) -> None:
    pyramid = draw_slide(tmp_path / "pyramid.svs", seed=3, width=3000, height=2200).path
    with Slide(pyramid) as slide:
        pixels, _ = slide.pixels(1.0)
        whole = pixels.read(0, 0, slide.width, slide.height)
        pixels.close()
    flat = tmp_path / "flat.tif"
    tifffile.imwrite(flat, whole, tile=(256, 256), compression=compression, photometric="rgb", metadata=None)
    monkeypatch.setattr(reader, "_WHOLE_LEVEL_PX", 1_000_000)
    with Slide(flat) as slide:
        seen = slide.thumbnail()
    height, width = whole.shape[:2]
    assert seen.shape == (round(height * 512 / width), 512, 3)
    expected = cv2.resize(whole, (512, seen.shape[0]), interpolation=cv2.INTER_AREA)
    assert np.abs(seen.astype(int) - expected).mean() < 4
