"""From named sources to slides: files by their first bytes, DICOM by its headers, each slide once."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tessera.errors import SlideError
from tessera.ingest.barcode import parse_barcode
from tessera.ingest.sources.companions import orphaned, parts_of, why_incomplete
from tessera.ingest.sources.kinds import SLIDE_SUFFIXES, is_system, link_as_text, look, shown_name
from tessera.ingest.sources.walk import Folder, Problem, is_utf8, printable, walk
from tessera.slides.child.child import Budget
from tessera.slides.child.children import Children

logger = logging.getLogger(__name__)

_LARGE_PICTURE_BYTES = 200_000  # a picture below this is no slide but a tile, a label or a mask
_IS_PICTURE = "is a plain picture: ready-made tiles come in with --tiles FOLDER; if it is a slide, name the file itself"


@dataclass(frozen=True)
class FoundSlide:
    """A slide that was found.

    Attributes:
        path: what opens it: the file as it was named (a link stays a link), or the folder of a DICOM series.
        name: its name.
        files: all files whose bytes it is.
    """

    path: Path
    name: str
    files: tuple[Path, ...]


@dataclass
class Found:
    """What a search found.

    Attributes:
        slides: in a stable order.
        broken: (path, reason) of what should be a slide and is none.
        others: (path, reason) of other files.
    """

    slides: list[FoundSlide] = field(default_factory=list)
    broken: list[Problem] = field(default_factory=list)
    others: list[Problem] = field(default_factory=list)


def find_slides(sources: Iterable[Path], children: Children) -> Found:
    """Search files and folders for slides. Nothing that lies in a folder stops the search.

    Args:
        sources: slides, or folders that are searched through.
        children: read headers of DICOM files.
    """
    search = _Search(children)
    for source in sources:
        try:
            search.source(Path(os.path.abspath(source)))  # noqa: PTH100 - resolve() would follow links: the link's name counts
        except Exception as error:  # the edge of the search: whatever it is, the other sources are looked at
            logger.exception("%s", printable(source))
            search.found.broken.append((source, f"cannot be searched: {error}"))
    search.found.slides = _each_once(search.found)
    return search.found


class _Search:
    def __init__(self, children: Children) -> None:
        self.found = Found()
        self._children = children

    def source(self, path: Path) -> None:
        if not is_utf8(path):
            self.found.broken.append((path, "its name is not UTF-8: rename it"))
        elif path.is_dir():
            self._folders(path)
        elif not os.path.lexists(path):
            self.found.broken.append((path, "does not exist: check the path"))
        elif not path.exists():
            self.found.broken.append((path, "is a link to something that is not there"))
        elif not path.is_file():
            self.found.broken.append((path, "is neither a file nor a folder"))
        else:
            self._named_file(path)

    def _folders(self, root: Path) -> None:
        pictures: list[tuple[Path, int]] = []
        before = len(self.found.slides)
        for folder in walk(root, lambda folder, below: self._enters(folder, below)):
            self._problems(folder)
            self._files(folder, pictures)
        alone = len(self.found.slides) == before  # pictures beside slides are labels, masks and overviews
        for picture, size in pictures:
            if alone and size >= _LARGE_PICTURE_BYTES:
                self.found.slides.append(FoundSlide(picture, shown_name(picture), (picture,)))
            else:
                self.found.others.append((picture, _IS_PICTURE))

    def _enters(self, folder: Folder, below: Path) -> bool:
        names = {file.name for file, _ in folder.files}
        if reason := orphaned(below, names):
            self.found.broken.append((below, reason))
            return False
        if (below / "ledger.sqlite").is_file():  # a workspace, with pictures of slides and not slides
            return False
        return not any(f"{below.name}{suffix}" in names for suffix in (".mrxs", ".vms", ".vmu"))

    def _problems(self, folder: Folder) -> None:
        for path, reason in folder.problems:
            should_be = path.suffix.lower() in SLIDE_SUFFIXES or path == folder.path
            (self.found.broken if should_be else self.found.others).append((path, reason))

    def _files(self, folder: Folder, pictures: list[tuple[Path, int]]) -> None:
        dicom = []
        for file, state in folder.files:
            try:
                looks = look(file, state.st_size)
            except OSError as error:
                self.found.broken.append((file, f"cannot be read: {error.strerror}"))
                continue
            if looks.kind == "slide":
                self._slide(file)
            elif looks.kind == "broken" and (target := link_as_text(file, state.st_size)) is not None:
                self.found.slides.append(FoundSlide(target, shown_name(file), (target,)))
            elif looks.kind == "dicom":
                dicom.append(file)
            elif looks.kind == "picture":
                pictures.append((file, state.st_size))
            else:
                (self.found.broken if looks.kind == "broken" else self.found.others).append((file, looks.reason))
        if dicom:
            self._dicom(folder.path, dicom)

    def _slide(self, file: Path) -> None:
        reason = why_incomplete(file)
        if reason:
            self.found.broken.append((file, reason))
        else:
            self.found.slides.append(FoundSlide(file, shown_name(file), tuple(parts_of(file))))

    def _named_file(self, file: Path) -> None:
        """A file that a person named: it must be a slide, and it may be a picture."""
        if is_system(file.name):
            self.found.broken.append((file, "is a file that an operating system keeps for itself, and no slide"))
            return
        looks = look(file, file.stat().st_size)
        if looks.kind == "dicom":
            beside = [other for other in sorted(file.parent.iterdir()) if other.is_file() and not is_system(other.name)]
            self._dicom(file.parent, [other for other in beside if _looks_dicom(other)], only=file)
        elif looks.kind == "picture":
            self.found.slides.append(FoundSlide(file, shown_name(file), (file,)))
        elif looks.kind == "slide":
            self._slide(file)
        else:
            self.found.broken.append((file, looks.reason))

    def _dicom(self, folder: Path, files: list[Path], only: Path | None = None) -> None:
        arguments = {"path": str(folder), "files": [file.name for file in files]}
        try:
            answer, _ = self._children.ask("tessera.slides.dicom:task", arguments, Budget(seconds=600))
        except SlideError as error:
            self.found.broken.append((folder, error.reason))
            return
        names = {file.name for file in files}  # what a child says is data: nothing outside of the folder
        answer["series"] = [one for one in answer["series"] if set(one["files"]) <= names]
        series = [one for one in answer["series"] if only is None or only.name in one["files"]]
        for name, reason in answer["problems"]:
            (self.found.broken if only is not None and name == only.name else self.found.others).append(
                (folder / name, reason)
            )
        slides = [one for one in series if not one["reason"]]
        for one in series:
            if one["reason"]:
                incomplete = one["reason"].startswith("is a slide") or only is not None
                where = self.found.broken if incomplete else self.found.others
                where.extend((folder / name, one["reason"]) for name in one["files"][: 1 if incomplete else None])
        alone = len([one for one in answer["series"] if not one["reason"]]) == 1
        containers = [one["container"] for one in slides]
        for one in slides:
            opens = folder / one["opens"]
            told_apart = one["container"] and containers.count(one["container"]) == 1
            name = folder.name if alone else one["container"] if told_apart else f"{folder.name}/{shown_name(opens)}"
            path = folder if alone else opens
            self.found.slides.append(FoundSlide(path, name, tuple(folder / file for file in sorted(one["files"]))))


def _looks_dicom(file: Path) -> bool:
    try:
        return look(file, file.stat().st_size).kind == "dicom"
    except OSError:
        return False


def _each_once(found: Found) -> list[FoundSlide]:
    """Every slide once: of several names of one file (links) the one that says most."""
    best: dict[object, FoundSlide] = {}
    for slide in found.slides:
        state = slide.path.stat()
        key = (state.st_dev, state.st_ino)
        other = best.get(key)
        if other is None:
            best[key] = slide
            continue
        if slide.path == other.path:
            continue
        kept, left = (slide, other) if _says(slide) > _says(other) else (other, slide)
        best[key] = kept
        found.others.append((left.path, f"is the same file as {kept.path}"))
    return list(best.values())


def _says(slide: FoundSlide) -> tuple[bool, bool]:
    """How much a name says: a barcode before a slide's suffix before a hash."""
    return bool(parse_barcode(slide.name).patient), slide.path.suffix.lower() in SLIDE_SUFFIXES
