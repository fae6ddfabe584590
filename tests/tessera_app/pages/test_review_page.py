"""The Review page in a real browser: proposals accepted, names that no longer fit, two blind readers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect
from tessera.config import RunConfig
from tessera.curate.agreement import agreement, read_cluster
from tessera.curate.curated import curated_clustering
from tessera.curate.decisions.decide import name_cluster
from tessera.curate.decisions.history import history
from tessera.curate.decisions.state import state_of
from tessera.curate.propagate import proposals
from tessera.runs import control
from tessera.workspace.run_folder import Clusters

from tests.tessera.planted import RUN, Planted

SHOTS = Path(__file__).resolve().parents[3] / "build" / "screenshots"


def names(planted: Planted, interval: int, said: dict[int, str], author: str = "Dr Virchow") -> None:
    for cluster, name in said.items():
        name_cluster(planted.workspace, RUN, interval, cluster, name, author=author)


def open_review(page: Any, address: str, part: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.goto(f"{address}?page=4&run={RUN}")
    page.get_by_role("tab", name=part).click()


@pytest.mark.browser
def test_a_proposal_is_made_looked_at_and_accepted(offline_page: Any, serve: Any, planted: Planted) -> None:
    page, workspace = offline_page, planted.workspace
    names(planted, 2, {0: "stroma", 3: "tumour"})
    open_review(page, serve(workspace.root), "From a few names")
    page.locator(".ts-propose button").click()
    expect(page.locator(".ts-proposed").get_by_text("stroma")).to_be_visible()
    (id,) = proposals(workspace, RUN)
    page.locator(".ts-proposed-tiles button.ts-tile").first.wait_for()
    page.screenshot(path=SHOTS / "7-proposals.png", full_page=True)
    before = (curated_clustering(workspace, RUN, 2).labels == 0).sum()
    assert [d.kind for d in history(workspace, RUN)] == ["name", "name"]  # looking changes nothing
    page.locator(".ts-accept-all button").click()
    expect(page.get_by_text("Accepted.")).to_be_visible()
    moved = [d for d in history(workspace, RUN) if d.kind == "move"]
    assert moved
    assert {d.payload["proposal"] for d in moved} == {id}
    after = (curated_clustering(workspace, RUN, 2).labels == 0).sum()
    assert after - before == sum(d.payload["n"] for d in moved if d.cluster == 0)
    expect(page.locator(".ts-accept-all button")).to_be_disabled()


@pytest.mark.browser
def test_names_that_no_longer_fit_and_names_of_another_run(offline_page: Any, serve: Any, planted: Planted) -> None:
    page, workspace = offline_page, planted.workspace
    names(planted, 0, {0: "stroma", 3: "tumour"})  # clustering 0 was a shuffled one
    labels = planted.labels[2].copy()
    labels[labels == 9] = 6  # one cluster of the other run is two of this one
    control.create(workspace, RunConfig.of({"clustering.clusters": 4}, epochs=0), "other")
    folder = workspace.run_folder("other")
    ids, sizes = np.unique(labels[labels >= 0], return_counts=True)
    folder.save_distances(0, planted.distances)
    folder.save_interval(0, labels, Clusters(ids, sizes, np.zeros((len(ids), 1), np.float32)))
    with workspace.ledger.write() as connection:
        connection.execute("UPDATE run SET interval = 0, state = 'finished' WHERE name = 'other'")
    name_cluster(workspace, "other", 0, 6, "fat", author="Dr Virchow")

    open_review(page, serve(workspace.root), "Names to check")
    questions = page.locator(".ts-question")
    expect(questions).to_have_count(2)
    page.screenshot(path=SHOTS / "8-names-to-check.png", full_page=True)
    questions.filter(has_text="stroma").get_by_role("button", name="Keep stroma").click()
    expect(questions).to_have_count(1)
    questions.filter(has_text="tumour").get_by_role("button", name="Take it away").click()
    expect(page.get_by_text("Every name was given")).to_be_visible()
    assert state_of(workspace, RUN).names == {0: "stroma"}
    page.locator(".ts-carry button").click()
    expect(page.get_by_text("names copied from other")).to_be_visible()
    assert state_of(workspace, RUN).names == {0: "stroma", 6: "fat", 9: "fat"}


@pytest.mark.browser
def test_a_second_reader_sees_no_names_and_agreement_is_measured(
    offline_page: Any, serve: Any, planted: Planted
) -> None:
    page, workspace = offline_page, planted.workspace
    order = [
        int(c) for c in sorted({*planted.labels[2].tolist()} - {-1}, key=lambda c: -(planted.labels[2] == c).sum())
    ]
    names(planted, 2, {order[0]: "stroma", order[1]: "tumour"})
    for cluster in order[2:]:
        read_cluster(workspace, RUN, 2, cluster, "other", author="Dr Osler")
    open_review(page, serve(workspace.root), "Blind second reader")
    page.locator(".ts-review-author input").fill("Dr Osler")
    page.locator(".ts-review-author input").press("Tab")
    expect(page.locator(".ts-read")).to_have_text(f"{len(order) - 2} of {len(order)} clusters read.")
    page.locator(".ts-read-tiles button.ts-tile").first.wait_for()
    assert "stroma" not in page.locator("body").inner_text()
    for n, label in enumerate(("Stroma", "fat")):
        page.locator(".ts-read-label input").fill(label)
        page.locator(".ts-read-label input").press("Tab")
        page.locator(".ts-read-next button").click()
        if n == 0:
            expect(page.locator(".ts-read")).to_have_text(f"{len(order) - 1} of {len(order)} clusters read.")
    expect(page.get_by_text("You have read all clusters.")).to_be_visible()
    assert state_of(workspace, RUN).names == {order[0]: "stroma", order[1]: "tumour"}  # a reading names nothing
    found = agreement(workspace, RUN, "Dr Virchow", "Dr Osler", 2)
    assert (found.n_clusters, found.observed, found.disagreements) == (2, 0.5, ((order[1], "tumour", "fat"),))
    expect(page.locator(".ts-agreement").get_by_text("50%")).to_be_visible()
    expect(page.locator(".ts-agreement").get_by_text("tumour")).to_be_visible()
    page.screenshot(path=SHOTS / "9-second-reader.png", full_page=True)


@pytest.mark.browser
def test_the_tiles_are_clustered_anew_and_clusterings_compared(offline_page: Any, serve: Any, planted: Planted) -> None:
    page, workspace = offline_page, planted.workspace
    open_review(page, serve(workspace.root), "Other clusterings")
    expect(page.locator(".ts-agreement").get_by_text(RUN, exact=True)).to_be_visible()
    page.locator(".ts-anew-k input").fill("4")
    page.locator(".ts-anew-k input").press("Tab")
    page.wait_for_timeout(1000)  # a busy server takes the number before the click
    page.locator(".ts-anew button").click()
    name = f"{RUN}-rcc-1"
    expect(page.locator(".ts-agreement").get_by_text(name, exact=True)).to_be_visible()
    made = control.get(workspace, name)
    assert (made.config.clustering.clusterer.name, made.config.clustering.clusters, made.config.source) == (
        "rcc",
        4,
        RUN,
    )
    page.locator(".ts-measure-stability button").click()
    expect(page.locator(".ts-agreement").get_by_text("of the method with itself")).to_be_visible()
    expect(page.get_by_text("This is being done")).to_be_hidden()
    page.screenshot(path=SHOTS / "7-other-clusterings.png", full_page=True)
    wanted, ends = {"stability_drift", "stability_seed"}, time.monotonic() + 120
    while not wanted <= {metric.name for metric in control.metrics(workspace, name)}:
        assert time.monotonic() < ends, "steadiness was never measured"
        page.wait_for_timeout(200)
    page.get_by_role("button", name=name).click()
    expect(page.locator(".ts-open-name")).to_be_visible()
    assert f"run={name}" in page.url
