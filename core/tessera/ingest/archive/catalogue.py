"""Slides that lie elsewhere: what is known of one before its first byte, and where such knowledge comes from."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Protocol

from tessera.config import StreamConfig
from tessera.ingest.sources.kinds import SLIDE_SUFFIXES

_MD5 = re.compile(r"[0-9a-f]{32}")
_FILE_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,79}")


@dataclass(frozen=True)
class RemoteSlide:
    """One slide of an archive.

    Attributes:
        file_id: the archive's id; safe as a file name.
        name: its file name there, without folders.
        size_bytes: length of the file.
        md5: of its bytes, 32 hex digits.
        urls: where it can be fetched, in order of preference.
        project: TCGA-BRCA say, empty when not known.
    """

    file_id: str
    name: str
    size_bytes: int
    md5: str
    urls: tuple[str, ...]
    project: str = ""

    @property
    def local_name(self) -> str:
        """Its name on our disk: made from the id, so that no archive chooses our paths."""
        suffix = PurePosixPath(self.name).suffix.lower()
        return self.file_id + (suffix if suffix in SLIDE_SUFFIXES else "")


@dataclass
class Catalogue:
    """What a source offers.

    Attributes:
        slides: usable entries, in a stable order.
        rejected: (name, reason) of entries that cannot be fetched safely.
        release: the archive's data release, for the record.
    """

    slides: list[RemoteSlide] = field(default_factory=list)
    rejected: list[tuple[str, str]] = field(default_factory=list)
    release: str = ""


class Source(Protocol):
    """An archive's catalogue, a manifest or a list of URLs."""

    def describe(self) -> str:
        """The source in words, for the ledger and the page."""

    def catalogue(self) -> Catalogue:
        """All slides of the source."""


def reason_against(slide: RemoteSlide) -> str:
    """Why an entry cannot be fetched safely; empty when it can."""
    if slide.name != PurePosixPath(slide.name).name or "\\" in slide.name or slide.name.startswith("."):
        return f"its name {slide.name!r} contains a path: correct the list"
    if not slide.name or not slide.name.isprintable():
        return "it has no printable name: correct the list"
    if not _FILE_ID.fullmatch(slide.file_id):
        return f"its id {slide.file_id!r} contains characters that ids cannot have: correct the list"
    if not _MD5.fullmatch(slide.md5):
        return f"its md5 {slide.md5!r} is not 32 hex digits: without it damage cannot be seen"
    if slide.size_bytes <= 0:
        return f"its size is {slide.size_bytes} bytes: correct the list"
    if not slide.urls or not all(url.startswith(("http://", "https://")) for url in slide.urls):
        return "it has no http address: correct the list"
    return ""


def sort_out(entries: list[RemoteSlide], release: str = "") -> Catalogue:
    """Split entries into usable ones and rejected ones; the second entry of an id is rejected."""
    found = Catalogue(release=release)
    seen: set[str] = set()
    for slide in entries:
        reason = reason_against(slide) or ("it is listed twice" if slide.file_id in seen else "")
        if reason:
            found.rejected.append((slide.name or slide.file_id, reason))
        else:
            seen.add(slide.file_id)
            found.slides.append(slide)
    return found


def limited(catalogue: Catalogue, config: StreamConfig) -> Catalogue:
    """The first slides by id, as many as the config allows: the same ones each time."""
    if config.limit:
        catalogue.slides = sorted(catalogue.slides, key=lambda slide: slide.file_id)[: config.limit]
    return catalogue


def from_row(row: sqlite3.Row) -> RemoteSlide:
    """The slide of a row of `remote_slide`."""
    urls = tuple(json.loads(row["urls"]))
    return RemoteSlide(row["file_id"], row["name"], row["size_bytes"], row["md5"], urls, row["project"])
