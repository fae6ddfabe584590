"""Stains of every colour are tissue, ink of the same colours is not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from tessera.config import IngestConfig
from tessera.ingest.pipeline import ingest
from tessera.slides.quality import Reason
from tessera.slides.stain import grain, guess_stain, without_colour
from tessera.workspace.folder import Workspace

from tests.tessera.slides.test_quality import GLASS, INKS, texture

# optical density of red, green, blue: dense structures, and the ground between them
STAINS = {
    "methyl green": ((0.55, 0.25, 0.3), (0.1, 0.05, 0.08)),
    "Masson": ((0.8, 0.5, 0.15), (0.2, 0.5, 0.4)),
    "Nissl": ((0.7, 0.75, 0.3), (0.05, 0.05, 0.02)),
    "Alcian blue": ((0.85, 0.4, 0.12), (0.1, 0.05, 0.03)),
    "DAB": ((0.27, 0.57, 0.78), (0.35, 0.25, 0.12)),
    "silver": ((0.6, 0.62, 0.65), (0.05, 0.06, 0.1)),
}
SMALL = IngestConfig(mpp=0.5, tile_px=64)


def stained(name: str) -> np.ndarray:
    base = np.tile(texture("tumour", 256), (3, 3, 1))[:640, :640]
    if name in ("H&E", "grey"):
        grey = cv2.cvtColor(base, cv2.COLOR_RGB2GRAY)
        return base if name == "H&E" else np.repeat(grey[..., None], 3, -1)
    if name == "fluorescence":
        return ((255 - np.clip(base.astype(int) + 10, 0, 255)) * [0.2, 0.6, 1]).astype(np.uint8)
    density = -np.log((base.astype(float) + 1) / 256).sum(-1)[..., None]
    dense, ground = STAINS[name]
    absorbed = np.clip(density - 0.35, 0, None) * dense + np.minimum(density, 0.35) * 1.2 * np.array(ground)
    return (np.exp(-absorbed) * GLASS).astype(np.uint8)


def write_slide(path: Path, tissue: np.ndarray, glass: int = GLASS) -> Path:
    whole = np.full((768, 768, 3), glass, np.uint8)
    whole[64:704, 64:704] = tissue
    tifffile.imwrite(path, whole, tile=(256, 256), photometric="rgb", resolution=(20000, 20000), resolutionunit=3)
    return path


@pytest.mark.parametrize("name", [*STAINS, "H&E", "grey", "fluorescence"])
def test_every_stain_gives_its_tiles(workspace: Workspace, tmp_path: Path, name: str) -> None:
    path = write_slide(tmp_path / "s.tif", stained(name), 4 if name == "fluorescence" else GLASS)
    report = ingest(workspace, [path], SMALL)
    assert report.tiles_added >= 90, report.summary()  # 100 positions are all tissue
    with workspace.ledger.read() as connection:
        stain, source = connection.execute("SELECT stain, stain_source FROM slide").fetchone()
    wanted = {"H&E": "he", "grey": "grey", "silver": "grey", "fluorescence": "fluorescence", "DAB": "ihc"}
    assert (stain, source) == (wanted.get(name, "special"), "guess")


@pytest.mark.parametrize("ink", INKS)
def test_ink_on_h_and_e_stays_ink(workspace: Workspace, tmp_path: Path, ink: str) -> None:
    tissue = stained("H&E").copy()
    tissue[256:384] = INKS[ink]  # a fifth of the tissue
    report = ingest(workspace, [write_slide(tmp_path / "s.tif", tissue)], SMALL)
    assert report.tiles_added <= 80
    with workspace.ledger.read() as connection:
        dropped = dict(connection.execute("SELECT reason, n FROM grid_count").fetchall())
    assert dropped[Reason.PEN.label] >= 20
    assert "look like pen marks" in dict(report.notes)["s.tif"]


def test_all_takes_every_position(workspace: Workspace, tmp_path: Path) -> None:
    path = write_slide(tmp_path / "s.tif", stained("H&E"))
    assert ingest(workspace, [path], IngestConfig(mpp=0.5, tile_px=64, tissue="all")).tiles_added == 144


def test_ink_has_no_grain_and_tissue_has() -> None:
    for colour in INKS.values():
        noisy = np.full((64, 64, 3), colour) + np.random.default_rng(0).normal(0, 6, (64, 64, 3))
        assert grain(np.clip(noisy, 0, 255).astype(np.uint8)) < 2
    assert grain(texture("tumour", 64)) > 4
    assert guess_stain([]) == "he"
    assert without_colour(np.full((64, 64, 3), 240, np.uint8)) == "grey"
