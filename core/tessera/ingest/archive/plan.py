"""What an ingest of an archive will take: slides, bytes, tiles, time and disk, before anything moves."""

from __future__ import annotations

from dataclasses import dataclass

from tessera.config import IngestConfig, StreamConfig
from tessera.errors import ConfigError
from tessera.ingest.archive.catalogue import Catalogue, RemoteSlide

# Diagnostic TCGA slides give 8,000 to 13,000 tiles of 224 px at 0.5 um/px each and have 1.09 GB on average
# (reference/gdc.md, 4).
# Small files are often scanned at 20x or cut out of tissue: they may be nothing but tiles.
_FEW_TILES_PER_BYTE, _MANY_TILES_PER_BYTE = 8_000 / 1.092e9, 13_000 / 1.092e9
_SMALL_SLIDE_BYTES, _SMALL_TILES_PER_BYTE = 500e6, 1 / 10_000  # our JPEG takes more than a scanner's
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
        tiles: between so many and so many will be kept.
        tile_bytes: between so much and so much disk for good.
        slide_budget: disk for slides in passage.
        tile_budget: disk for kept tiles.
        free_bytes: free space of the volume now.
        hours: (bytes a second, hours) for two lines.
        workers: how many work on this machine, each with a slide budget of its own.
        refusal: why the ingest would not begin, and what to do; empty when it would.
    """

    source: str
    release: str
    slides: int
    slide_bytes: int
    largest: str
    largest_bytes: int
    rejected: list[tuple[str, str]]
    tiles: tuple[int, int]
    tile_bytes: tuple[int, int]
    slide_budget: int
    tile_budget: int
    free_bytes: int
    hours: list[tuple[float, float]]
    workers: int = 1
    refusal: str = ""

    def summary(self) -> str:
        """The plan in lines for a terminal."""
        lines = [
            f"{self.source}{f' ({self.release})' if self.release else ''}",
            (
                f"slides   {self.slides:,}, {size_words(self.slide_bytes)}; the largest has "
                f"{size_words(self.largest_bytes)}"
            ),
            f"tiles    roughly {_range([_rough(n) for n in self.tiles])}, "
            f"{_range(list(map(size_words, self.tile_bytes)))} of disk "
            f"permanently (budget {size_words(self.tile_budget)}); an estimate from the file sizes alone",
            f"disk     at most {size_words(self.slide_budget)} for slides being processed; "
            f"the volume has {size_words(self.free_bytes)} free",
            *([f"         {together(self.workers, self.slide_budget)}"] if self.workers > 1 else []),
            "time     "
            + ", ".join(f"{_hours(hours)} at {rate / 1e6:.0f} MB/s" for rate, hours in self.hours)
            + ", if tiling keeps up",
        ]
        if self.tile_bytes[1] > self.tile_budget:
            will = "will" if self.tile_bytes[0] > self.tile_budget else "may"
            lines.append(
                f"!        the tiles {will} not fit into their budget: the ingest ends cleanly when it is reached; set "
                "--max-tiles-per-slide, or raise --tile-budget"
            )
        if self.workers * self.slide_budget + min(self.tile_bytes[1], self.tile_budget) > self.free_bytes:
            lines.append("!        the volume has less free space than both budgets: the ingest pauses when it is full")
        lines += [f"  - {name}: {reason}" for name, reason in self.rejected]
        lines += [f"!        it would not start: {self.refusal}"] if self.refusal else []
        return "\n".join(lines)


def together(workers: int, slide_budget: int) -> str:
    """What workers of one machine may hold on its disk: the budget is each worker's own."""
    return f"{workers} workers on this machine may hold {size_words(workers * slide_budget)} of slides together"


def make_plan(
    source: str, catalogue: Catalogue, config: StreamConfig, ingest: IngestConfig, *, free_bytes: int, workers: int = 1
) -> Plan:
    """Estimate an ingest.

    Raises:
        ConfigError: nothing is listed.
    """
    refusal = _refusal(catalogue.slides, config, ingest)
    total = sum(slide.size_bytes for slide in catalogue.slides)
    largest = max(catalogue.slides, key=lambda slide: slide.size_bytes)
    likely = [likely_tiles(slide.size_bytes, ingest) for slide in catalogue.slides]
    tiles = sum(few for few, _ in likely), sum(many for _, many in likely)
    each = _TILE_BYTES * (ingest.tile_px / 224) ** 2
    return Plan(
        source,
        catalogue.release,
        len(catalogue.slides),
        total,
        largest.name,
        largest.size_bytes,
        catalogue.rejected,
        tiles,
        (round(tiles[0] * each), round(tiles[1] * each)),
        config.slide_budget,
        config.tile_budget,
        free_bytes,
        [(rate, total / rate / 3600) for rate in _RATES],
        workers,
        refusal,
    )


def check_budget(slides: list[RemoteSlide], config: StreamConfig, ingest: IngestConfig | None = None) -> None:
    """Refuse a budget into which a slide does not fit: it would wait for ever.

    Args:
        slides: all that are to be fetched.
        config: the budgets.
        ingest: how they are cut; given when no tile is there yet, so that at least one slide's tiles must fit.

    Raises:
        ConfigError: the plan does not fit its budgets, or there are no slides.
    """
    refusal = _refusal(slides, config, ingest)
    if refusal:
        raise ConfigError(refusal)


def _refusal(slides: list[RemoteSlide], config: StreamConfig, ingest: IngestConfig | None) -> str:
    if not slides:
        raise ConfigError("no slide of this source can be fetched: see the reasons above, or choose another source")
    largest = max(slides, key=lambda slide: slide.size_bytes)
    if largest.size_bytes > config.slide_budget:
        return (
            f"{largest.name} has {size_words(largest.size_bytes)} and the budget for slides is "
            f"{size_words(config.slide_budget)}: give --slide-budget {enough(largest.size_bytes)} or more"
        )
    if ingest is None:
        return ""
    least = min(worst_tile_bytes(slide.size_bytes, ingest) for slide in slides)
    if least > config.tile_budget:
        return (
            f"the tiles of even the smallest slide may take {size_words(least)} and their budget is "
            f"{size_words(config.tile_budget)}: give --tile-budget {enough(least)} or more, or --max-tiles-per-slide"
        )
    return ""


def enough(n: int) -> str:
    """A budget that holds `n` bytes, rounded up to two digits and written as one types it: 47MB."""
    step = 10 ** max(0, len(str(n)) - 2)
    rounded = -(-n // step) * step
    for unit, factor in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if rounded >= factor:
            return f"{rounded / factor:g}{unit}"
    return str(rounded)


def likely_tiles(slide_bytes: int, ingest: IngestConfig) -> tuple[int, int]:
    """Between how many and how many tiles a slide of this size gives."""
    area = (_REFERENCE_UM / (ingest.tile_px * ingest.mpp)) ** 2
    many = _SMALL_TILES_PER_BYTE if slide_bytes < _SMALL_SLIDE_BYTES else _MANY_TILES_PER_BYTE
    few, many = round(slide_bytes * _FEW_TILES_PER_BYTE * area), round(slide_bytes * many * area)
    cap = ingest.max_tiles_per_slide or many
    return min(few, cap), min(many, cap)


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


def _range(ends: list[str]) -> str:
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _rough(n: int) -> str:
    """Two digits of a number: more would look as if they were known."""
    return f"{float(f'{n:.2g}'):,.0f}"


def _hours(hours: float) -> str:
    if hours < 1 / 60:
        return f"{max(1, round(hours * 3600))} s"
    if hours < 1:
        return f"{round(hours * 60)} min"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"
