"""What an ingest did, for the terminal, for programs and for the exit code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tessera.words import counted

_NOTES = 5
# settings that decide which tiles of a slide are kept, and how
_CUTTING = ("max_tiles_per_slide", "min_tissue", "jpeg_quality", "max_white", "min_sharpness", "max_pen")


@dataclass
class IngestReport:
    """Counts of one ingest.

    Attributes:
        slides_done: slides (or groups of ready-made tiles) with tiles in the store.
        slides_empty: slides in which no tile was worth keeping.
        slides_failed: slides that are broken.
        slides_set_aside: slides without a resolution.
        duplicates: slides whose bytes are known already.
        skipped: slides that a former ingest has finished.
        tiles_added: new tiles in the store.
        seconds: wall time.
        problems: (file, reason) of everything that is not in the store and should perhaps be.
        notes: (slide, caution) of slides whose tiles are in the store.
        ignored: (file, reason) of files in scanned folders that are no slides at all.
        still_out: slides of an archive that former ingests could not take in, and nobody asked for again.
        asked: cutting settings that were named by the user; slides that are known already keep the tiles they have.
        cut_otherwise: (slide, settings) of slides whose tiles were cut with other settings than were asked for now.
        ended: why it ended with slides left to do although nothing is wrong, empty otherwise.
    """

    slides_done: int = 0
    slides_empty: int = 0
    slides_failed: int = 0
    slides_set_aside: int = 0
    duplicates: int = 0
    skipped: int = 0
    tiles_added: int = 0
    seconds: float = 0
    problems: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[tuple[str, str]] = field(default_factory=list)
    still_out: int = 0
    asked: tuple[str, ...] = ()
    cut_otherwise: list[tuple[str, str]] = field(default_factory=list)
    ended: str = ""

    @property
    def ok(self) -> bool:
        """Whether everything that was named is in the store."""
        return not self.problems and self.slides_done + self.duplicates + self.skipped > 0

    def note(self, name: str, caution: str) -> None:
        """Keep a word of caution about a slide whose tiles are in the store; an empty one is none."""
        if caution:
            self.notes.append((name, caution))

    def asked_for(self, named: Iterable[str]) -> None:
        """Keep which of the named settings decide how slides are cut."""
        self.asked = tuple(name for name in _CUTTING if name in set(named))

    def end(self, state: str, message: str) -> None:
        """Keep the last word of a streaming ingest: a clean end is no problem."""
        if state == "finished":
            self.ended = message
        elif message:
            self.problems.append(("the ingest", message))

    def summary(self) -> str:
        """A few lines for the terminal."""
        rate = self.tiles_added / self.seconds if self.seconds else 0
        lines = [
            f"{counted(self.slides_done, 'slide')}, {counted(self.tiles_added, 'tile')} added in {self.seconds:.1f} s "
            f"({rate:,.0f} tiles/s); "
            f"{self.skipped} known, {counted(self.duplicates, 'duplicate')}, {self.slides_empty} without tissue, "
            f"{self.slides_set_aside} set aside, {self.slides_failed} failed"
        ]
        lines += [f"  ! {name}: {reason}" for name, reason in self.problems]
        lines += [f"  ~ {name} {caution}" for name, caution in self.notes[:_NOTES]]
        if len(self.notes) > _NOTES:
            more = counted(len(self.notes) - _NOTES, "more slide", "more slides")
            lines.append(f"  ~ and {more} like these: `tessera status --json` lists them")
        lines += [f"  - {name}: {reason}" for name, reason in self.ignored]
        if self.cut_otherwise:
            name, settings = self.cut_otherwise[0]
            known = counted(len(self.cut_otherwise), "known slide keeps", "known slides keep")
            lines.append(
                f"  {known} tiles that were cut with other settings (first {name}: {settings}); --recut cuts them again"
            )
        elif self.skipped and self.asked:
            lines.append(f"  known slides keep the tiles they have; for new slides only: {', '.join(self.asked)}")
        if self.still_out:
            out = counted(self.still_out, "slide is", "slides are")
            lines.append(f"  {out} still out from before: `tessera status` says why, --retry-failed tries again")
        lines += [f"  {self.ended}"] if self.ended else []
        return "\n".join(lines)
