"""The cohort page while an archive streams in: what it says, and that its buttons reach the ingest."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stamina
from playwright.sync_api import expect
from tessera.demo.synthetic import draw_slide
from tessera.ingest.archive.ledger import StreamLedger
from tessera.workspace.activity import failed_unseen, recent
from tessera.workspace.folder import Workspace
from tessera_app.pages.cohort.archive import describe, failure, trouble_title
from tessera_app.pages.cohort.archive_facts import fingerprint, read_stream

from tests.standins.gdc_server import Fault, StandIn
from tests.tessera.ingest.streaming import SMALL, run, settings

SHOTS = Path(__file__).resolve().parents[3] / "build" / "screenshots"


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn() as server:
        for i in range(3):
            slide = draw_slide(tmp_path / f"{i}.svs", seed=i, width=768, height=640, regions=4).path
            server.add(f"TCGA-A{i}-000{i}-01Z-00-DX1.svs", slide.read_bytes())
        server.add("TCGA-B1-0001-01Z-00-DX1.svs", b"II*\0 no slide")
        server.add("TCGA-B2-0002-01Z-00-DX1.svs", b"II*\0 no slide either")
        stamina.set_testing(True, attempts=1000)
        yield server
        stamina.set_testing(False)


def test_a_workspace_without_an_archive_shows_nothing(workspace: Workspace) -> None:
    assert fingerprint(workspace) is None
    assert read_stream(workspace) is None


def test_states_budgets_and_time_left_are_said(workspace: Workspace, archive: StandIn) -> None:
    config = settings(archive, slide_budget=12_000_000, tile_budget=2_000_000_000)
    run(workspace, config)
    before = fingerprint(workspace)
    ledger = StreamLedger(workspace)
    ledger.begin("GDC <TCGA>", SMALL, config)
    ledger.say(next(iter(archive.entries)), "queued")
    with workspace.ledger.write() as connection:
        connection.execute("UPDATE remote_slide SET state = 'queued' WHERE name LIKE 'TCGA-B1%'")
    ledger.report({}, state="running", rate=2.0, slides_held=6_000_000, high_water=9_000_000, tiles_kept=1_000_000_000)
    assert fingerprint(workspace) != before
    facts = read_stream(workspace)
    assert facts is not None
    assert facts.left_s == 13 / 2
    assert facts.unfinished == 1
    text = describe(facts)
    assert "GDC &lt;TCGA&gt;" in text
    assert "3 of 5" in text
    assert "6.0 MB</b> of 12.0 MB" in text
    assert "1.0 GB</b> of 2.0 GB" in text
    assert "at most 9.0 MB so far" in text
    assert "about 6 s" in text
    assert "phs000178" in text
    assert [(state, n) for state, _, n, _ in facts.troubles] == [("failed", 1)]
    assert trouble_title(facts.troubles) == "1 slide of the archive could not be added"
    with workspace.ledger.write() as connection:
        connection.execute("UPDATE remote_slide SET state = 'downloading' WHERE state = 'queued'")
    going = read_stream(workspace)
    assert going is not None
    assert "being fetched 1" in describe(going)
    ledger.report({}, state="stopped")
    stopped = read_stream(workspace)
    assert stopped is not None
    assert "partly fetched 1" in describe(stopped)


def test_an_attempt_to_go_on_that_came_to_nothing_is_said(workspace: Workspace) -> None:
    assert failure(recent(workspace), 0) == ""
    failed_unseen(workspace, "ingest", 1, since=100, message="ended <at once>")
    assert "ended &lt;at once&gt;" in failure(recent(workspace), 99)
    assert failure(recent(workspace), 101) == ""  # another has begun since


@pytest.mark.browser
def test_pause_resume_and_retry_on_the_page(offline_page: Any, serve: Any, tmp_path: Path, archive: StandIn) -> None:
    page, workspace = offline_page, Workspace.create(tmp_path / "workspace")
    SHOTS.mkdir(parents=True, exist_ok=True)
    ids = list(archive.entries)
    archive.script(ids[1], Fault("stall", after=60_000))
    config = settings(archive, read_timeout_s=600)
    worker = threading.Thread(target=run, args=(workspace, config), daemon=True)
    worker.start()
    page.goto(serve(workspace.root))
    trouble = page.locator(".ts-stream-troubles")
    expect(trouble).to_contain_text("2 slides of the archive could not be added")
    expect(page.locator(".ts-stream-states")).to_contain_text("being fetched 1")
    page.screenshot(path=SHOTS / "stream-running.png", full_page=True)
    page.locator(".ts-stream-retry button").first.click()
    expect(page.locator(".ts-stream-states")).to_contain_text("failed 2")
    page.locator(".ts-stream-pause button").click()
    expect(page.locator(".ts-stream .badge").first).to_have_text("paused")
    page.screenshot(path=SHOTS / "stream-paused.png", full_page=True)
    page.locator(".ts-stream-resume button").click()
    worker.join(60)
    assert not worker.is_alive()
    assert archive.gets(ids[1])[1].headers["range"].startswith("bytes=")
    assert len(archive.gets(ids[3])) + len(archive.gets(ids[4])) >= 3
    expect(page.locator(".ts-stream .badge").first).to_have_text("finished")
    expect(page.locator(".card .badge").first).to_have_text("done")
    page.screenshot(path=SHOTS / "stream-finished.png", full_page=True)


@pytest.mark.browser
def test_a_slide_without_a_resolution_is_cut_with_the_one_that_is_said(
    offline_page: Any, serve: Any, tmp_path: Path
) -> None:
    page, workspace = offline_page, Workspace.create(tmp_path / "workspace")
    slide = draw_slide(tmp_path / "no-mpp.svs", seed=9, width=768, height=640, mpp=None).path
    with StandIn() as server:
        server.add("TCGA-OL-A5RX-01Z-00-DX1.svs", slide.read_bytes())
        run(workspace, settings(server))
        page.goto(serve(workspace.root))
        trouble = page.locator(".ts-stream-troubles")
        expect(trouble).to_contain_text("records no resolution")
        page.locator(".ts-stream-retry button").click()
        expect(page.get_by_text("enter the size of a pixel")).to_be_visible()
        page.locator(".ts-stream-mpp input").fill("0.5")
        page.locator(".ts-stream-mpp input").press("Tab")
        page.screenshot(path=SHOTS / "stream-no-resolution.png", full_page=True)
        page.locator(".ts-stream-retry button").click()
        expect(page.locator(".card .badge").first).to_have_text("done", timeout=90_000)
    assert workspace.n_tiles() > 0
