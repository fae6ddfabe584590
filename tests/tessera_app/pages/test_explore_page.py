"""Explore without a browser: what the workbench asks for, and what it is told."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy as np
import param
import pytest
from tessera.curate.curated import curated_clustering
from tessera.curate.decisions.decide import merge_clusters, move_tiles, name_cluster
from tessera.curate.decisions.history import history
from tessera.curate.decisions.state import state_of
from tessera.errors import AccessError, DecisionError
from tessera.runs import control
from tessera.workspace.people import Role
from tessera_app import access, address
from tessera_app.bar import Bar
from tessera_app.http import bench_routes
from tessera_app.pages.explore.decided import number_keys, progress
from tessera_app.pages.explore.page import ExplorePage
from tessera_app.store import CHOOSE, PAGES, Store

from tests.tessera.planted import RUN, Planted

ME = "Dr Virchow"


@pytest.fixture
def store(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("TESSERA_WORKSPACE", str(planted.workspace.root))
    return Store(page=PAGES.index("explore"), author=ME)


def ask(page: ExplorePage, *asks: dict[str, Any]) -> dict[str, Any]:
    """Ask as the browser does: all that waits, in one list."""
    bench = page._bench
    last = int(bench.answered.get("n", 0))
    with param.parameterized.discard_events(bench):
        bench.asks = [{**one, "n": last + 1 + i} for i, one in enumerate(asks)]
    asyncio.run(page._asked(None))
    answered: dict[str, Any] = bench.answered
    return answered


def said(planted: Planted) -> list[tuple[str, int, str]]:
    return [(d.kind, d.cluster, d.value) for d in history(planted.workspace, RUN)]


def test_decisions_that_come_together_are_all_made_in_their_order(store: Store, planted: Planted) -> None:
    page = ExplorePage(store)
    answer = ask(
        page,
        {"do": "name", "clusters": [0], "name": "stroma"},
        {"do": "name", "clusters": [3], "name": "n" * 300},
        {"do": "mark", "clusters": [6], "mark": "artefact"},
        {"do": "name", "clusters": [9, 12], "name": "fat"},
    )
    assert answer["n"] == 4
    assert list(answer["errors"]) == ["2"]
    assert "80 printable" in answer["errors"]["2"]
    assert said(planted) == [("name", 0, "stroma"), ("mark", 6, "artefact"), ("name", 9, "fat")]
    assert {d.author for d in history(planted.workspace, RUN)} == {ME}
    assert page._bench.decided["names"] == {"0": "stroma", "9": "fat", "12": "fat"}
    assert page._bench.decided["slots"] == ["stroma", "fat"]
    answer = ask(page, {"do": "undo", "decision": None})
    assert answer["open"] == 9  # undo goes back there
    assert 'clusters 9, 12 called "fat"' in answer["said"]
    assert page._bench.decided["names"] == {"0": "stroma"}


def test_who_may_only_look_can_write_nothing(store: Store, planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access.ACCESS, "role", lambda: Role.VIEWER)
    monkeypatch.setattr(access.ACCESS, "user", lambda: "osler")
    page = ExplorePage(store)
    every = ("name", "mark", "note", "merge", "divide", "out", "move", "keep", "undo", "redo", "nonsense")
    asks = [{"do": kind, "clusters": [0, 3], "name": "x", "tiles": [1], "to": 3, "parts": 2} for kind in every]
    answer = ask(page, *asks)
    assert len(answer["errors"]) == len(every)
    assert all("may look but not change" in text for text in answer["errors"].values())
    assert history(planted.workspace, RUN) == []
    with pytest.raises(AccessError):
        access.require_command("recluster")


def test_two_people_name_one_cluster_in_the_same_second(store: Store, planted: Planted) -> None:
    one, other = ExplorePage(store), ExplorePage(Store(page=PAGES.index("explore"), author="Dr Osler"))
    ask(one, {"do": "name", "clusters": [0], "name": "stroma"})
    ask(other, {"do": "name", "clusters": [0], "name": "tumour"})
    store.poll()
    assert one._bench.decided["names"] == other._bench.decided["names"] == {"0": "tumour"}
    assert [(d.author, d.value) for d in history(planted.workspace, RUN)] == [(ME, "stroma"), ("Dr Osler", "tumour")]
    assert ask(one, {"do": "undo", "decision": None})["errors"] == {}  # each takes back their own
    assert state_of(planted.workspace, RUN).names == {0: "tumour"}


def test_it_opens_what_wins_most_and_follows_merges(store: Store, planted: Planted) -> None:
    ids, sizes = np.unique(planted.labels[2][planted.labels[2] >= 0], return_counts=True)
    page = ExplorePage(store)
    assert store.cluster == page._bench.cluster == ids[sizes.argmax()]
    store.cluster = 3
    merge_clusters(planted.workspace, RUN, 2, [0, 3], author=ME)
    store.poll()
    assert page._bench.cluster == 0  # the one that took it in
    store.cluster = -1
    assert page._bench.cluster == -1  # nothing open is a choice
    store.cluster = 777
    assert page._bench.cluster in ids


def test_a_run_that_vanishes_and_one_without_clusters(store: Store, planted: Planted) -> None:
    page = ExplorePage(store)
    control.create(planted.workspace, control.get(planted.workspace, RUN).config, "fresh")
    store.run = "fresh"
    assert page._bench.source == {}  # not those of another run
    assert "fresh has no clusters yet" in page._bench.empty["title"]
    with planted.workspace.ledger.write() as connection:
        connection.execute("UPDATE run SET state = 'failed', message = 'out of memory' WHERE name = 'fresh'")
    store.poll()
    assert page._bench.empty == {
        **page._bench.empty,
        "title": "fresh failed before its first clusters",
        "text": "out of memory",
    }
    with planted.workspace.ledger.write() as connection:
        connection.execute("DELETE FROM run WHERE name = 'fresh'")
    store.poll()
    assert store.run == RUN
    assert page._bench.source["run"] == RUN
    assert address.query(store).startswith(f"?page=explore&run={RUN}")


def test_the_address_says_what_is_looked_at(store: Store, planted: Planted) -> None:
    store.param.update(cluster=6, tile=5, interval=1, dark=True, map_window=[0.1, -0.2, 3.0])
    written = address.query(store)
    assert written == f"?page=explore&run={RUN}&interval=1&cluster=6&tile=5&map=0.1%2C-0.2%2C3&dark=true"
    other = Store()
    address.go(other, written)
    assert address.query(other) == written
    bar = Bar(store, [page.title() for page in PAGES])
    assert bar._bar.address == written
    bar._bar.went = {"n": 1, "search": "?page=cohort&cluster=none"}
    assert (bar._bar.arrived, bar._bar.address) == (1, f"?page=cohort&run={RUN}&cluster=none&dark=true")
    assert (store.page, store.cluster, store.tile, store.interval) == (0, -1, -1, -1)
    for wrong in ("?page=nowhere&cluster=x&tile=1.5&interval=-9&map=a,b", "?page=99&cluster=" + "9" * 40, "nonsense"):
        address.go(store, wrong)
        assert (store.page, store.cluster, store.tile, store.map_window) == (0, CHOOSE, -1, [])


def test_the_bar_chooses_run_and_clustering(store: Store, planted: Planted) -> None:
    bar = Bar(store, [page.title() for page in PAGES])._bar
    assert (bar.run, bar.interval, [one["interval"] for one in bar.clusterings]) == (RUN, 2, [2, 1, 0])
    bar.interval = 1
    assert store.shown[1] == 1
    bar.interval = 2
    assert store.interval == -1  # the last one, also when another comes
    name_cluster(planted.workspace, RUN, 2, 0, "stroma", author=ME)
    store.poll()
    assert bar.progress["named"] == 1
    n = int((planted.labels[2] == 0).sum())
    assert bar.progress["share"] == pytest.approx(n / (planted.labels[2] >= 0).sum())


def test_artefacts_count_as_named(store: Store, planted: Planted) -> None:
    page = ExplorePage(store)
    ask(page, {"do": "mark", "clusters": [0], "mark": "artefact"})
    clustering = store.clustering()
    assert clustering is not None
    assert progress(clustering, store.decided())["named"] == 1


def test_a_number_keeps_its_name_and_the_tenth_replaces_the_one_unused_longest(planted: Planted) -> None:
    for i in range(9):
        name_cluster(planted.workspace, RUN, 2, 0, f"name {i}", author=ME)
    name_cluster(planted.workspace, RUN, 2, 3, "name 0", author=ME)
    slots, _ = number_keys(history(planted.workspace, RUN))
    assert slots == [f"name {i}" for i in range(9)]
    name_cluster(planted.workspace, RUN, 2, 3, "tenth", author=ME)
    slots, _ = number_keys(history(planted.workspace, RUN))
    assert slots == ["name 0", "tenth", *(f"name {i}" for i in range(2, 9))]


def test_figures_of_the_list_and_of_a_cluster_of_one_tile(planted: Planted) -> None:
    workspace = planted.workspace
    everything_but_one = np.flatnonzero(planted.labels[2] == 15)[1:]
    if len(everything_but_one):
        move_tiles(workspace, RUN, 2, everything_but_one, to=0, author=ME)
    labels = curated_clustering(workspace, RUN, 2).labels
    listed = json.loads(bench_routes.clusters(workspace, RUN, "2")[0])
    sizes = {row["id"]: row["size"] for row in listed["clusters"]}
    ids, counts = np.unique(labels[labels >= 0], return_counts=True)
    assert sizes == dict(zip(ids.tolist(), counts.tolist(), strict=True))
    assert sizes[15] == 1
    for row in listed["clusters"]:
        assert len(row["tiles"]) == min(3, row["size"])
        assert set(labels[row["tiles"]].tolist()) == {row["id"]}
    alone = json.loads(bench_routes.gallery(workspace, RUN, "2", "15")[0])
    assert alone["n"] == 1
    assert json.loads(bench_routes.nearby(workspace, RUN, "2")[0])["purity"]["15"] is None
    with pytest.raises(DecisionError, match="too few to split"):
        bench_routes.parts(workspace, RUN, "2", "15", "2")


def test_what_was_opened_late_does_not_come_back(store: Store) -> None:
    """Callbacks of one session run in threads: the list has opened the next cluster while the first is still shown."""
    pages: list[ExplorePage] = []

    def opens_the_next(event: Any) -> None:
        if pages and event.new == 3:
            with param.parameterized.discard_events(pages[0]._bench):
                pages[0]._bench.cluster = 6  # as the browser does, before anybody has heard of it

    store.param.watch(opens_the_next, "cluster")  # before the page hears of it
    page = ExplorePage(store)
    pages.append(page)
    opened: list[int] = []
    page._bench.param.watch(lambda event: opened.append(event.new), "cluster")
    page._bench.cluster = 3
    assert opened == [3]  # the browser is not sent back to it
    page._bench.cluster = 777
    assert page._bench.cluster == store.cluster != 777


def test_the_map_is_lit_without_choosing(store: Store) -> None:
    page = ExplorePage(store)
    store.cluster = 3
    assert page._map.highlight == 3
    page._map.highlight = 6  # a label of the map was clicked
    assert (store.cluster, page._bench.cluster) == (6, 6)
    page._map.highlight = -1  # the ground
    assert store.cluster == -1
