"""Every setting once: its default, unit, bounds and one line of why.

The command line, the dashboard's forms and the saved `config.json` of a run are all derived from these dataclasses.
Help and bounds live in each field's metadata (instead of a docstring under the field) so that they can be read there.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from core.errors import ConfigError

C = TypeVar("C", "IngestConfig", "RunConfig")


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
    """

    help: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    advanced: bool = False


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


METHODS = ("deepcluster", "deepcluster-v2")
INPUTS = ("rgb", "grey-sobel", "haematoxylin")
SCHEDULES = ("auto", "constant", "cosine")
CLUSTERERS = ("kmeans",)
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
    epochs: int = setting(10, "How often to train on pseudo-labels and cluster again.", low=1, high=10_000)
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
    clusterer: str = setting("kmeans", "How features are clustered.", choices=CLUSTERERS)
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

    def __post_init__(self) -> None:
        """Check every bound.

        Raises:
            ConfigError: a value is unknown or out of its bounds.
        """
        _check(self)

    @property
    def spherical(self) -> bool:
        """Whether centroids lie on the unit sphere: the head of deepcluster-v2 compares directions."""
        return self.method == "deepcluster-v2"

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
    return config(**{name: _convert(name, value, known[name]) for name, value in values.items()})


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


def as_dict(config: IngestConfig | RunConfig) -> dict[str, Any]:
    """Plain values of a config, ready for JSON."""
    return dataclasses.asdict(config)


def digest(config: IngestConfig | RunConfig) -> str:
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
