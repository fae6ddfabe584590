"""Carry-over against the definition with loops; the ceiling against scikit-learn on labels that reach it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_mutual_info_score
from tessera.learn.evaluate.naming import ami_ceiling, carry_over, matched


def by_definition(clusters: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    right = unnamed = 0
    for group in np.unique(groups):
        for cluster, label in zip(clusters[groups == group], labels[groups == group], strict=True):
            others = labels[(groups != group) & (clusters == cluster)]
            if not len(others):
                unnamed += 1
            else:
                right += int(np.bincount(others).argmax() == label)
    return right / len(labels), unnamed / len(labels)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 60))
def test_carry_over_is_leave_group_out_many_to_one(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    clusters, labels, groups = (rng.integers(0, k, n).astype(np.int32) for k in (6, 3, 5))
    found = carry_over(clusters, labels, groups)
    assert (found.carry_over, found.unnamed) == pytest.approx(by_definition(clusters, labels, groups))


def test_clusters_that_find_the_groups_have_a_high_ami_and_no_carry_over() -> None:
    groups = np.repeat(np.arange(10), 20)
    labels = (groups % 5).astype(np.int32)
    by_group, by_class = groups.astype(np.int32), labels
    assert adjusted_mutual_info_score(labels, by_group) > 0.8
    found = carry_over(by_group, labels, groups)
    assert (found.carry_over, found.unnamed) == (0, 1)
    assert carry_over(by_class, labels, groups).carry_over == 1


def test_the_ceiling_is_the_ami_of_pure_even_clusters() -> None:
    labels = np.repeat(np.arange(5), 480).astype(np.int32)
    pure = (labels * 4 + np.arange(2400) % 4).astype(np.int32)
    assert ami_ceiling(labels, 20) == pytest.approx(adjusted_mutual_info_score(labels, pure), abs=1e-6)
    assert 0.69 < ami_ceiling(labels, 20) < 0.71
    assert ami_ceiling(labels, 5) == pytest.approx(1)
    halves = (labels // 3).astype(np.int32)
    assert ami_ceiling(labels, 2) == pytest.approx(adjusted_mutual_info_score(labels, halves), abs=0.02)
    assert ami_ceiling(np.zeros(10, np.int32), 1) == 1


def test_many_to_one_counts_all_clusters_and_hungarian_only_as_many_as_classes() -> None:
    """Fault 10: Hungarian accuracy at K = 4 x classes counts a quarter of the clusters."""
    labels = np.repeat(np.arange(5), 400).astype(np.int32)
    pure = (labels * 4 + np.arange(2000) % 4).astype(np.int32)
    assert matched(pure, labels) == (0.25, 1.0)
