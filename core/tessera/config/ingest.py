"""How slides are cut into tiles, and how they are fetched from an archive."""

from __future__ import annotations

from dataclasses import dataclass

from tessera.config.settings import Config, setting
from tessera.errors import ConfigError

TISSUE = ("auto", "he", "ihc", "special", "fluorescence", "grey", "all")


@dataclass(frozen=True)
class IngestConfig(Config):
    """How slides are cut into tiles. Tile size and resolution are fixed for a workspace by its first ingest."""

    mpp: float = setting(0.5, "Resolution of the tiles; 0.5 is the usual 20x.", unit="um/px", low=0.05, high=20)
    tile_px: int = setting(224, "Side of a tile as stored.", unit="px", low=16, high=2048)
    overlap: int = setting(0, "Pixels that neighbouring tiles share.", unit="px", low=0, high=1024)
    max_tiles_per_slide: int = setting(
        0, "Keep at most this many tiles of a slide, the same ones each time; 0 keeps all.", unit="tiles", low=0
    )
    tissue: str = setting(
        "auto",
        "Which stain to expect: auto guesses for each slide; all takes every position and drops no tile.",
        choices=TISSUE,
    )
    min_tissue: float = setting(0.5, "Share of a tile that the tissue mask must cover.", low=0, high=1)
    default_mpp: float = setting(
        0, "Resolution assumed for slides that record none; 0 sets such slides aside.", unit="um/px", low=0, high=20
    )
    jpeg_quality: int = setting(
        90, "JPEG quality of stored tiles: about 17 kB a tile.", low=30, high=100, advanced=True
    )
    max_white: float = setting(0.8, "Drop a tile if more of it is white.", low=0, high=1, advanced=True)
    min_sharpness: float = setting(
        4.0, "Drop a tile as blurred if its gradient spread is lower.", low=0, high=1000, advanced=True
    )
    max_pen: float = setting(0.1, "Drop a tile if more of it has the colour of a pen.", low=0, high=1, advanced=True)
    threads: int = setting(0, "Reading threads; 0 takes one per core.", low=0, high=256, advanced=True)
    commit_tiles: int = setting(
        20_000, "Tiles held in memory (17 kB each) and committed together.", unit="tiles", low=1, advanced=True
    )

    slide_pixels: int = setting(
        100_000_000_000,
        "Refuse a slide that claims more pixels; 100 gigapixels are 300,000 x 330,000.",
        unit="px",
        low=1_000_000,
        advanced=True,
    )
    slide_memory: int = setting(
        4_000_000_000,
        "Memory that reading one slide may take; the slide fails, not the ingest.",
        unit="bytes",
        low=100_000_000,
        advanced=True,
    )
    slide_seconds: float = setting(
        7200, "Longest time for one slide; 0 sets no limit.", unit="s", low=0, high=1_000_000, advanced=True
    )
    slide_silence: float = setting(
        300,
        "A slide that gives no tile for this long is considered hung and is abandoned.",
        unit="s",
        low=1,
        high=86_400,
        advanced=True,
    )

    def __post_init__(self) -> None:
        """Check every bound.

        Raises:
            ConfigError: a value is out of its bounds, or the overlap leaves no step.
        """
        super().__post_init__()
        if self.overlap >= self.tile_px:
            raise ConfigError(f"overlap={self.overlap} must be smaller than tile_px={self.tile_px}")


@dataclass(frozen=True)
class StreamConfig(Config):
    """How slides of an archive are fetched, kept for a while and given up again (reference: GDC user guide)."""

    slide_budget: int = setting(
        12_000_000_000,
        "Disk that slides may hold at any moment; 12 GB keeps a 100 MB/s line busy.",
        unit="bytes",
        low=1,
    )
    tile_budget: int = setting(
        200_000_000_000, "Disk that kept tiles may take in the end; then the ingest ends cleanly.", unit="bytes", low=1
    )
    free_floor: int = setting(
        5_000_000_000, "Free space of the volume that is never touched; others write to it too.", unit="bytes", low=0
    )
    limit: int = setting(
        0, "Take at most this many slides, in the order of their ids; 0 takes all.", unit="slides", low=0
    )
    connections: int = setting(4, "Slides fetched at the same time; archives ask clients to use few.", low=1, high=4)
    tilers: int = setting(2, "Slides cut at the same time.", low=1, high=64, advanced=True)
    gdc_url: str = setting("https://api.gdc.cancer.gov", "Address of the GDC's interface.", advanced=True)
    mirror: str = setting(
        "", "Faster address of the same files, URL/{file_id}/{name}; https://tcga-2-open.s3.amazonaws.com for TCGA."
    )
    token_file: str = setting("", "File with an X-Auth-Token; no open slide needs one.", advanced=True)
    slides_dir: str = setting(
        "",
        "Folder for slides while they are processed, on a disk of this machine; empty uses one in the workspace.",
        advanced=True,
    )
    page_size: int = setting(
        500, "Rows per page of the catalogue; larger ones time out.", low=1, high=10_000, advanced=True
    )
    attempts: int = setting(
        8, "Attempts without a new byte before a slide is put back in the queue.", low=1, high=100, advanced=True
    )
    rounds: int = setting(
        4, "How often a slide is queued again after all attempts have failed.", low=1, high=100, advanced=True
    )
    round_wait_s: float = setting(
        300, "First wait of such a slide; doubles each time.", unit="s", low=0, high=86_400, advanced=True
    )
    connect_timeout_s: float = setting(
        10, "Longest wait for a connection.", unit="s", low=0.01, high=600, advanced=True
    )
    read_timeout_s: float = setting(60, "Longest wait for the next bytes.", unit="s", low=0.01, high=600, advanced=True)
    min_rate: int = setting(20_000, "A slower connection is dropped and resumed.", unit="bytes/s", low=0, advanced=True)
    min_rate_window_s: float = setting(
        60, "Time over which that rate is judged.", unit="s", low=0.01, high=3600, advanced=True
    )
    commit_every_s: float = setting(
        120,
        (
            "Tiles that wait for a full batch are committed after this time at the latest; sooner at first, so that a "
            "run "
            "can begin."
        ),
        unit="s",
        low=0,
        high=86_400,
        advanced=True,
    )
    disk_wait_s: float = setting(
        10, "Pause before the next try when the disk was full.", unit="s", low=0.01, high=3600, advanced=True
    )
    worker_silence_s: float = setting(
        120,
        "Another machine's share is taken over when it has been silent for this long.",
        unit="s",
        low=0.1,
        high=86_400,
        advanced=True,
    )
