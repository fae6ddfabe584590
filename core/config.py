"""Every setting once: its default, unit, bounds and one line of why.

The command line, the dashboard's forms and the saved `config.json` of a run are all derived from these dataclasses.
Help and bounds live in each field's metadata (instead of a docstring under the field) so that they can be read there.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from core.errors import ConfigError

C = TypeVar("C", "IngestConfig", "StreamConfig", "RunConfig", "ExportConfig", "PropagateConfig")


@dataclass(frozen=True)
class Setting:
    """What a form or a help text needs to know of one field.

    Attributes:
        help: one line of what it does and why it has its default.
        unit: unit of the value, empty when it has none.
        low: smallest value allowed, inclusive.
        high: largest value allowed, inclusive.
        choices: the values allowed, when they can be listed.
        advanced: hidden at first in forms.
        internal: set by Tessera itself, in no form.
    """

    help: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    advanced: bool = False
    internal: bool = False


def setting(default: Any, help: str, **about: Any) -> Any:
    """Declare a field with its default and its `Setting`."""
    return dataclasses.field(default=default, metadata={"setting": Setting(help, **about)})


@dataclass(frozen=True)
class IngestConfig:
    """How slides are cut into tiles. Tile size and resolution are fixed for a workspace by its first ingest."""

    mpp: float = setting(0.5, "Resolution of the tiles; 0.5 is the usual 20x.", unit="um/px", low=0.05, high=20)
    tile_px: int = setting(224, "Side of a tile as stored.", unit="px", low=16, high=2048)
    overlap: int = setting(0, "Pixels that neighbouring tiles share.", unit="px", low=0, high=1024)
    max_tiles_per_slide: int = setting(
        0, "Keep at most this many tiles of a slide, the same ones each time; 0 keeps all.", unit="tiles", low=0
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

    def __post_init__(self) -> None:
        """Check every bound.

        Raises:
            ConfigError: a value is out of its bounds, or the overlap leaves no step.
        """
        _check(self)
        if self.overlap >= self.tile_px:
            raise ConfigError(f"overlap={self.overlap} must be smaller than tile_px={self.tile_px}")


@dataclass(frozen=True)
class StreamConfig:
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
    connections: int = setting(4, "Slides fetched at the same time; archives ask for few.", low=1, high=4)
    tilers: int = setting(2, "Slides cut at the same time.", low=1, high=64, advanced=True)
    gdc_url: str = setting("https://api.gdc.cancer.gov", "Where the GDC's interface is.", advanced=True)
    mirror: str = setting(
        "", "Faster place of the same files, URL/{file_id}/{name}; https://tcga-2-open.s3.amazonaws.com for TCGA."
    )
    token_file: str = setting("", "File with an X-Auth-Token; no open slide needs one.", advanced=True)
    slides_dir: str = setting(
        "", "Folder for slides in passage, on a disk of this machine; empty takes one in the workspace.", advanced=True
    )
    page_size: int = setting(
        500, "Rows per page of the catalogue; larger ones time out.", low=1, high=10_000, advanced=True
    )
    attempts: int = setting(8, "Tries without a new byte before a slide waits.", low=1, high=100, advanced=True)
    rounds: int = setting(
        4, "How often a slide comes back after all tries were in vain.", low=1, high=100, advanced=True
    )
    round_wait_s: float = setting(
        300, "First wait of such a slide; doubles each time.", unit="s", low=0, high=86_400, advanced=True
    )
    connect_timeout_s: float = setting(10, "Wait for a connection.", unit="s", low=0.01, high=600, advanced=True)
    read_timeout_s: float = setting(60, "Wait for the next bytes.", unit="s", low=0.01, high=600, advanced=True)
    min_rate: int = setting(20_000, "A slower connection is dropped and resumed.", unit="bytes/s", low=0, advanced=True)
    min_rate_window_s: float = setting(
        60, "Time over which that rate is judged.", unit="s", low=0.01, high=3600, advanced=True
    )
    commit_every_s: float = setting(
        120, "Tiles that wait for a full batch are committed after this time, so that a run can begin.",
        unit="s", low=0, high=86_400, advanced=True,
    )  # fmt: skip
    disk_wait_s: float = setting(
        10, "Pause before the next try when the disk was full.", unit="s", low=0.01, high=3600, advanced=True
    )
    worker_silence_s: float = setting(
        120, "Another machine's share is taken over when it has been silent for so long.",
        unit="s", low=0.1, high=86_400, advanced=True,
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Check every bound.

        Raises:
            ConfigError: a value is out of its bounds.
        """
        _check(self)


METHODS = ("deepcluster", "deepcluster-v2")
INPUTS = ("rgb", "grey-sobel", "haematoxylin")
SCHEDULES = ("auto", "constant", "cosine")
CLUSTERERS = ("kmeans", "spherical-kmeans", "rcc", "pic", "hdbscan", "leiden")
COUNTS = ("target", "free")
NORMALISATIONS = ("auto", "pca-whiten", "centre-scale", "centre", "none")
BALANCES = ("sqrt", "natural", "uniform", "loss-weight")


@dataclass(frozen=True)
class RunConfig:
    """One training run. Each key can be set in a file, by `--set key=value`, or in the dashboard."""

    method: str = setting(
        "deepcluster",
        "deepcluster-v2 clusters what training has just seen; deepcluster reads all tiles again before each clustering.",
        choices=METHODS,
    )
    clusters: int = setting(
        50, "K, the number of pseudo-classes: several times the tissue classes expected.", low=2, high=100_000
    )
    epochs: int = setting(
        10,
        "How often to train on pseudo-labels and cluster again; 0 clusters the starting weights.",
        low=0,
        high=10_000,
    )
    encoder: str = setting(
        "resnet18",
        "resnet18, resnet50 or any timm model by name; alexnet-bn and vgg16-bn of the paper; tiny is for tests.",
    )
    input: str = setting(
        "rgb",
        "What the encoder sees: colour, edges of the grey image (blind to stain), or the haematoxylin stain alone.",
        choices=INPUTS,
        advanced=True,
    )
    weights: str = setting(
        "random", "Starting weights: random, timm (downloaded), or the path of a .safetensors or .pth file."
    )
    tile_px: int = setting(
        128,
        "Side of the image fed to the encoder: smaller is faster, larger shows nuclei.",
        unit="px",
        low=16,
        high=1024,
    )
    batch_size: int = setting(128, "Tiles per training step.", unit="tiles", low=2, high=65_536)
    balance: str = setting(
        "sqrt",
        "How often clusters are drawn: by size^1/2, naturally, uniformly (capped), or weighted in the loss.",
        choices=BALANCES,
    )
    normalisation: str = setting(
        "auto",
        "What is done to features before the unit sphere; auto is pca-whiten in deepcluster and none in deepcluster-v2.",
        choices=NORMALISATIONS,
        advanced=True,
    )
    clusterer: str = setting(
        "kmeans",
        "How features are clustered: kmeans makes K clusters; rcc, pic, hdbscan and leiden find K.",
        choices=CLUSTERERS,
    )
    cluster_count: str = setting(
        "target",
        "Of clusterers that find K: bring it to `clusters` by finer links or Ward's merges, or leave it free.",
        choices=COUNTS,
        advanced=True,
    )
    graph_points: int = setting(
        200_000,
        "Beyond this many tiles, clusterers that find K work on this many k-means cells, and tiles follow their cell.",
        unit="tiles",
        low=100,
        advanced=True,
    )
    rcc_lambda: float = setting(
        4, "Of rcc: how strongly neighbours attract; larger gives fewer clusters.", low=0.01, high=1000, advanced=True
    )
    rcc_hold: bool = setting(
        True, "Of rcc: hold the scales of the first clustering of a run, so that K does not drift.", advanced=True
    )
    learning_rate: float = setting(
        0.05, "SGD step at 256 tiles a batch; it is scaled with batch_size.", low=0, high=100
    )
    seed: int = setting(0, "The same workspace, settings and seed give the same clusters.", low=0, high=2**31 - 1)
    schedule: str = setting(
        "auto",
        "Whether learning_rate falls to zero over the run; auto is constant in deepcluster and cosine in deepcluster-v2.",
        choices=SCHEDULES,
        advanced=True,
    )
    warmup: float = setting(
        0.02, "Share of the run in which a cosine schedule rises to learning_rate.", low=0, high=0.5, advanced=True
    )
    heads: int = setting(
        1,
        "Clusterings of deepcluster-v2 that are learnt side by side; results show the first.",
        low=1,
        high=16,
        advanced=True,
    )
    crops: int = setting(
        1, "Views of each tile per step of deepcluster-v2; two cost twice the time.", low=1, high=2, advanced=True
    )
    temperature: float = setting(
        0.1, "Of deepcluster-v2: smaller sharpens the pseudo-classes.", low=0.01, high=10, advanced=True
    )
    projection_dim: int = setting(
        128, "Length of the embeddings that deepcluster-v2 clusters.", low=2, high=4096, advanced=True
    )
    keep_head: bool = setting(
        False,
        "Let the head rows of clusters that continue keep their weights; deepcluster begins anew, as the paper does.",
        advanced=True,
    )
    momentum: float = setting(0.9, "SGD momentum of the encoder; the new head has none.", low=0, high=1, advanced=True)
    weight_decay: float = setting(1e-5, "L2 penalty on all weights.", low=0, high=1, advanced=True)
    pca_dim: int = setting(256, "Dimensions kept by PCA-whitening.", low=1, high=256, advanced=True)
    interval_tiles: int = setting(
        0,
        "Tiles trained on between two clusterings; 0 is as many as the cohort has.",
        unit="tiles",
        low=0,
        advanced=True,
    )
    warm_start: bool = setting(
        True, "Start each clustering from the last labels, so that clusters continue.", advanced=True
    )
    kmeans_iterations: int = setting(20, "Lloyd steps of a k-means that starts cold.", low=1, high=1000, advanced=True)
    train_points_per_centroid: int = setting(
        256, "k-means learns from at most this many tiles per cluster; all are assigned.", low=1, advanced=True
    )
    min_cluster: int = setting(
        5, "Smaller clusters are dissolved, and a large one is split instead.", unit="tiles", low=1, advanced=True
    )
    balance_cap: float = setting(
        10, "No tile is drawn more often than this many times its natural rate.", low=1, advanced=True
    )
    crop_scale: float = setting(
        0.3, "Smallest share of a tile's area that a random crop keeps.", low=0.05, high=1, advanced=True
    )
    stain_jitter: float = setting(
        0.05, "Spread of random changes to haematoxylin and eosin; 0 is off.", low=0, high=0.5, advanced=True
    )
    extract_batch: int = setting(
        256, "Tiles per step of a feature pass.", unit="tiles", low=1, high=65_536, advanced=True
    )
    device: str = setting("auto", "auto, cpu, cuda or cuda:N.", advanced=True)
    threads: int = setting(0, "Loading threads; 0 takes one per core.", low=0, high=256, advanced=True)
    source: str = setting(
        "", "The run whose features `tessera cluster` clustered anew; empty for a run of its own.", internal=True
    )

    def __post_init__(self) -> None:
        """Check every bound.

        Raises:
            ConfigError: a value is unknown or out of its bounds.
        """
        _check(self)

    @property
    def spherical(self) -> bool:
        """Whether k-means puts its centroids on the unit sphere: the head of deepcluster-v2 compares directions."""
        return self.method == "deepcluster-v2" or self.clusterer == "spherical-kmeans"

    @property
    def chosen_normalisation(self) -> str:
        """`normalisation` with auto resolved."""
        by_method = "none" if self.method == "deepcluster-v2" else "pca-whiten"
        return by_method if self.normalisation == "auto" else self.normalisation

    @property
    def chosen_schedule(self) -> str:
        """`schedule` with auto resolved."""
        by_method = "cosine" if self.method == "deepcluster-v2" else "constant"
        return by_method if self.schedule == "auto" else self.schedule


@dataclass(frozen=True)
class ExportConfig:
    """What of the chosen classes is written, and how it is divided."""

    per_class: int = setting(
        0, "Take at most this many tiles of each class, typical to unusual alike; 0 takes all.", unit="tiles", low=0
    )
    val: float = setting(0, "Share of patients whose tiles are set aside for validation.", low=0, high=0.9)
    test: float = setting(0, "Share of patients whose tiles are set aside for the test.", low=0, high=0.9)
    seed: int = setting(0, "Decides which tiles and which patients.", low=0, high=2**31 - 1)
    licence: str = setting("", "Terms of use of the slides, for the dataset card.")
    bins: int = setting(5, "Steps from typical to unusual that a sample takes evenly from.", low=1, advanced=True)
    shard_tiles: int = setting(
        5_000, "Tiles in one file of a WebDataset or a table.", unit="tiles", low=1, advanced=True
    )

    def __post_init__(self) -> None:
        """Check every bound.

        Raises:
            ConfigError: a value is out of its bounds, or nothing is left to train on.
        """
        _check(self)
        if self.val + self.test > 0.9:
            raise ConfigError(
                f"val={self.val:g} and test={self.test:g} leave too little to train on: at most 0.9 together"
            )


@dataclass(frozen=True)
class PropagateConfig:
    """How labels of a few tiles are propagated to all (M3S; figures of the paper unless another reason is given)."""

    neighbours: int = setting(15, "Neighbours of a tile in the graph; edges that are mutual count.", low=1, high=200)
    stages: int = setting(5, "How often confident predictions become labels.", low=0, high=50)
    stage_share: float = setting(
        0.1, "Share of the tiles of a class that a stage considers: half of them after five stages.", low=0, high=1
    )
    per_cluster: int = setting(
        5, "Typical tiles of each named cluster that count as labelled; 0 takes labelled tiles only.", low=0
    )
    seed: int = setting(0, "Decides weights and samples.", low=0, high=2**31 - 1)
    epochs: int = setting(200, "Training steps of a stage.", low=1, high=10_000, advanced=True)
    hidden: int = setting(64, "Width of the network.", low=2, high=4096, advanced=True)
    dropout: float = setting(0.5, "Share of inputs dropped in training.", low=0, high=0.95, advanced=True)
    learning_rate: float = setting(0.01, "Adam step.", low=0, high=1, advanced=True)
    weight_decay: float = setting(1e-5, "L2 penalty.", low=0, high=1, advanced=True)
    align_clusters: int = setting(200, "Clusters that predictions are checked against.", low=2, advanced=True)
    max_tiles: int = setting(
        50_000,
        "Tiles that the network works on; the others follow their neighbours.",
        unit="tiles",
        low=100,
        advanced=True,
    )

    def __post_init__(self) -> None:
        """Check every bound.

        Raises:
            ConfigError: a value is out of its bounds.
        """
        _check(self)


def settings(config: type[Any]) -> dict[str, Setting]:
    """Name and `Setting` of every field of a config class, in order."""
    return {field.name: field.metadata["setting"] for field in dataclasses.fields(config)}


def from_mapping(config: type[C], values: Mapping[str, Any]) -> C:
    """Build a config from plain values, as read from a file, a form or the command line.

    Args:
        config: the config class.
        values: field name to value; strings are converted to the field's type.

    Raises:
        ConfigError: an unknown key, a value of the wrong type or out of its bounds.
    """
    known = get_type_hints(config)
    unknown = sorted(set(values) - {field.name for field in dataclasses.fields(config)})
    if unknown:
        raise ConfigError(f"unknown setting {', '.join(unknown)}; the settings are {', '.join(settings(config))}")
    units = {name: about.unit for name, about in settings(config).items()}
    converted: dict[str, Any] = {
        name: parse_bytes(name, value) if units[name] == "bytes" else _convert(name, value, known[name])
        for name, value in values.items()
    }
    return config(**converted)


_BYTE_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_BYTE_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


def parse_bytes(name: str, value: Any) -> int:
    """A size such as 12GB, 1.5 TiB or 800000000 in bytes.

    Raises:
        ConfigError: not a size.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", str(value))
    if match is None or match.group(2).upper() not in _BYTE_UNITS:
        raise ConfigError(f"{name}={value}: write a size as 12GB, 500MB or 2TB")
    return round(float(match.group(1)) * _BYTE_UNITS[match.group(2).upper()])


def parse_overrides(pairs: Iterable[str]) -> dict[str, str]:
    """Split `key=value` words of the command line.

    Raises:
        ConfigError: a word has no equals sign.
    """
    words = [pair.partition("=") for pair in pairs]
    for key, equals, value in words:
        if not equals:
            raise ConfigError(f"--set {key}{value}: write it as key=value")
    return {key.strip(): value.strip() for key, _, value in words}


def load(config: type[C], path: Path | None, overrides: Mapping[str, Any]) -> C:
    """Read a JSON config file, if there is one, and put `overrides` on top.

    Raises:
        ConfigError: the file cannot be read, is not a JSON object, or a setting is wrong.
    """
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise ConfigError(f"cannot read the config file {path}: {error}") from error
        if not isinstance(values, dict):
            raise ConfigError(f"{path} must hold one JSON object of settings")
    return from_mapping(config, {**values, **overrides})


def as_dict(config: IngestConfig | StreamConfig | RunConfig | ExportConfig | PropagateConfig) -> dict[str, Any]:
    """Plain values of a config, ready for JSON."""
    return dataclasses.asdict(config)


def digest(config: IngestConfig | StreamConfig | RunConfig) -> str:
    """Short stable hash of a config, for provenance."""
    return hashlib.sha256(json.dumps(as_dict(config), sort_keys=True).encode()).hexdigest()[:16]


def _convert(name: str, value: Any, kind: type) -> Any:
    """`value` as the field's type; text from the command line is parsed."""
    if kind is bool:
        words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        if isinstance(value, bool):
            return value
        if str(value).lower() in words:
            return words[str(value).lower()]
        raise ConfigError(f"{name}={value}: must be true or false")
    try:
        if kind is int and isinstance(value, float) and not value.is_integer():
            raise ValueError
        return kind(value)
    except (TypeError, ValueError) as error:
        noun = {int: "a whole number", float: "a number"}.get(kind, kind.__name__)
        raise ConfigError(f"{name}={value}: must be {noun}") from error


def _check(config: Any) -> None:
    for name, about in settings(type(config)).items():
        value = getattr(config, name)
        unit = f" {about.unit}" if about.unit else ""
        if about.choices and value not in about.choices:
            raise ConfigError(f"{name}={value}: choose one of {', '.join(about.choices)}")
        if isinstance(value, float) and value != value:
            raise ConfigError(f"{name} is not a number")
        if about.low is not None and value < about.low:
            raise ConfigError(f"{name}={value}: must be at least {about.low:g}{unit}")
        if about.high is not None and value > about.high:
            raise ConfigError(f"{name}={value}: must be at most {about.high:g}{unit}")
