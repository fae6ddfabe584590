from __future__ import annotations

import json

import numpy as np
import pytest
from tessera.cli import main
from tessera.config import PropagateConfig
from tessera.curate.curated import curated_clustering
from tessera.curate.decisions.decide import (
    exclude_tiles,
    label_tiles,
    mark_cluster,
    move_tiles,
    name_cluster,
    names,
    tile_labels,
)
from tessera.curate.decisions.history import history
from tessera.curate.decisions.state import FIRST_PART
from tessera.curate.decisions.undo import undo
from tessera.curate.decisions.words import words
from tessera.curate.propagate import accept, by_cluster, load_proposal, newer_than, proposals, propose, seeds, to_review
from tessera.errors import ConfigError, DecisionError
from tessera.workspace.folder import Workspace

ME = "Dr Virchow"
QUICK = PropagateConfig(neighbours=8, epochs=60, stages=2, hidden=16)


@pytest.fixture
def labelled(ready: Workspace) -> Workspace:
    """Features of the six clusters are six clouds.

    0, 1 have names, one tile of 2 is labelled, and one of 0 otherwise.
    """
    bank = ready.run_folder("r").open_bank((120, 8))
    bank[:] = np.eye(8)[np.arange(120) % 6] + np.random.default_rng(0).normal(0, 0.05, (120, 8))
    bank.flush()
    name_cluster(ready, "r", 1, 0, "fat", author=ME)
    name_cluster(ready, "r", 1, 1, "tumour", author=ME)
    label_tiles(ready, "r", 1, [2, 8], "stroma", author=ME)
    return ready


def test_what_is_labelled(labelled: Workspace) -> None:
    label_tiles(labelled, "r", 1, [8, 14], "", author=ME)
    exclude_tiles(labelled, "r", 1, [0, 1], author=ME)
    label_tiles(labelled, "r", 1, [1, 6], "vessel", author=ME)
    assert tile_labels(labelled, "r") == {1: "vessel", 2: "stroma", 6: "vessel"}
    found = seeds(curated_clustering(labelled, "r"), 3)
    assert found[2] == "stroma"
    assert found[6] == "vessel"  # what is said of a tile goes before the name of its cluster
    assert 1 not in found  # excluded
    assert sum(name == "fat" for name in found.values()) in (2, 3)
    assert sum(name == "tumour" for name in found.values()) == 3


def test_a_proposal_changes_nothing_until_it_is_accepted(labelled: Workspace) -> None:
    before = len(history(labelled, "r"))
    made = propose(labelled, "r", author=ME, config=QUICK)
    assert made.classes == ("fat", "stroma", "tumour")
    for cluster, name in ((0, "fat"), (1, "tumour"), (2, "stroma")):
        own = np.arange(120) % 6 == cluster
        assert (made.class_of[own] == made.classes.index(name)).all()
        assert made.agrees[own].all()
    assert len(history(labelled, "r")) == before
    assert curated_clustering(labelled, "r").ids.tolist() == [0, 1, 2, 3, 4, 5]
    (stored,) = proposals(labelled, "r")
    again = load_proposal(labelled, "r", stored)
    for field in ("class_of", "confidence", "agrees"):
        np.testing.assert_array_equal(getattr(again, field), getattr(made, field))
    assert (again.config, again.classes, again.n_labelled) == (QUICK, made.classes, made.n_labelled)
    assert [item.value for item in by_cluster(again, curated_clustering(labelled, "r"), 0.5) if item.cluster == 2] == [
        "stroma"
    ]
    review = to_review(again, curated_clustering(labelled, "r"), "stroma", 5)
    assert (np.diff(made.confidence[review].astype(np.float32)) >= 0).all()

    made_of = accept(labelled, again, author=ME, names=["stroma"], least=0.5)
    clustering = curated_clustering(labelled, "r")
    assert [d.kind for d in made_of] == ["move", "name"]
    assert names(labelled, "r")[FIRST_PART] == "stroma"
    assert set(np.flatnonzero(np.arange(120) % 6 == 2).tolist()) <= set(clustering.members(FIRST_PART).tolist())
    with pytest.raises(DecisionError, match="no tile would be moved"):
        accept(labelled, again, author=ME, names=["stroma"], least=0.5)
    undo(labelled, "r", author=ME)
    undo(labelled, "r", author=ME)
    np.testing.assert_array_equal(curated_clustering(labelled, "r").labels, np.arange(120) % 6)
    with pytest.raises(DecisionError, match="has classes"):
        accept(labelled, again, author=ME, names=["bone"])
    with pytest.raises(DecisionError, match="no proposal"):
        load_proposal(labelled, "r", "../../x")


def test_what_somebody_marked_as_artefact_stays_where_it_is(labelled: Workspace) -> None:
    label_tiles(labelled, "r", 1, [2, 8], "", author=ME)
    name_cluster(labelled, "r", 1, 2, "stroma", author=ME)
    made = propose(labelled, "r", author=ME, config=QUICK)
    name_cluster(labelled, "r", 1, 2, "", author=ME)
    clustering = curated_clustering(labelled, "r")
    assert 2 in [item.cluster for item in by_cluster(made, clustering)]
    mark_cluster(labelled, "r", 1, 2, "artefact", author=ME)
    clustering = curated_clustering(labelled, "r")
    assert 2 not in [item.cluster for item in by_cluster(made, clustering)]
    assert not set(to_review(made, clustering, "stroma").tolist()) & set(clustering.members(2).tolist())
    before = clustering.members(2)
    accept(labelled, made, author=ME)
    np.testing.assert_array_equal(curated_clustering(labelled, "r").members(2), before)


def test_one_class_is_not_enough(ready: Workspace) -> None:
    name_cluster(ready, "r", 1, 0, "fat", author=ME)
    with pytest.raises(ConfigError, match="two classes"):
        propose(ready, "r", author=ME, config=QUICK)


def test_the_command_line_names_shows_and_takes_back(labelled: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: object) -> str:
        assert main.main([*map(str, words), "--workspace", str(labelled.root)]) == 0
        return capsys.readouterr().out

    run("name", "r", 3, "necrosis", "--mark", "tissue", "--note", "two\nlines", "--author", ME)
    assert names(labelled, "r")[3] == "necrosis"
    assert "took back" in run("undo", "r", "--author", ME)
    rows = json.loads(run("history", "r", "--json"))
    assert [(row["kind"], row["in_effect"]) for row in rows[-4:]] == [
        ("name", True),
        ("mark", True),
        ("note", False),
        ("undo", False),
    ]
    assert "(taken back)" in run("history", "r")
    assert "made again" in run("undo", "r", "--redo", "--author", ME)
    words = ["propagate", "r", "--least", "0.5", "--author", ME]
    words += [word for pair in ("neighbours=8", "epochs=60", "stages=2", "hidden=16") for word in ("--set", pair)]
    told = json.loads(run(*words, "--json"))
    assert told["sure"]["stroma"] >= 18
    assert "moved" in run("propagate", "r", "--accept", told["proposal"], "--least", "0.5", "--author", ME)
    assert "stroma" in names(labelled, "r").values()
    assert main.main(["name", "r", "3", "--workspace", str(labelled.root)]) == 1
    assert "give a NAME" in capsys.readouterr().err


def test_a_proposal_never_overrides_what_was_decided_after_it(labelled: Workspace) -> None:
    made = propose(labelled, "r", author=ME, config=QUICK)
    own = np.flatnonzero(curated_clustering(labelled, "r").labels == 2)

    def would_move() -> set[int]:
        return set(to_review(made, curated_clustering(labelled, "r"), "stroma", 120).tolist())

    assert set(own.tolist()) <= would_move()
    name_cluster(labelled, "r", 1, 2, "necrosis", author="Dr Osler")  # newer than the proposal
    (newer,) = newer_than(labelled, made).made
    assert (newer.cluster, newer.author) == (2, "Dr Osler")
    assert not set(own.tolist()) & would_move()
    if would_move():
        accept(labelled, made, author=ME, names=["stroma"])
        assert (curated_clustering(labelled, "r").labels[own] == 2).all()
        undo(labelled, "r", author=ME)  # the name, and the tiles
        undo(labelled, "r", author=ME)

    undo(labelled, "r", author="Dr Osler")
    move_tiles(labelled, "r", 1, own[:3], to=5, author="Dr Osler")  # and tiles that were moved since
    accept(labelled, made, author=ME, names=["stroma"])
    after = curated_clustering(labelled, "r").labels[own]
    assert set(after[:3].tolist()) == {5}
    assert (after[3:] != 2).sum() >= 10  # the confident ones
    moves = [d for d in history(labelled, "r") if d.kind == "move" and d.author == ME]
    assert f"by proposal {made.id}" in words(moves[-1])
    assert newer_than(labelled, made).made[-1].author == "Dr Osler"  # what was accepted of it is not newer than it

    undo(labelled, "r", author=ME, decision=next(d.id for d in history(labelled, "r") if d.value == "tumour"))
    assert [d.value for d in newer_than(labelled, made).undone] == ["tumour"]
