"""The cohort page's words: what an archive says of a slide, and cautions that are said once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tessera.config import IngestConfig
from tessera.demo.synthetic import draw_slide
from tessera.ingest.pipeline import ingest
from tessera.workspace.folder import Workspace
from tessera_app.pages.cohort.cards import card, table
from tessera_app.pages.cohort.facts import read_cohort
from tessera_app.pages.cohort.page import CohortPage, coarse_words
from tessera_app.pages.cohort.slides import PER_PAGE, read_slides, without_flags
from tessera_app.store import Store


def cohort(workspace: Workspace, folder: Path, names: list[str], mpp: float) -> None:
    for seed, name in enumerate(names):
        draw_slide(folder / f"{name}.svs", seed=seed, width=512, height=512, regions=4, mpp=mpp)
    ingest(workspace, sorted(folder.glob("*.svs")), IngestConfig(mpp=0.25, tile_px=64, threads=2))


def test_a_card_says_what_the_barcode_says(workspace: Workspace, tmp_path: Path) -> None:
    cohort(workspace, tmp_path, ["TCGA-E2-A1B2-01Z-00-DX1", "mine"], 0.25)
    with workspace.ledger.write() as connection:
        connection.execute("UPDATE slide SET project = 'TCGA-<BRCA>' WHERE patient != ''")
    facts = read_cohort(workspace)
    theirs, mine = (
        card(slide, "", facts.tile_mpp)
        for slide in sorted(read_slides(workspace).slides, key=lambda one: one.row["name"])
    )
    assert "TCGA-&lt;BRCA&gt; · patient TCGA-E2-A1B2 · site E2 · Primary Tumor" in theirs
    assert "ts-archive" not in mine
    assert coarse_words(facts) == ""
    assert "enlarged" not in mine


def test_slides_coarser_than_their_tiles_are_explained_once(workspace: Workspace, tmp_path: Path) -> None:
    cohort(workspace, tmp_path, ["a", "b"], 0.5)
    facts = read_cohort(workspace)
    assert "2 slides are coarser (up to 0.5 µm/px) than the tiles (0.25)" in coarse_words(facts)
    assert "--" not in coarse_words(facts)
    for slide in read_slides(workspace).slides:
        shown = card(slide, "", facts.tile_mpp)
        assert ">tiles enlarged 2.00 times</p>" in shown
        assert ">is coarser" not in shown


def many(workspace: Workspace, n: int) -> None:
    """A cohort of n slides in the ledger."""
    rows = [
        (
            i,
            f"slide-{i:05d}.svs",
            f"/gone/{i}.svs",
            "failed" if i % 50 == 0 else "done",
            "not readable" if i % 50 == 0 else "",
            1000,
            0.25 if i % 2 else 0.5,
            f"P{i % 700}",
            "he" if i % 3 else "ihc",
            i,
            time.time(),
        )
        for i in range(1, n + 1)
    ]
    with workspace.ledger.write() as connection:
        connection.executemany(
            "INSERT INTO slide (id, name, path, kind, state, reason, width, height, mpp, mpp_source, patient, stain, "
            "stain_source,"
            " n_tiles, updated) VALUES (?1, ?2, ?3, 'slide', ?4, ?5, ?6, ?6, ?7, 'the file', ?8, ?9, 'guess', ?10, "
            "?11)",
            rows,
        )
        connection.executemany("INSERT INTO grid_count VALUES (?, 'kept', ?)", [(row[0], row[9]) for row in rows])


def test_every_one_of_five_thousand_slides_can_be_reached(workspace: Workspace) -> None:
    many(workspace, 5000)
    first = read_slides(workspace)
    assert (first.n, first.n_pages, len(first.slides)) == (5000, -(-5000 // PER_PAGE), PER_PAGE)
    seen = {one.row["id"] for page in range(first.n_pages) for one in read_slides(workspace, page=page).slides}
    assert seen == set(range(1, 5001))
    assert read_slides(workspace, page=10**6).page == first.n_pages - 1
    assert [one.row["name"] for one in read_slides(workspace, "04321").slides] == ["slide-04321.svs"]
    assert read_slides(workspace, "P12 ihc").n == sum(
        f"P{i % 700}".startswith("P12") and i % 3 == 0 for i in range(1, 5001)
    )
    assert read_slides(workspace, "100%_").n == 0  # what SQL takes for any letter is searched as it is
    assert read_slides(workspace, state="failed").n == 100
    assert read_slides(workspace, order="most tiles").slides[0].row["n_tiles"] == 5000
    assert read_slides(workspace, order="what needs a look").slides[0].row["state"] == "failed"


def test_the_page_turns_searches_and_shows_masks_when_asked(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(workspace, 120)
    monkeypatch.setenv("TESSERA_WORKSPACE", str(workspace.root))
    page = CohortPage(Store())
    assert page._body.object.count("class='card'") == PER_PAGE
    assert "1–48 of 120" in page._at.object
    assert "mask/" not in page._body.object
    page._layer.value = "Tissue"
    assert page._body.object.count("src='mask/") == PER_PAGE
    page._next.param.trigger("clicks")
    assert "49–96 of 120" in page._at.object
    page._search.value_input = "00007"
    assert page._body.object.count("class='card'") == 1
    assert "href='?page=3&slide=7'" in page._body.object
    page._as.value = "Table"
    for word in ("P7", "H&amp;E (guessed)", "0.250", "the file"):
        assert word in page._body.object
    page._search.value_input = "no such slide"
    assert "no slide found" in page._at.object


def test_reasons_speak_of_settings_and_not_of_command_lines(workspace: Workspace) -> None:
    text = "ingest it again with --default-mpp X, X in um per pixel; or --set max_pen=1"
    said = without_flags(text)
    assert said == "ingest it again with the setting “default mpp”, X in um per pixel; or setting “max pen” to 1"
    many(workspace, 3)
    with workspace.ledger.write() as connection:
        connection.execute(
            "UPDATE slide SET reason = 'no tissue: --min-tissue asks for less', name = '<b>' WHERE id = 2"
        )
    shown = read_slides(workspace, "tissue").slides
    assert "--min" not in card(shown[0], "", 0)
    assert "<b>" not in card(shown[0], "", 0)
    assert "--min" not in table(shown)
