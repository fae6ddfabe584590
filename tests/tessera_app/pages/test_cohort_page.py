"""The cohort page's words: what an archive says of a slide, and cautions that are said once."""

from __future__ import annotations

from pathlib import Path

from tessera.config import IngestConfig
from tessera.demo.synthetic import draw_slide
from tessera.ingest.pipeline import ingest
from tessera.workspace.folder import Workspace
from tessera_app.pages.cohort.facts import read_cohort
from tessera_app.pages.cohort.page import card, coarse_words


def cohort(workspace: Workspace, folder: Path, names: list[str], mpp: float) -> None:
    for seed, name in enumerate(names):
        draw_slide(folder / f"{name}.svs", seed=seed, width=512, height=512, regions=4, mpp=mpp)
    ingest(workspace, sorted(folder.glob("*.svs")), IngestConfig(mpp=0.25, tile_px=64, threads=2))


def test_a_card_says_what_the_barcode_says(workspace: Workspace, tmp_path: Path) -> None:
    cohort(workspace, tmp_path, ["TCGA-E2-A1B2-01Z-00-DX1", "mine"], 0.25)
    with workspace.ledger.write() as connection:
        connection.execute("UPDATE slide SET project = 'TCGA-<BRCA>' WHERE patient != ''")
    facts = read_cohort(workspace)
    theirs, mine = (card(slide, "", facts.tile_mpp) for slide in sorted(facts.slides, key=lambda one: one.row["name"]))
    assert "TCGA-&lt;BRCA&gt; · patient TCGA-E2-A1B2 · site E2 · Primary Tumor" in theirs
    assert "ts-archive" not in mine
    assert coarse_words(facts) == ""
    assert "enlarged" not in mine


def test_slides_coarser_than_their_tiles_are_explained_once(workspace: Workspace, tmp_path: Path) -> None:
    cohort(workspace, tmp_path, ["a", "b"], 0.5)
    facts = read_cohort(workspace)
    assert "2 slides are coarser (up to 0.5 µm/px) than the tiles (0.25)" in coarse_words(facts)
    for slide in facts.slides:
        shown = card(slide, "", facts.tile_mpp)
        assert ">tiles enlarged 2.00 times</p>" in shown
        assert ">is coarser" not in shown
