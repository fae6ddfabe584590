from __future__ import annotations

import pytest
from tessera.curate.decisions.history import Decision
from tessera.curate.decisions.words import words
from tessera.words import counted


@pytest.mark.parametrize(
    ("n", "noun", "said"),
    [
        (0, ("slide",), "0 slides"),
        (1, ("slide",), "1 slide"),
        (1200, ("tile",), "1,200 tiles"),
        (2, ("class", "classes"), "2 classes"),
        (["a"], ("file",), "1 file"),
    ],
)
def test_a_number_agrees_with_its_noun(n: int, noun: tuple[str, ...], said: str) -> None:
    assert counted(n, *noun) == said


@pytest.mark.parametrize(
    ("kind", "cluster", "payload", "said"),
    [
        ("name", 3, {"value": "tumour stroma"}, 'cluster #3 called "tumour stroma"'),
        ("name", 3, {"value": ""}, "name of cluster #3 taken away"),
        ("mark", 3, {"value": "artefact"}, 'cluster #3 marked as "artefact"'),
        ("read", 3, {"value": "fat"}, 'cluster #3 read blind as "fat"'),
        ("note", 3, {"value": "two\nlines"}, "noted on cluster #3: two lines"),
        ("merge", 3, {"clusters": [4, 5]}, "merged #4, #5 into cluster #3"),
        ("split", 3, {"parts": [8, 9]}, "split cluster #3 into 2 parts"),
        ("undo", 3, {"decision": 11, "value": "11"}, "took back decision 11"),
        ("redo", 3, {"decision": 11, "value": "11"}, "made again decision 11"),
        ("exclude", -1, {"n": 1, "value": "pen"}, "took out 1 tile: pen"),
        ("label", -1, {"n": 5, "value": "fat"}, "labelled 5 tiles: fat"),
        ("move", 3, {"n": 5}, "moved 5 tiles to cluster #3"),
        ("select", -1, {"value": "edge"}, "saved the selection edge"),
    ],
)
def test_every_kind_of_decision_is_said_in_words(
    kind: str, cluster: int, payload: dict[str, object], said: str
) -> None:
    decision = Decision(1, 0, 0.0, "Ann", kind, cluster, str(payload.get("value", "")), payload)
    assert words(decision, lambda number: f"#{number}") == said
