"""What an ingest of an archive will take: slides, bytes, tiles, time and disk, before anything moves."""

from __future__ import annotations

from dataclasses import dataclass

from core.config import IngestConfig, StreamConfig
from core.errors import ConfigError
from core.ingest.remote import Catalogue, RemoteSlide

# Diagnostic TCGA slides give about 10,000 tiles of 224 px at 0.5 um/px each and have 1.09 GB on average (reference/gdc.md, 4).
_TILES_PER_BYTE = 10_000 / 1.092e9
_REFERENCE_UM = 224 * 0.5
_TILE_BYTES, _WORST_TILE_BYTES = 17_000, 40_000  # of 224 px, JPEG quality 90: mean, and more than any seen
_WORST_SHARE = 1.5  # tiles of a whole slide at its own resolution and our quality, over the slide's size
_RATES = (10e6, 100e6)


@dataclass(frozen=True)
class Plan:
    """An estimate.

    Attributes:
        source: in words.
        release: the archive's data release.
        slides: how many.
        slide_bytes: their sizes in all.
        largest: name of the largest slide.
        largest_bytes: its size.
        rejected: (name, reason) of entries that cannot be fetched.
        tiles: about so many will be kept.
        tile_bytes: about so much disk for good.
        slide_budget: disk for slides in passage.
        tile_budget: disk for kept tiles.
        free_bytes: free space of the volume now.
        hours: (bytes a second, hours) for two lines.
    """

    source: str
    release: str
    slides: int
    slide_bytes: int
    largest: str
    largest_bytes: int
    rejected: list[tuple[str, str]]
    tiles: int
    tile_bytes: int
    slide_budget: int
    tile_budget: int
    free_bytes: int
    hours: list[tuple[float, float]]

    def summary(self) -> str:
        """The plan in lines for a terminal."""
        lines = [
            f"{self.source}{f' ({self.release})' if self.release else ''}",
            f"slides   {self.slides:,}, {size_words(self.slide_bytes)}; the largest has {size_words(self.largest_bytes)}",
            f"tiles    about {self.tiles:,}, about {size_words(self.tile_bytes)} of disk for good "
            f"(budget {size_words(self.tile_budget)})",
            f"disk     at most {size_words(self.slide_budget)} for slides in passage; "
            f"the volume has {size_words(self.free_bytes)} free",
            "time     " + ", ".join(f"{_hours(hours)} at {rate / 1e6:.0f} MB/s" for rate, hours in self.hours)
            + ", if tiling keeps up",
        ]  # fmt: skip
        if self.tile_bytes > self.tile_budget:
            lines.append(
                "!        the tiles will not fit into their budget: the ingest ends cleanly when it is reached; set "
                "--max-tiles-per-slide, or raise --tile-budget"
            )
        if self.slide_budget + min(self.tile_bytes, self.tile_budget) > self.free_bytes:
            lines.append("!        the volume has less free space than both budgets: the ingest pauses when it is full")
        lines += [f"  - {name}: {reason}" for name, reason in self.rejected]
        return "\n".join(lines)


def make_plan(
    source: str, catalogue: Catalogue, config: StreamConfig, ingest: IngestConfig, free_bytes: int
) -> Plan:  # fmt: skip
    """Estimate an ingest.

    Raises:
        ConfigError: a slide is larger than the budget for slides, or nothing is listed.
    """
    check_budget(catalogue.slides, config)
    total = sum(slide.size_bytes for slide in catalogue.slides)
    largest = max(catalogue.slides, key=lambda slide: slide.size_bytes)
    tiles = sum(likely_tiles(slide.size_bytes, ingest) for slide in catalogue.slides)
    return Plan(
        source, catalogue.release, len(catalogue.slides), total, largest.name, largest.size_bytes, catalogue.rejected,
        tiles, round(tiles * _TILE_BYTES * (ingest.tile_px / 224) ** 2), config.slide_budget, config.tile_budget,
        free_bytes, [(rate, total / rate / 3600) for rate in _RATES],
    )  # fmt: skip


def check_budget(slides: list[RemoteSlide], config: StreamConfig) -> None:
    """Refuse a budget into which a slide does not fit: it would wait for ever.

    Raises:
        ConfigError: so it is, or there are no slides.
    """
    if not slides:
        raise ConfigError("no slide of this source can be fetched: see the reasons above, or choose another source")
    largest = max(slides, key=lambda slide: slide.size_bytes)
    if largest.size_bytes > config.slide_budget:
        raise ConfigError(
            f"{largest.name} has {size_words(largest.size_bytes)} and the budget for slides is "
            f"{size_words(config.slide_budget)}: give --slide-budget {-(-largest.size_bytes // 10**9)}GB or more"
        )


def likely_tiles(slide_bytes: int, ingest: IngestConfig) -> int:
    """About how many tiles a slide of this size gives."""
    likely = round(slide_bytes * _TILES_PER_BYTE * (_REFERENCE_UM / (ingest.tile_px * ingest.mpp)) ** 2)
    return min(likely, ingest.max_tiles_per_slide or likely)


def worst_tile_bytes(slide_bytes: int, ingest: IngestConfig) -> int:
    """The disk that is reserved for the tiles of a slide; more than it takes."""
    whole = round(slide_bytes * _WORST_SHARE)
    if not ingest.max_tiles_per_slide:
        return whole
    return min(whole, round(ingest.max_tiles_per_slide * _WORST_TILE_BYTES * (ingest.tile_px / 224) ** 2))


def size_words(n: float) -> str:
    """A size in words: 12.0 GB."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= factor:
            return f"{n / factor:.1f} {unit}"
    return f"{n:.0f} bytes"


def _hours(hours: float) -> str:
    if hours < 1:
        return f"{max(1, round(hours * 60))} min"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"
