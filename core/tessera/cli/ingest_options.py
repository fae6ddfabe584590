"""The options of `tessera ingest`, by what they are about, and how an ingest ends."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from tessera.cli.options import DONE, FAILED, SET_ASIDE, setting
from tessera.config import IngestConfig, StreamConfig

if TYPE_CHECKING:
    from tessera.ingest.report import IngestReport

_ARCHIVE = Group(
    "From an archive, through a small disk",
    help="Another address of the GDC's interface, for example an in-house mirror: --set gdc_url=URL.",
)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Cutting:
    """Settings of `IngestConfig` that have an option of their own."""

    mpp: Annotated[str | None, setting(IngestConfig, "mpp")] = None
    tile_px: Annotated[str | None, setting(IngestConfig, "tile_px")] = None
    overlap: Annotated[str | None, setting(IngestConfig, "overlap")] = None
    max_tiles_per_slide: Annotated[str | None, setting(IngestConfig, "max_tiles_per_slide")] = None
    tissue: Annotated[str | None, setting(IngestConfig, "tissue")] = None
    min_tissue: Annotated[str | None, setting(IngestConfig, "min_tissue")] = None
    default_mpp: Annotated[str | None, setting(IngestConfig, "default_mpp")] = None
    threads: Annotated[str | None, setting(IngestConfig, "threads")] = None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Corrected:
    """What the user says against the files, and whether it is cut again.

    Attributes:
        mpp_of: resolutions.
        patients: patients and sites.
        recut: whether slides are cut again whose tiles were cut otherwise.
    """

    mpp_of: Annotated[
        Path | None, Parameter(help="CSV of file,mpp: um per pixel against what files say; file may have * and ?.")
    ] = None
    patients: Annotated[Path | None, Parameter(help="CSV of file,patient and perhaps site; file may have * and ?.")] = (
        None
    )
    recut: Annotated[
        bool,
        Parameter(
            help="Cut known slides again whose tiles were cut with other settings. The old tiles stay for the runs "
            "that "
            "have them; new runs leave them out.",
            show_default=False,
        ),
    ] = False


@Parameter(name="*", group=_ARCHIVE)
@dataclass(frozen=True, kw_only=True)
class Streaming:
    """Settings of `StreamConfig` that have an option of their own."""

    limit: Annotated[str | None, setting(StreamConfig, "limit")] = None
    slide_budget: Annotated[str | None, setting(StreamConfig, "slide_budget")] = None
    tile_budget: Annotated[str | None, setting(StreamConfig, "tile_budget")] = None
    connections: Annotated[str | None, setting(StreamConfig, "connections")] = None
    mirror: Annotated[str | None, setting(StreamConfig, "mirror")] = None
    slides_dir: Annotated[str | None, setting(StreamConfig, "slides_dir")] = None
    token_file: Annotated[str | None, setting(StreamConfig, "token_file")] = None


@Parameter(name="*", group=_ARCHIVE)
@dataclass(frozen=True, kw_only=True)
class Archive:
    """Which slides of which archive, and who shares the work.

    Attributes:
        project: TCGA-BRCA, or TCGA for all; with gdc: as source; may be repeated.
        strategy: 'Diagnostic Slide' (default) or 'Tissue Slide'; may be repeated.
        manifest: a GDC manifest in place of projects; with gdc: as source.
        urls: CSV with the columns url, size, md5 and perhaps name, project.
        plan: say what it will take, and move nothing.
        go_on: continue with what is queued, with the settings it was begun with.
        retry_failed: put slides that failed or were set aside back into the queue first.
        workers: machines that share the slides, this one among them.
        launch: starts the other workers.
    """

    project: Annotated[
        list[str] | None, Parameter(help="TCGA-BRCA, or TCGA for all; with gdc: as source; may be repeated.")
    ] = None
    strategy: Annotated[
        list[str] | None, Parameter(help="'Diagnostic Slide' (default) or 'Tissue Slide'; may be repeated.")
    ] = None
    manifest: Annotated[Path | None, Parameter(help="A GDC manifest in place of projects; with gdc: as source.")] = None
    urls: Annotated[Path | None, Parameter(help="CSV with the columns url, size, md5 and perhaps name, project.")] = (
        None
    )
    plan: Annotated[
        bool, Parameter(help="Report what it will take, without downloading anything.", show_default=False)
    ] = False
    go_on: Annotated[
        bool, Parameter(help="Continue with what is queued, with its own settings.", show_default=False)
    ] = False
    retry_failed: Annotated[
        bool, Parameter(help="Queue slides that failed or were set aside again first.", show_default=False)
    ] = False
    workers: Annotated[int, Parameter(help="Machines that share the slides, this one among them.")] = 1
    launch: Annotated[
        str | None,
        Parameter(
            help="Start the other workers: slurm[:partition=P,timeout_min=M,...], dask:ADDRESS of its scheduler, or "
            "local; "
            "without it, start the same words on each with RANK and WORLD_SIZE, or as a Slurm array or a Kubernetes "
            "indexed job."
        ),
    ] = None


def exit_code(report: IngestReport) -> int:
    """How an ingest ended: done, failed, or done but for slides that wait for a word from a person."""
    if report.ok:
        return DONE
    only_set_aside = 0 < len(report.problems) <= report.slides_set_aside and not report.slides_failed
    return SET_ASIDE if only_set_aside else FAILED
