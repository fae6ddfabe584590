"""Which files of the named sources are slides."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import openslide

SLIDE_SUFFIXES = frozenset(
    ".svs .tif .tiff .ndpi .vms .vmu .scn .mrxs .svslide .bif .czi .dcm".split()  # noqa: SIM905
)
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # little and big endian, classic and BigTIFF
_CHUNK_BYTES = 4 * 1024**2


def find_slides(sources: Iterable[Path]) -> tuple[list[Path], list[tuple[Path, str]], list[tuple[Path, str]]]:
    """Sort the files of sources into slides, broken slides and others.

    A folder with DICOM files is one slide. Data folders of MIRAX slides are passed over. Files that OpenSlide
    recognises count as slides whatever their suffix.

    Args:
        sources: slides, or folders that are searched through.

    Returns:
        Slides in a stable order; (file, reason) of what should be a slide and is none; (file, reason) of other files.
    """
    slides: list[Path] = []
    broken: list[tuple[Path, str]] = []
    others: list[tuple[Path, str]] = []
    for source in sources:
        if not source.exists():
            broken.append((source, "does not exist: check the path"))
        elif source.is_dir():
            _search(source, slides, broken, others)
        else:
            reason = _why_not(source)
            if reason:
                broken.append((source, reason))
            else:
                slides.append(source)
    return list(dict.fromkeys(path.resolve() for path in slides)), broken, others


def _search(folder: Path, slides: list[Path], broken: list[tuple[Path, str]], others: list[tuple[Path, str]]) -> None:
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    files = [entry for entry in entries if entry.is_file()]
    if any(file.suffix.lower() == ".dcm" for file in files):
        slides.append(folder)
        files = [file for file in files if file.suffix.lower() != ".dcm"]
    for file in files:
        reason = _why_not(file)
        if not reason:
            slides.append(file)
        elif file.suffix.lower() in SLIDE_SUFFIXES:
            broken.append((file, reason))
        else:
            others.append((file, reason))
    mirax = {file.stem for file in files if file.suffix.lower() in (".mrxs", ".vms", ".vmu")}
    for entry in entries:
        if entry.is_dir() and entry.name not in mirax:
            _search(entry, slides, broken, others)


def _why_not(file: Path) -> str:
    """Why a file is no slide; empty when it is one."""
    try:
        if file.stat().st_size == 0:
            return "is empty (0 bytes): fetch it again"
        if openslide.OpenSlide.detect_format(file) is None:
            return _why_unknown(file)
    except openslide.OpenSlideError as error:
        return f"broken or truncated: {error}"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return ""


def _why_unknown(file: Path) -> str:
    """Why OpenSlide does not know a file: cut short, or something else under a slide's name."""
    if file.suffix.lower() not in SLIDE_SUFFIXES:
        return "is no slide"
    with file.open("rb") as stream:
        if stream.read(4) in _TIFF:
            return "begins like a slide but is cut short or damaged: fetch it again"
    return "is named like a slide but holds something else: wrong suffix?"


def hash_slide(path: Path) -> tuple[str, int]:
    """SHA-256 and size in bytes of a slide; of a folder, over its files in order of name."""
    digest, size = hashlib.sha256(), 0
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        if not file.is_file():
            continue
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
    return digest.hexdigest(), size
