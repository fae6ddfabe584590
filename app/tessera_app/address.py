"""The address is the view: what the store looks at, written as a query, and read back from links, Back and Forward."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from tessera_app.store import CHOOSE, PAGES, Store

_NUMBERS = {"tile": -1, "slide": -1, "selection": -1}  # left out of the address where they say nothing
_PLACES = {"map": "map_window", "view": "slide_window"}
WRITTEN = ["page", "run", "interval", "cluster", "dark", *_NUMBERS, *_PLACES.values()]


def query(store: Store) -> str:
    """What is looked at, as "?page=explore&run=...&cluster=7"."""
    said: dict[str, Any] = {"page": PAGES[store.page]}
    if store.run:
        said["run"] = store.run
    if store.interval >= 0:
        said["interval"] = store.interval
    if store.cluster != CHOOSE:
        said["cluster"] = "none" if store.cluster < 0 else store.cluster
    said |= {name: getattr(store, name) for name, nothing in _NUMBERS.items() if getattr(store, name) != nothing}
    said |= {
        word: ",".join(f"{x:g}" for x in getattr(store, name)) for word, name in _PLACES.items() if getattr(store, name)
    }
    if store.dark:
        said["dark"] = "true"
    return "?" + urlencode(said)


def go(store: Store, address: str) -> None:
    """Look at what an address says; what it does not say, or says wrongly, is as if nothing had been chosen.

    Args:
        store: of the session.
        address: a query, with or without its question mark.
    """
    said = dict(parse_qsl(address.lstrip("?")))
    page = said.get("page", "")
    number = PAGES.index(page) if page in PAGES else _number(page, store.page)
    found: dict[str, Any] = {
        "page": number if 0 <= number < len(PAGES) else store.page,
        "interval": max(_number(said.get("interval", ""), -1), -1),
        "cluster": -1 if said.get("cluster") == "none" else _cluster(said.get("cluster", "")),
    }
    if said.get("run"):
        found["run"] = said["run"]
    if "dark" in said:
        found["dark"] = said["dark"] == "true"
    found |= {name: max(_number(said.get(name, ""), nothing), nothing) for name, nothing in _NUMBERS.items()}
    found |= {name: _place(said.get(word, "")) for word, name in _PLACES.items()}
    store.param.update(**{name: value for name, value in found.items() if getattr(store, name) != value})


def _cluster(text: str) -> int:
    number = _number(text, CHOOSE)
    return number if number >= 0 else CHOOSE


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.lstrip("-").isdecimal() and len(text) < 16 else otherwise


def _place(text: str) -> list[float]:
    try:
        found = [float(part) for part in text.split(",")] if text else []
    except ValueError:
        return []
    return found if all(abs(value) < 1e9 for value in found) else []
