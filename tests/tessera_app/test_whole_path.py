"""The whole path in a real browser on a real slide (a drawn one where there is no shared data)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import expect
from tessera.config import IngestConfig
from tessera.curate.decisions import decide
from tessera.demo.demo import data_folder
from tessera.demo.synthetic import draw_slide
from tessera.explore.projection import project
from tessera.ingest.pipeline import ingest
from tessera.runs import control
from tessera.workspace.folder import Workspace
from tessera_app.pages.run.labels import label_of

SHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"


def a_slide(folder: Path) -> Path:
    real = data_folder() / "slides" / "CMU-1-Small-Region.svs"
    return real if real.is_file() else draw_slide(folder / "drawn.svs", seed=1, width=2400, height=2400).path


def fill(page: Any, css: str, value: str) -> None:
    field = page.locator(f".{css} input").first
    field.fill(value)
    field.press("Tab")


@pytest.mark.browser
def test_from_slide_to_named_tile_set(offline_page: Any, serve: Any, tmp_path: Path) -> None:
    page, workspace = offline_page, Workspace.create(tmp_path / "workspace")
    SHOTS.mkdir(parents=True, exist_ok=True)
    ingest(workspace, [a_slide(tmp_path)], IngestConfig(tile_px=112, mpp=1.0 / 2, max_tiles_per_slide=200))
    address = serve(workspace.root)
    page.goto(address)
    expect(page.locator(".card .badge")).to_have_text("done")
    page.screenshot(path=SHOTS / "1-cohort.png")

    page.get_by_role("link", name="Run").click()
    page.get_by_text("No run yet").wait_for()
    entered = {"clustering.clusters": "6", "epochs": "3", "encoder.name": "tiny", "tile_px": "32", "batch_size": "32"}
    page.locator(".ts-preset").get_by_text("Standard").click()
    page.locator(".ts-more-settings").get_by_text("Advanced").click()
    for key, value in entered.items():
        fill(page, f"ts-set-{key.replace('.', '-')}", value)
        expect(page.locator(".ts-changed")).to_contain_text(f"{label_of(key)}\u00a0{value}")
    page.locator(".ts-start button").click()
    expect(page.locator(".badge").filter(has_text="finished")).to_be_visible(timeout=120_000)
    page.screenshot(path=SHOTS / "2-run.png")
    shown = (
        "Bokeh.documents.flatMap(d => [...d._all_models.values()]).filter(m => m.type === 'ColumnDataSource').map(m "
        "=> m.data.y?.length ?? 0)"
    )
    assert page.evaluate(shown).count(3) >= 2  # NMI and AMI have three points
    expect(page.locator(".ts-start button")).to_be_enabled()
    assert len([m for m in control.metrics(workspace, "run-1") if m.name == "nmi"]) == 3

    project(workspace, "run-1")
    page.get_by_role("link", name="Explore").click()
    page.locator(".ts-map[data-ready='200'], .ts-map[data-ready]").wait_for()
    page.locator(".ts-bench .gal[data-ready] .gt").first.dblclick()
    page.locator(".drawer .frame").wait_for()
    page.keyboard.press("Escape")
    page.locator("input.ts-author").fill("Dr Virchow")
    page.locator(".ts-bench .combo .name").fill("dermis")
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".ts-bench[data-pending='0'] .crow.open")).to_contain_text("dermis")
    expect(page.locator(".ts-progress")).to_contain_text("1 of")
    page.screenshot(path=SHOTS / "3-explore.png", full_page=True)

    page.reload()
    expect(page.locator(".ts-bench .combo .name")).to_have_value("dermis")
    assert [decision.author for decision in decide.history(workspace, "run-1")] == ["Dr Virchow"]

    page.get_by_role("link", name="Export").click()
    page.locator(".ts-export button").click()
    expect(page.locator(".ts-export-row .badge").first).to_have_text("done")
    page.screenshot(path=SHOTS / "4-export.png")
    folder = workspace.root / "exports" / "tile-set"
    manifest = pq.read_table(folder / "manifest.parquet").to_pylist()
    assert manifest
    assert all((folder / row["file"]).is_file() and row["name"] == "dermis" for row in manifest)
    provenance = json.loads((folder / "provenance.json").read_text())
    assert provenance["n_tiles"] == len(manifest)
    assert provenance["decisions"][0]["author"] == "Dr Virchow"


@pytest.mark.browser
def test_an_empty_workspace_says_what_to_do(offline_page: Any, serve: Any, tmp_path: Path) -> None:
    address = serve(Workspace.create(tmp_path / "workspace").root)
    offline_page.goto(address)
    expect(offline_page.get_by_text("No slides yet")).to_be_visible()
    for tab, text in {
        "Run": "No run yet",
        "Explore": "Nothing has been grouped yet",
        "Export": "Nothing to export yet",
    }.items():
        offline_page.get_by_role("link", name=tab).click()
        expect(offline_page.get_by_text(text)).to_be_visible()
