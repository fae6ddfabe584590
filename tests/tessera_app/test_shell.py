"""The whole page in process: every place of it is built, and review parts are used, without a browser."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tessera.curate.agreement import readers, readings
from tessera.curate.decisions.decide import name_cluster
from tessera.curate.decisions.history import history
from tessera_app import shell
from tessera_app.pages.review.comparing import Comparing
from tessera_app.pages.review.page import ReviewPage
from tessera_app.pages.review.second_reader import SecondReader
from tessera_app.store import PAGES, Store

from tests.tessera.planted import RUN, Planted


@pytest.fixture
def store(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("TESSERA_WORKSPACE", str(planted.workspace.root))
    return Store(run=RUN, author="Dr Osler")


def test_every_page_is_built_when_it_is_opened_and_stays(store: Store) -> None:
    pages = shell._pages(store)
    assert sum(bool(page.objects) for page in pages.values()) == 1
    for number in range(len(PAGES)):
        store.page = number
    assert all(page.objects for page in pages.values())
    assert [page.visible for page in pages.values()] == [False] * (len(PAGES) - 1) + [True]
    kept = [page.objects[-1] for page in pages.values()]
    store.page = 0
    assert [page.objects[-1] for page in pages.values()] == kept


@pytest.mark.parametrize("number", range(len(PAGES)))
def test_every_page_says_something_in_an_empty_workspace(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESSERA_WORKSPACE", str(tmp_path / "new"))
    pages = shell._pages(Store(page=number))
    assert list(pages.values())[number].objects


def test_review_has_nothing_to_show_before_the_first_clusters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSERA_WORKSPACE", str(tmp_path / "new"))
    page = ReviewPage(Store())
    assert "Nothing to review yet" in page._head.object
    assert not page._parts.visible


def test_the_author_of_the_review_page_is_the_one_of_the_session(store: Store) -> None:
    page = ReviewPage(store)
    assert page._author.value == "Dr Osler"
    page._author.value = "Dr Virchow"
    assert store.author == "Dr Virchow"


def test_a_blind_reader_labels_and_is_compared(store: Store) -> None:
    name_cluster(store.workspace, RUN, store.shown[1], 0, "stroma", author="Dr Virchow")
    name_cluster(store.workspace, RUN, store.shown[1], 3, "tumour", author="Dr Virchow")
    page = SecondReader(store)
    asyncio.run(page._save(None))
    assert "Write what it is" in page._said.object
    assert page._reading is not None
    first = page._reading.cluster
    page._label.value_input = "stroma"
    asyncio.run(page._save(None))
    past = history(store.workspace, RUN)
    assert readings(past, "Dr Osler")[first] == "stroma"
    assert set(readers(store.workspace, RUN)) == {"Dr Osler", "Dr Virchow"}
    assert page._reading.cluster != first  # the next one is asked
    assert "1 of" in page._where.object


def test_other_clusterings_wait_until_they_are_looked_at(store: Store) -> None:
    comparing = Comparing(store)
    before = comparing._table.object if hasattr(comparing, "_table") else ""
    comparing.active = True
    assert RUN in comparing._table.object or before != comparing._table.object
