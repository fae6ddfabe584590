from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tessera.curate.decisions import decide
from tessera.curate.decisions.decide import history, name_cluster, names
from tessera.errors import RunError, TesseraError
from tessera.workspace.folder import Workspace

from tests.tessera.planted import RUN, Planted


def test_the_latest_name_wins_and_an_empty_one_takes_it_away(planted: Planted) -> None:
    workspace = planted.workspace
    assert names(workspace, RUN) == {}
    name_cluster(workspace, RUN, 1, 3, "fat", author="A")
    name_cluster(workspace, RUN, 2, 3, "  mucin ", author="B")
    name_cluster(workspace, RUN, 2, 6, "stroma", author="B")
    assert names(workspace, RUN) == {3: "mucin", 6: "stroma"}
    name_cluster(workspace, RUN, 2, 6, "  ", author="A")
    assert names(workspace, RUN) == {3: "mucin"}


def test_the_history_only_grows_and_keeps_who_and_when(planted: Planted) -> None:
    workspace = planted.workspace
    seen: list[decide.Decision] = []
    versions = [decide.version(workspace, RUN)]
    for i, name in enumerate(("fat", "fat", "", "tumour", "fat")):
        name_cluster(workspace, RUN, i % 3, 0, name, author=" Dr Virchow " if i else "  ")
        now = history(workspace, RUN)
        assert now[:-1] == seen
        seen = now
        versions.append(decide.version(workspace, RUN))
    assert [(d.interval, d.kind, d.cluster, d.value) for d in seen] == [
        (0, "name", 0, "fat"),
        (1, "name", 0, "fat"),
        (2, "name", 0, ""),
        (0, "name", 0, "tumour"),
        (1, "name", 0, "fat"),
    ]
    assert [d.author for d in seen] == ["unknown", *["Dr Virchow"] * 4]
    assert [d.time for d in seen] == sorted(d.time for d in seen)
    assert versions == sorted(set(versions))


@pytest.mark.parametrize("name", ["x" * 81, "two\nlines", "tab\there", "turned\u202eround", "bell\a"])
def test_names_that_would_spoil_a_page_are_refused(planted: Planted, name: str) -> None:
    with pytest.raises(TesseraError, match="80 printable"):
        name_cluster(planted.workspace, RUN, 2, 0, name, author="A")
    assert history(planted.workspace, RUN) == []


@pytest.mark.parametrize("name", ["x" * 80, "上皮 µm²", "<b>'; DROP TABLE run; --", "../..", "=1+1"])
def test_any_other_name_comes_back_as_it_was_given(planted: Planted, name: str) -> None:
    name_cluster(planted.workspace, RUN, 2, 0, name, author=name)
    assert names(planted.workspace, RUN) == {0: name}
    assert history(planted.workspace, RUN)[0].author == name


def test_a_run_that_is_not_there_takes_no_decisions(planted: Planted) -> None:
    with pytest.raises(RunError, match="no run other"):
        name_cluster(planted.workspace, "other", 0, 0, "fat", author="A")
    assert decide.version(planted.workspace, "other") == 0


def _decide(root: Path, author: str, n: int) -> None:
    workspace = Workspace.open(root)
    for i in range(n):
        name_cluster(workspace, RUN, 2, 3 * (i % 4), f"{author} {i}", author=author)


def test_two_writers_at_once_lose_nothing(planted: Planted) -> None:
    """Every write opens the ledger anew, so two threads meet as two processes would."""
    with ThreadPoolExecutor(2) as pool:
        for writer in [pool.submit(_decide, planted.workspace.root, author, 12) for author in ("A", "B")]:
            writer.result(60)
    found = history(planted.workspace, RUN)
    for author in ("A", "B"):
        assert [d.value for d in found if d.author == author] == [f"{author} {i}" for i in range(12)]
    assert len({d.id for d in found}) == 24
    last = {d.cluster: d.value for d in found}
    assert names(planted.workspace, RUN) == last
