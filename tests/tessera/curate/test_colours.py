from __future__ import annotations

from tessera.curate.colours import IS_ARTEFACT, NO_NAME, cluster_paints, name_paints
from tessera.curate.decisions.decide import mark_cluster, name_cluster, name_clusters
from tessera.curate.decisions.history import history
from tessera.curate.decisions.state import state_of
from tessera.curate.decisions.undo import undo
from tessera.curate.decisions.words import words
from tessera.explore.palette import NAME_COLOURS
from tessera.workspace.folder import Workspace

ME = "Dr Virchow"


def test_two_clusters_of_one_name_are_one_colour(ready: Workspace) -> None:
    name_cluster(ready, "r", 1, 3, "tumour", author=ME)
    name_cluster(ready, "r", 1, 4, "stroma", author=ME)
    name_cluster(ready, "r", 1, 5, "tumour", author=ME)
    paints = cluster_paints(state_of(ready, "r"), [3, 4, 5, 0])
    assert paints[3] == paints[5] != paints[4]
    assert paints[3].colour == NAME_COLOURS[0]
    assert paints[0] == NO_NAME
    mark_cluster(ready, "r", 1, 4, "artefact", author=ME)
    assert cluster_paints(state_of(ready, "r"), [4])[4] == IS_ARTEFACT


def test_a_colour_stays_when_its_name_is_given_up(ready: Workspace) -> None:
    name_cluster(ready, "r", 1, 3, "tumour", author=ME)
    name_cluster(ready, "r", 1, 4, "stroma", author=ME)
    before = name_paints(state_of(ready, "r"))["stroma"]
    name_cluster(ready, "r", 1, 3, "necrosis", author=ME)
    assert name_paints(state_of(ready, "r"))["stroma"] == before


def test_several_clusters_are_named_and_marked_in_one_entry_of_the_history(ready: Workspace) -> None:
    name_cluster(ready, "r", 1, 3, "tumour", author=ME)
    decided = name_clusters(ready, "r", 1, [3, 4, 5], "fold", author=ME, mark="artefact")
    state = state_of(ready, "r")
    assert {state.names[i] for i in (3, 4, 5)} == {"fold"}
    assert {state.marks[i] for i in (3, 4, 5)} == {"artefact"}
    assert words(decided) == 'clusters 3, 4, 5 called "fold" and marked as artefact'
    assert len(history(ready, "r")) == 2
    undo(ready, "r", author=ME)
    state = state_of(ready, "r")
    assert state.names == {3: "tumour"}
    assert state.marks == {}
