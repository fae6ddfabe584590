"""Who a session belongs to and what they may do, in process: every decision and command of a page is checked here."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace

import panel as pn
import pytest
from bokeh.document import Document
from panel.io.state import set_curdoc
from tessera.curate.decisions.decide import name_cluster
from tessera.curate.decisions.history import history
from tessera.errors import AccessError
from tessera.explore.clustering import Clustering
from tessera.workspace.people import PasswordFile, Role, remove
from tessera_app import access
from tessera_app.decider import Decider, decided
from tessera_app.http.logins import Logins
from tessera_app.store import Store

from tests.tessera.planted import RUN, Planted
from tests.tessera_app.conftest import password_file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return password_file(tmp_path / "people.json", osler="viewer", cushing="reader", virchow="owner")


@pytest.fixture
def logins(path: Path, monkeypatch: pytest.MonkeyPatch) -> Logins:
    found = Logins(PasswordFile(path))
    monkeypatch.setattr(access.ACCESS, "logins", found)
    monkeypatch.delenv(access.EDITORS, raising=False)
    for name in ("osler", "cushing", "virchow"):
        found.own(f"session of {name}", found.begin(name))
    return found


@pytest.fixture
def store(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("TESSERA_WORKSPACE", str(planted.workspace.root))
    return Store(run=RUN, author="somebody typed")


def session(name: str) -> AbstractContextManager[None]:
    """What Panel sets while it serves the page session of somebody."""
    document = Document()
    context = SimpleNamespace(
        id=f"session of {name}", request=SimpleNamespace(cookies={}, arguments={}), destroyed=False
    )
    document._session_context = lambda: context
    return set_curdoc(document)


def naming(clustering: Clustering, author: str) -> None:
    name_cluster(clustering.workspace, clustering.run, clustering.interval, 0, "seen", author=author)


def test_without_a_login_everybody_is_the_owner_and_types_a_name(store: Store) -> None:
    assert access.may(Role.OWNER)
    asyncio.run(decided(store, naming))
    assert [decision.author for decision in history(store.workspace, RUN)] == ["somebody typed"]


def test_a_viewer_decides_nothing_and_is_told_so(store: Store, logins: Logins) -> None:
    said = pn.pane.HTML("")
    with session("osler"):
        assert not asyncio.run(Decider(store, said).do(naming))
        with pytest.raises(AccessError, match="osler may look but not change anything"):
            asyncio.run(decided(store, naming))
    assert "osler may look" in said.object
    assert history(store.workspace, RUN) == []


def test_a_reader_decides_under_the_login_whatever_was_typed(store: Store, logins: Logins) -> None:
    with session("cushing"):
        asyncio.run(decided(store, naming))
        assert store.who() == "cushing"
    assert [decision.author for decision in history(store.workspace, RUN)] == ["cushing"]


def test_a_session_without_a_login_is_nobody(store: Store, logins: Logins) -> None:
    for asked in (session("a stranger"), set_curdoc(Document())):
        with asked, pytest.raises(AccessError, match="login has ended"):
            asyncio.run(decided(store, naming))
    with pytest.raises(AccessError, match="login has ended"):
        access.require(Role.READER)
    assert store.who() == ""
    assert history(store.workspace, RUN) == []


def test_a_removed_person_decides_nothing_from_the_page_that_is_open(store: Store, logins: Logins, path: Path) -> None:
    with session("virchow"):
        access.require(Role.OWNER)
        remove(path, "virchow")
        with pytest.raises(AccessError, match="login has ended"):
            access.require(Role.READER)


@pytest.mark.parametrize(
    ("name", "commands"),
    [
        ("osler", []),
        ("cushing", ["project", "propagate", "compare", "evaluate"]),
        (
            "virchow",
            ["project", "propagate", "compare", "evaluate", "run", "ingest", "export", "recluster", "unheard-of"],
        ),
    ],
)
def test_commands_are_for_owners_unless_they_are_listed(name: str, commands: list[str], logins: Logins) -> None:
    def allowed(command: str) -> bool:
        try:
            access.require_command(command)
        except AccessError:
            return False
        return True

    with session(name):
        every = ["project", "propagate", "compare", "evaluate", "run", "ingest", "export", "recluster", "unheard-of"]
        assert [command for command in every if allowed(command)] == commands
