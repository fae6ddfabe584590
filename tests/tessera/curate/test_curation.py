from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tessera.curate.curated import curated_clustering
from tessera.curate.decisions import decide
from tessera.curate.decisions.decide import (
    exclude_tiles,
    mark_cluster,
    merge_clusters,
    move_tiles,
    name_cluster,
    note_cluster,
    save_selection,
)
from tessera.curate.decisions.history import Decision, history, version
from tessera.curate.decisions.split import split_cluster
from tessera.curate.decisions.state import FIRST_PART, fold, in_effect, state_of
from tessera.curate.decisions.undo import redo, undo
from tessera.curate.selections import find_selection, selection_tiles
from tessera.errors import DecisionError, TesseraError
from tessera.explore.clustering import open_clustering
from tessera.explore.clusters import cluster_table
from tessera.workspace.folder import Workspace

ME = "Dr Virchow"


def test_names_notes_and_marks_are_the_last_ones_said(ready: Workspace) -> None:
    name_cluster(ready, "r", 0, 3, " tumour ", author=ME)
    name_cluster(ready, "r", 1, 3, "stroma", author="")
    note_cluster(ready, "r", 1, 3, "two lines\nof it", author=ME)
    mark_cluster(ready, "r", 1, 4, "artefact", author=ME)
    state = state_of(ready, "r")
    assert (state.names, state.notes, state.marks) == ({3: "stroma"}, {3: "two lines\nof it"}, {4: "artefact"})
    name_cluster(ready, "r", 1, 3, "", author=ME)
    assert decide.names(ready, "r") == {}
    assert [(d.author, d.kind, d.value) for d in history(ready, "r")] == [
        (ME, "name", "tumour"),
        ("unknown", "name", "stroma"),
        (ME, "note", "two lines\nof it"),
        (ME, "mark", "artefact"),
        (ME, "name", ""),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda w: name_cluster(w, "r", 1, 99, "tumour", author=ME),
        lambda w: name_cluster(w, "r", 1, 1, "a\nb", author=ME),
        lambda w: name_cluster(w, "r", 1, 1, "x" * 81, author=ME),
        lambda w: mark_cluster(w, "r", 1, 1, "pretty", author=ME),
        lambda w: merge_clusters(w, "r", 1, [1, 1], author=ME),
        lambda w: merge_clusters(w, "r", 1, [1, 77], author=ME),
        lambda w: exclude_tiles(w, "r", 1, [], author=ME),
        lambda w: exclude_tiles(w, "r", 1, [120], author=ME),
        lambda w: move_tiles(w, "r", 1, [1], to=66, author=ME),
        lambda w: split_cluster(w, "r", 1, 2, 11, author=ME),
        lambda w: save_selection(w, "r", 1, [[0, 0], [1, 1]], "two corners", author=ME),
        lambda w: undo(w, "r", author=ME),
        lambda w: redo(w, "r", author=ME),
        lambda w: undo(w, "r", author=ME, decision=12),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_no_row(ready: Workspace, wrong: Callable[[Workspace], object]) -> None:
    with pytest.raises(TesseraError):
        wrong(ready)
    assert history(ready, "r") == []


def test_merge_takes_tiles_and_name(ready: Workspace) -> None:
    name_cluster(ready, "r", 1, 5, "fat", author=ME)
    merge_clusters(ready, "r", 1, [2, 5], author=ME)
    merge_clusters(ready, "r", 1, [0, 2], author=ME)
    clustering = curated_clustering(ready, "r")
    assert clustering.ids.tolist() == [0, 1, 3, 4]
    assert clustering.sizes.tolist() == [60, 20, 20, 20]
    assert set((clustering.members(0) % 6).tolist()) == {0, 2, 5}
    assert decide.names(ready, "r") == {0: "fat"}
    with pytest.raises(DecisionError, match="merged into 2"):
        name_cluster(ready, "r", 1, 5, "no", author=ME)
    with pytest.raises(DecisionError, match="merged into 0"):
        merge_clusters(ready, "r", 1, [1, 2], author=ME)
    assert open_clustering(ready, "r").ids.tolist() == [0, 1, 2, 3, 4, 5]  # what the run found is untouched


def test_split_finds_the_two_clouds_and_parts_can_be_named_and_merged(ready: Workspace) -> None:
    made = split_cluster(ready, "r", 1, 2, 2, author=ME)
    first, second = made.payload["parts"]
    assert (first, second) == (FIRST_PART, FIRST_PART + 1)
    clustering = curated_clustering(ready, "r")
    members = np.flatnonzero(np.arange(120) % 6 == 2)
    clouds = members // 6 % 2
    found = clustering.labels[members] - FIRST_PART
    assert sorted(set(clustering.labels[members].tolist())) == [first, second]
    assert (found == clouds).all() or (found == 1 - clouds).all()
    name_cluster(ready, "r", 1, first, "gland", author=ME)
    merge_clusters(ready, "r", 1, [3, second], author=ME)
    assert curated_clustering(ready, "r").members(3).size == 30
    assert split_cluster(ready, "r", 1, 1, 2, author=ME).payload["parts"] == [FIRST_PART + 2, FIRST_PART + 3]
    with pytest.raises(DecisionError, match="has 0 tiles"):
        split_cluster(ready, "r", 1, 2, 2, author=ME)
    table = cluster_table(curated_clustering(ready, "r"))
    assert table["size"].sum() == 120


def test_excluded_and_moved_tiles(ready: Workspace) -> None:
    exclude_tiles(ready, "r", 1, [7, 1, 7], author=ME, reason="pen")
    move_tiles(ready, "r", 1, [0, 6], to=5, author=ME)
    clustering = curated_clustering(ready, "r")
    assert clustering.labels[[0, 6, 1, 7]].tolist() == [5, 5, -1, -1]
    assert clustering.sizes.sum() == 118
    move_tiles(ready, "r", 1, [7], to=5, author=ME)
    assert curated_clustering(ready, "r").labels[7] == 5
    assert curated_clustering(ready, "r", 0).labels[7] == 5  # decisions hold at every interval


def test_undo_and_redo_walk_over_the_own_decisions(ready: Workspace) -> None:
    name_cluster(ready, "r", 1, 0, "a", author=ME)
    merge_clusters(ready, "r", 1, [0, 1], author=ME)
    name_cluster(ready, "r", 1, 2, "theirs", author="Dr Koch")
    assert undo(ready, "r", author=ME).kind == "merge"
    assert undo(ready, "r", author=ME).value == "a"
    assert decide.names(ready, "r") == {2: "theirs"}
    assert curated_clustering(ready, "r").ids.tolist() == [0, 1, 2, 3, 4, 5]
    with pytest.raises(DecisionError, match="you have nothing to undo"):
        undo(ready, "r", author=ME)
    assert redo(ready, "r", author=ME).value == "a"
    assert redo(ready, "r", author=ME).kind == "merge"
    assert curated_clustering(ready, "r").ids.tolist() == [0, 2, 3, 4, 5]
    undo(ready, "r", author=ME)
    name_cluster(ready, "r", 1, 3, "new", author=ME)
    with pytest.raises(DecisionError, match="you have nothing to redo"):
        redo(ready, "r", author=ME)
    assert len(history(ready, "r")) == 9  # nothing was ever taken out


def test_undo_by_number_of_another_person_and_what_is_built_upon(ready: Workspace) -> None:
    made = split_cluster(ready, "r", 1, 2, 2, author=ME)
    name_cluster(ready, "r", 1, made.payload["parts"][0], "gland", author="Dr Koch")
    with pytest.raises(DecisionError, match="depend on"):
        undo(ready, "r", author=ME)
    named = history(ready, "r")[-1].id
    undo(ready, "r", author=ME, decision=named)
    undo(ready, "r", author=ME, decision=made.id)
    with pytest.raises(DecisionError, match="redo the split"):
        redo(ready, "r", author=ME, decision=named)
    redo(ready, "r", author=ME, decision=made.id)
    redo(ready, "r", author="Dr Koch", decision=named)
    assert decide.names(ready, "r") == {made.payload["parts"][0]: "gland"}
    with pytest.raises(DecisionError, match="in effect already"):
        redo(ready, "r", author=ME, decision=named)


def test_selection_is_a_polygon_with_a_name(ready: Workspace) -> None:
    xy = ready.run_folder("r").projection(1)
    x = float(xy[0, 0])
    made = save_selection(
        ready, "r", 1, [[x - 0.01, -1], [x + 0.01, -1], [x + 0.01, 1], [x - 0.01, 1]], "left edge", author=ME
    )
    found = selection_tiles(ready, "r", find_selection(ready, "r", "left edge"))
    assert found.tolist() == np.flatnonzero(np.arange(120) % 6 == 0).tolist()
    with pytest.raises(DecisionError, match="already"):
        save_selection(ready, "r", 1, [[0, 0], [1, 1], [1, 0]], "left edge", author=ME)
    exclude_tiles(ready, "r", 1, found, author=ME)
    assert 0 not in curated_clustering(ready, "r").ids
    undo(ready, "r", author=ME, decision=made.id)
    with pytest.raises(DecisionError, match="no selection"):
        find_selection(ready, "r", "left edge")


def test_a_writer_who_has_not_seen_the_last_decision_is_told(ready: Workspace) -> None:
    seen = version(ready, "r")
    name_cluster(ready, "r", 1, 0, "quick", author="Dr Koch")
    with pytest.raises(DecisionError, match="Dr Koch has decided something meanwhile"):
        merge_clusters(ready, "r", 1, [0, 1], author=ME, expected=seen)
    merge_clusters(ready, "r", 1, [0, 1], author=ME, expected=version(ready, "r"))


WRITER = """
import sys
from pathlib import Path
from tessera.curate.decisions.decide import merge_clusters, name_cluster
from tessera.errors import DecisionError
from tessera.workspace.folder import Workspace
workspace, me = Workspace.open(Path(sys.argv[1])), sys.argv[2]
sys.stdin.readline()
for i in range(20):
    name_cluster(workspace, "r", 1, 0, f"{me} {i}", author=me)
won = 0
for other in (2, 3, 4, 5):
    try:
        merge_clusters(workspace, "r", 1, [1, other], author=me)
        won += 1
    except DecisionError:
        pass
print(won)
"""


@pytest.mark.slow
def test_two_processes_at_once_lose_nothing_and_merge_nothing_twice(ready: Workspace) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", WRITER, str(ready.root), who],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for who in ("a", "b")
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    won = [int(writer.communicate(timeout=60)[0]) for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    past = history(ready, "r")
    for who in ("a", "b"):
        said = [d.value for d in past if d.author == who and d.kind == "name"]
        assert said == [f"{who} {i}" for i in range(20)]
    assert sum(won) == 4
    gone = [cluster for d in past if d.kind == "merge" for cluster in d.payload["clusters"]]
    assert sorted(gone) == [2, 3, 4, 5]
    clustering = curated_clustering(ready, "r")
    assert clustering.sizes.sum() == 120
    assert clustering.members(1).size == 100


def test_splits_made_at_the_same_time_get_ids_of_their_own(ready: Workspace) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda cluster: split_cluster(ready, "r", 1, cluster, 2, author=ME), range(4)))
    parts = [part for decision in made for part in decision.payload["parts"]]
    assert sorted(parts) == list(range(FIRST_PART, FIRST_PART + 8))
    assert curated_clustering(ready, "r").sizes.tolist() == [20, 20] + [10] * 8


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["name", "undo", "redo"]), st.integers(0, 3)), max_size=25))
def test_undo_is_the_inverse_of_redo(steps: list[tuple[str, int]]) -> None:
    """The state after any mixture equals that of the decisions in effect alone, and folding is repeatable."""
    past: list[Decision] = []
    for step, cluster in steps:
        number, target = len(past) + 1, 0
        active = in_effect(past)
        undone = [d for d in past if d.kind == "name" and d not in active]
        if step == "undo" and active:
            target = active[-1].id
        elif step == "redo" and undone:
            target = undone[-1].id
        elif step != "name":
            continue
        payload = {"decision": target} if target else {"value": f"n{number}"}
        past.append(Decision(number, 0, 0.0, "a", step, cluster, str(payload.get("value", "")), payload))
    state = fold(past)
    alone = fold(in_effect(past))
    assert (state.names, state.active) == (alone.names, alone.active)
    if state.active:
        target = state.active[-1]
        undone_now = fold([*past, Decision(len(past) + 1, 0, 0.0, "a", "undo", 0, "", {"decision": target})])
        again = fold(
            [
                *past,
                Decision(len(past) + 1, 0, 0.0, "a", "undo", 0, "", {"decision": target}),
                Decision(len(past) + 2, 0, 0.0, "a", "redo", 0, "", {"decision": target}),
            ]
        )
        assert target not in undone_now.active
        assert again.names == state.names
