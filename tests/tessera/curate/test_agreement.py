from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from tessera.curate.agreement import agreement, cohen_kappa, read_cluster, readers
from tessera.curate.decisions import decide
from tessera.curate.decisions.decide import merge_clusters, name_cluster
from tessera.curate.decisions.undo import undo
from tessera.errors import DecisionError
from tessera.workspace.folder import Workspace


def test_a_blind_reading_changes_no_name_and_is_compared(ready: Workspace) -> None:
    for cluster, name in enumerate(["fat", "tumour", "tumour", "stroma"]):
        name_cluster(ready, "r", 1, cluster, name, author="first")
    for cluster, label in enumerate(["Fat", "tumour", "stroma", "stroma", "necrosis"]):
        read_cluster(ready, "r", 1, cluster, label, author="second")
    assert decide.names(ready, "r") == {0: "fat", 1: "tumour", 2: "tumour", 3: "stroma"}
    found = agreement(ready, "r", "first", "second")
    assert (found.n_clusters, found.observed) == (4, 0.75)
    assert found.disagreements == ((2, "tumour", "stroma"),)
    assert found.kappa == pytest.approx(cohen_kappa_score([0, 1, 1, 2], [0, 1, 2, 2]))
    assert readers(ready, "r") == ["first", "second"]
    merge_clusters(ready, "r", 1, [2, 4, 5], author="first")  # 60 tiles disagree now, 60 agree
    tiles = agreement(ready, "r", "first", "second").kappa_tiles
    assert tiles == pytest.approx(cohen_kappa_score([0, 1, 1, 2], [0, 1, 2, 2], sample_weight=[20, 20, 60, 20]))
    for _ in range(5):
        undo(ready, "r", author="second")
    with pytest.raises(DecisionError, match="no cluster in common"):
        agreement(ready, "r", "first", "second")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=30), st.integers(0, 9))
def test_kappa_equals_that_of_scikit_learn(pairs: list[tuple[str, str]], seed: int) -> None:
    weights = np.random.default_rng(seed).uniform(0.5, 3, len(pairs))
    if len({label for pair in pairs for label in pair}) == 1:
        assert math.isnan(cohen_kappa(pairs))
    else:
        first, second = zip(*pairs, strict=True)
        assert cohen_kappa(pairs, weights) == pytest.approx(cohen_kappa_score(first, second, sample_weight=weights))
