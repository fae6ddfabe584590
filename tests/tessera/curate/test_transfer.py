from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tessera.curate.decisions.decide import mark_cluster, merge_clusters, name_cluster
from tessera.curate.decisions.history import history
from tessera.curate.decisions.state import state_of
from tessera.curate.transfer import carry_over, drifted, suggest
from tessera.runs import control
from tessera.workspace.folder import Workspace
from tessera.workspace.run_folder import Clusters

from tests.tessera.curate.conftest import N, make_run

ME = "Dr Virchow"


def test_names_and_marks_go_where_their_tiles_went(ready: Workspace) -> None:
    name_cluster(ready, "r", 1, 0, "fat", author=ME)
    name_cluster(ready, "r", 1, 1, "tumour", author=ME)
    name_cluster(ready, "r", 1, 2, "tumour", author=ME)
    mark_cluster(ready, "r", 1, 5, "artefact", author=ME)
    old = np.arange(N) % 6
    # 10 = fat; 11 = both kinds of tumour; 12 = half fat-less mix; 13 = artefact
    new = np.choose(old, [10, 11, 11, 12, 12, 13]).astype(np.int32)
    new[np.flatnonzero(old == 1)[:8]] = 12  # 8 of 48 tiles in 12 were tumour: too few to ask
    new[np.flatnonzero(old == 0)[:9]] = 13  # 9 of 29 tiles in 13 were fat: ask
    make_run(ready, "again", new)
    unsure = carry_over(ready, ("r", None), ("again", None), author=ME)
    state = state_of(ready, "again")
    assert state.names == {10: "fat", 11: "tumour"}
    assert state.marks == {13: "artefact"}
    assert [(s.cluster, s.kind, s.value, round(s.share, 3)) for s in unsure] == [(13, "name", "fat", round(9 / 29, 3))]
    assert history(ready, "again")[0].payload["carried"]["run"] == "r"
    name_cluster(ready, "again", 1, 13, "pen", author=ME)
    assert carry_over(ready, ("r", None), ("again", None), author=ME) == []
    assert len(history(ready, "again")) == 4  # nothing is said twice, nothing overwritten


def test_carrying_respects_what_was_merged(ready: Workspace) -> None:
    merge_clusters(ready, "r", 1, [2, 3], author=ME)
    name_cluster(ready, "r", 1, 2, "stroma", author=ME)
    make_run(ready, "again", (np.arange(N) % 6 + 20).astype(np.int32))
    assert carry_over(ready, ("r", None), ("again", None), author=ME) == []
    assert state_of(ready, "again").names == {22: "stroma", 23: "stroma"}


def test_a_name_on_a_cluster_that_has_changed_is_reported(ready: Workspace) -> None:
    name_cluster(ready, "r", 0, 0, "fat", author=ME)
    name_cluster(ready, "r", 0, 1, "tumour", author=ME)
    assert drifted(ready, "r") == []
    folder, labels = ready.run_folder("r"), (np.arange(N) % 6).astype(np.int32)
    labels[labels == 2] = 0
    labels[np.flatnonzero(labels == 0)[:5]] = 1
    kept = np.isin(labels, [0]) & (np.arange(N) % 6 == 0)
    ids, sizes = np.unique(labels, return_counts=True)
    folder.save_interval(2, labels, Clusters(ids, sizes, np.zeros((len(ids), 8), np.float32)))
    folder.save_distances(2, np.zeros(N))
    with ready.ledger.write() as connection:
        connection.execute("UPDATE run SET interval = 2")
    assert control.get(ready, "r").interval == 2
    found = drifted(ready, "r")
    assert [(s.cluster, s.value) for s in found] == [(0, "fat")]
    assert found[0].share == pytest.approx(kept.sum() / (labels == 0).sum())
    name_cluster(ready, "r", 2, 0, "fat", author=ME)  # somebody looked, and it still fits
    assert drifted(ready, "r") == []


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 200))
def test_suggestions_equal_counting_by_hand(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    old, new = (rng.integers(-1, 6, n).astype(np.int32) for _ in range(2))
    said = {0: "a", 1: "b", 2: "a", 5: "c"}
    found = {s.cluster: s for s in suggest(old, said, new)}
    for cluster in set(new[new >= 0].tolist()):
        members = old[new == cluster]
        shares = {v: np.mean([said.get(int(o)) == v for o in members]) for v in set(said.values())}
        best = max(shares.values())
        assert (cluster in found) == (best >= 0.25)
        if cluster in found:
            assert found[cluster].share == pytest.approx(best)
            assert shares[found[cluster].value] == pytest.approx(best)
            assert found[cluster].sure == (best >= 0.6)
