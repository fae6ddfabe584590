"""Write decisions from a page.

In a thread, with what went wrong said where it was asked, and every view up to date after.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from html import escape
from typing import TypeVar

import panel as pn
from tessera.errors import TesseraError
from tessera.explore.clustering import Clustering
from tessera.workspace.people import Role

from tessera_app import access
from tessera_app.page import alarm, wrap
from tessera_app.store import Store

Decide = Callable[[Clustering, str], object]
T = TypeVar("T")


async def decided(store: Store, decide: Callable[[Clustering, str], T]) -> T:
    """Decide something about the clustering that is looked at, in a thread; every decision of a page goes through here.

    Args:
        store: of the session.
        decide: called with the clustering and the author.

    Returns:
        What `decide` gave.

    Raises:
        AccessError: the person of this session may only look.
        TesseraError: there is no clustering, or it cannot be decided so.
    """
    access.require(Role.READER)
    clustering = store.clustering()
    if clustering is None:
        raise TesseraError("there are no clusters to decide about")
    return await asyncio.to_thread(decide, clustering, store.who())


class Decider:
    """Runs decisions for one part of a page.

    Args:
        store: of the session.
        said: pane that says what happened.
    """

    def __init__(self, store: Store, said: pn.pane.HTML) -> None:
        self._store, self._said = store, said

    async def do(self, decide: Decide, done: str = "") -> bool:
        """Decide something.

        Args:
            decide: called with the clustering that is looked at and the author, in a thread.
            done: said afterwards.

        Returns:
            Whether it could be decided.
        """
        if self._store.clustering() is None:
            return False
        try:
            await decided(self._store, decide)
        except TesseraError as error:
            self._said.object = wrap(alarm(str(error)))
            return False
        self._said.object = wrap(f"<p class='quiet ts-said'>{escape(done)}</p>" if done else "")
        self._store.publish(await asyncio.to_thread(self._store.read))
        return True

    def clear(self) -> None:
        """Say nothing any more."""
        self._said.object = wrap("")
