"""A run's name is resolved once at the door of the server, and the handle travels from there."""

from __future__ import annotations

import sqlite3

import pytest
from tessera.curate.decisions.decide import merge_clusters
from tessera_app.http.routes import contact_sheet, points
from tessera_app.http.slide_routes import cells

from tests.tessera.planted import RUN, Planted


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Queries of runs, as SQLite gets them."""
    found: list[str] = []
    real = sqlite3.connect

    def connect(*words: object, **more: object) -> sqlite3.Connection:
        connection = real(*words, **more)  # type: ignore[call-overload]
        connection.set_trace_callback(lambda text: found.append(text) if "FROM run" in text else None)
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect)
    return found


@pytest.mark.parametrize("edited", [False, True])
def test_the_colours_of_a_slide_look_the_run_up_once(planted: Planted, asked: list[str], edited: bool) -> None:
    if edited:
        merge_clusters(planted.workspace, RUN, 2, [0, 3], author="osler")
    for _ in range(2):  # nothing known yet, then everything
        asked.clear()
        assert len(cells(planted.workspace, RUN, "2", "1")[0]) > 100
        assert len(asked) == 1, asked
    asked.clear()
    contact_sheet(planted.workspace, RUN, "2", "6")
    assert len(asked) == 1
    planted.workspace.run_folder(RUN).save_projection(2, planted.labels[:2].T.astype("float32"))
    asked.clear()
    points(planted.workspace, RUN, "2", "2")
    assert len(asked) == 1
