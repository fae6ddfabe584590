"""What a file is by its name and its first bytes; nothing is parsed here."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SLIDE_SUFFIXES = frozenset(
    ".svs .tif .tiff .ndpi .vms .vmu .scn .mrxs .svslide .bif .czi .dcm .qptiff .btf .tf8".split()  # noqa: SIM905
)
PICTURE_SUFFIXES = frozenset(".png .jpg .jpeg .jp2 .j2k .jpx .jxl .webp .bmp".split())  # noqa: SIM905
HEAD_BYTES = 512
_LONGEST_LINK = 1000  # bytes

Kind = Literal["slide", "dicom", "picture", "broken", "other"]

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # little and big endian, classic and BigTIFF
_CZI, _SQLITE = b"ZISRAWFILE", b"SQLite format 3\0"  # the second holds Sakura slides, and much else
_PICTURES = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"\0\0\0\x0cjP  \r\n",
    b"\xff\x4f\xff\x51",
    b"\0\0\0\x0cJXL ",
    b"\xff\x0a",
)
_PARTIAL = (".part", ".partial", ".crdownload", ".download", ".aria2", ".filepart", ".tmp")
_PACKED = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")
_SYSTEM = frozenset(("__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "lost+found", "ehthumbs.db"))
# Suffixes of files that cannot be slides: they are not even opened, which counts on a slow disk.
_NEVER = frozenset(
    [
        ".txt",
        ".csv",
        ".tsv",
        ".json",
        ".xml",
        ".geojson",
        ".md",
        ".html",
        ".py",
        ".ipynb",
        ".yaml",
        ".yml",
        ".ini",
        ".log",
        ".pdf",
        ".doc",
        ".docx",
        ".xls",
        ".xlsx",
        ".h5",
        ".hdf5",
        ".npy",
        ".npz",
        ".pt",
        ".pth",
        ".parquet",
        ".pkl",
        ".md5",
        ".sha256",
        ".gif",
        ".svg",
        ".mp4",
        ".avi",
        ".dat",
        ".opt",
        ".xmp",
        ".annotations",
    ]
)


@dataclass(frozen=True)
class Looks:
    """What a file looks like.

    Attributes:
        kind: slide, one instance of a DICOM series, a plain picture, something that should be a slide, or another file.
        reason: of the last two, one sentence.
    """

    kind: Kind
    reason: str = ""


def is_system(name: str) -> bool:
    """Whether an operating system made this file or folder for itself; people do not know of it."""
    return name.startswith(".") or name.lower() in _SYSTEM


def look(path: Path, size_bytes: int) -> Looks:
    """Tell what a file is; reads at most its first bytes.

    Args:
        path: the file.
        size_bytes: size in bytes.

    Raises:
        OSError: it cannot be read.
    """
    suffix = path.suffix.lower()
    named = suffix in SLIDE_SUFFIXES
    if suffix in _PARTIAL:
        return Looks("other", "is a download that has not ended: fetch it to its end")
    if suffix in _PACKED:
        return Looks("other", "is a packed archive: unpack it, slides are not looked for inside")
    if suffix in _NEVER:
        return Looks("other", "is no slide")
    if size_bytes == 0:
        return Looks("broken" if named else "other", "is empty (0 bytes): fetch it again")
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    return _by_head(head, suffix, named)


def _by_head(head: bytes, suffix: str, named: bool) -> Looks:
    if head[128:132] == b"DICM":
        return Looks("dicom")
    if suffix in (".mrxs", ".vms", ".vmu") or head.startswith((*_TIFF, _CZI)):
        return Looks("slide")
    if head.startswith(_SQLITE) and suffix == ".svslide":
        return Looks("slide")
    if head.startswith(_PICTURES) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP"):
        return Looks("picture")
    if suffix in PICTURE_SUFFIXES:
        return Looks("other", "is named like a picture but holds something else")
    if not named:
        return Looks("other", "is no slide")
    return Looks("broken", _what_instead(head))


def _what_instead(head: bytes) -> str:
    """What a file under a slide's name holds instead."""
    start = head.lstrip().lower()
    if head.startswith(b"version https://git-lfs") or b"/annex/objects/" in head:
        return "is a pointer to the slide and not the slide: fetch its content (git lfs pull, git annex get, dvc pull)"
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "holds a web page or XML, as a failed download leaves it: fetch it again"
    if head.startswith((b"PK\x03\x04", b"\x1f\x8b")):
        return "is a packed archive: unpack it"
    if not head.strip(b"\0"):
        return "begins with zeros, as a download that failed leaves it: fetch it again"
    return "is named like a slide but holds something else: wrong suffix?"


def shown_name(path: Path) -> str:
    """The name of a slide as people know it: without a slide's suffix, composed Unicode (NFC).

    Dots inside of it stay: a DICOM folder `1.2.840.4.0` is not `1.2.840.4`.
    """
    name = unicodedata.normalize("NFC", path.name)
    for suffix in sorted(SLIDE_SUFFIXES | PICTURE_SUFFIXES, key=len, reverse=True):
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            name = name[: -len(suffix)]
            break
    return name[:-4] if name.lower().endswith(".ome") and len(name) > 4 else name


def link_as_text(path: Path, size_bytes: int) -> Path | None:
    """The file that a link leads to which was copied as text, as git and archives do where links cannot be made.

    Args:
        path: a file that holds no slide.
        size_bytes: size in bytes.

    Returns:
        The slide, or None when the file is no such link.
    """
    if size_bytes > _LONGEST_LINK:
        return None
    try:
        text = path.read_bytes().decode("utf-8").strip()
        target = path.parent / text
        if not text or "\n" in text or not target.is_file():
            return None
        return target if look(target, target.stat().st_size).kind == "slide" else None
    except (OSError, UnicodeDecodeError, ValueError):
        return None
