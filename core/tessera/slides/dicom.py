"""DICOM by what its headers say.

Which files of a folder are one slide (SOP class, series), and which are something else.

Runs in a child process. A slide is a series of VL Whole Slide Microscopy Images (DICOM PS3.4, B.5) that has volume
images; its label and overview belong to it, annotations, directories and other images do not.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tessera.slides.child.serve import Answer, Host

WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
_DIRECTORY = "1.2.840.10008.1.3.10"
_TAGS = [
    "SOPClassUID",
    "SeriesInstanceUID",
    "ImageType",
    "PatientID",
    "ContainerIdentifier",
    "Modality",
    "InstitutionName",
    "TotalPixelMatrixColumns",
    "TotalPixelMatrixRows",
]
_MAGIC_AT = 128


@dataclass(frozen=True)
class Series:
    """The files of one series in a folder.

    Attributes:
        uid: SeriesInstanceUID.
        files: names, in order.
        opens: name of the file that opens the slide: its largest volume image; empty when it has none.
        container: what is written on the glass, or empty.
        reason: why it is no slide; empty when it is one.
    """

    uid: str
    files: list[str]
    opens: str
    container: str
    reason: str


def task(arguments: dict[str, Any], host: Host) -> Answer:  # noqa: ARG001
    """The series of a folder, for the parent process."""
    files = [Path(arguments["path"]) / name for name in arguments["files"]]
    series, problems = read_series(files)
    return {"series": [asdict(one) for one in series], "problems": problems}, []


def is_dicom(file: Path) -> bool:
    """Whether a file has DICOM's preamble."""
    with file.open("rb") as stream:
        return stream.read(_MAGIC_AT + 4)[_MAGIC_AT:] == b"DICM"


def read_series(files: list[Path]) -> tuple[list[Series], list[tuple[str, str]]]:
    """Group DICOM files by series.

    Args:
        files: of one folder, with DICOM's preamble.

    Returns:
        The series in order of their first file, and (name, reason) of files that are not read.
    """
    import pydicom
    from pydicom.errors import InvalidDicomError

    grouped: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    problems = []
    for file in files:
        try:
            header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(_TAGS))
        except (InvalidDicomError, OSError, ValueError, KeyError, AttributeError, NotImplementedError) as error:
            problems.append((file.name, f"is DICOM that cannot be read ({error}): fetch it again"))
            continue
        if str(header.file_meta.get("MediaStorageSOPClassUID", "")) == _DIRECTORY:
            problems.append((file.name, "is a DICOMDIR, an index, and no slide"))
            continue
        grouped[str(header.get("SeriesInstanceUID", ""))].append((file.name, header))
    return [_series(uid, members) for uid, members in grouped.items()], problems


def _series(uid: str, members: list[tuple[str, Any]]) -> Series:
    slides = [(name, header) for name, header in members if str(header.get("SOPClassUID", "")) == WHOLE_SLIDE]
    volumes = [(name, header) for name, header in slides if _is_volume(header)]
    names = [name for name, _ in (slides or members)]
    if not slides:
        kind, modality = str(members[0][1].get("SOPClassUID", "")), str(members[0][1].get("Modality", "")) or "?"
        reason = f"is DICOM, but no whole-slide image (modality {modality}, SOP class {kind})"
        return Series(uid, names, "", "", reason)
    if not volumes:
        return Series(
            uid, names, "", "", "is a slide of which only label or overview are there: fetch its volume images"
        )
    opens, largest = max(volumes, key=lambda one: int(one[1].get("TotalPixelMatrixColumns", 0) or 0))
    return Series(uid, names, opens, str(largest.get("ContainerIdentifier", "") or ""), "")


def _is_volume(header: Any) -> bool:
    """Whether the third value of ImageType says so (PS3.3, C.8.12.4.1.1)."""
    kind = header.get("ImageType") or []
    return len(kind) < 3 or str(kind[2]).upper() in ("VOLUME", "RESAMPLED", "NONE")


def entry_of(folder: Path) -> Path | None:
    """The file of a folder that opens its (first) slide; None when there is none."""
    files = [file for file in sorted(folder.iterdir()) if file.is_file() and not file.name.startswith(".")]
    series, _ = read_series([file for file in files if is_dicom(file)])
    opens = [one.opens for one in series if one.opens]
    return folder / opens[0] if opens else None
