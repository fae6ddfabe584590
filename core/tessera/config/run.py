"""Everything that decides a run: one group of settings for each concern, and what all share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tessera.config.settings import Choice, Config, one_of, part, setting
from tessera.errors import ConfigError

if TYPE_CHECKING:
    from tessera.learn.methods.base import Method, TrainContext

# name -> class of its settings, beside the component; a new method or clusterer is one line here
METHODS = {
    "deepcluster": "tessera.learn.methods.deepcluster:DeepClusterConfig",
    "deepcluster-v2": "tessera.learn.methods.deepcluster_v2:DeepClusterV2Config",
    "deepcluster-cosine": "tessera.learn.methods.deepcluster_cosine:DeepClusterCosineConfig",
    "simclr": "tessera.learn.methods.simclr:SimCLRConfig",
    "swav": "tessera.learn.methods.swav:SwAVConfig",
    "byol": "tessera.learn.methods.byol:BYOLConfig",
    "look": "tessera.learn.methods.look:LookConfig",
}
CLUSTERERS = {
    "kmeans": "tessera.learn.cluster.options:KMeansConfig",
    "spherical-kmeans": "tessera.learn.cluster.options:SphericalKMeansConfig",
    "rcc": "tessera.learn.cluster.options:RCCConfig",
    "pic": "tessera.learn.cluster.options:PICConfig",
    "hdbscan": "tessera.learn.cluster.options:HDBSCANConfig",
    "leiden": "tessera.learn.cluster.options:LeidenConfig",
}
GRAPH_CLUSTERERS = tuple(CLUSTERERS)[2:]  # work on the neighbours of each tile, and find K
KNOWN_ENCODERS = (
    "tf_efficientnet_lite0",
    "resnet18",
    "resnet50",
    "alexnet-bn",
    "vgg16-bn",
    "tiny",
)  # timm knows many more
COLOURS = ("own", "imagenet")
POOLS = ("mean", "mean-and-spread")
INPUTS = ("rgb", "grey-sobel", "haematoxylin")
OPTIMISERS = ("sgd", "adamw")
SCHEDULES = ("auto", "constant", "cosine")
COUNTS = ("target", "free")
NORMALISATIONS = ("auto", "pca-whiten", "pca", "centre-scale", "centre", "none")
BALANCES = ("sqrt", "natural", "uniform", "loss-weight")
AUGMENT_ON = ("auto", "cpu", "device")
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class MethodConfig(Choice):
    """Base of every method's settings.

    Attributes:
        schedule: what `optimiser.schedule=auto` is for this method.
        directions: whether it compares directions only, so that k-means puts its centroids on the unit sphere.
        trains: whether it trains at all; a look does not, and has no epochs.
        least_batch: tiles a batch below which it learns nothing.
    """

    schedule: ClassVar[str] = "cosine"
    trains: ClassVar[bool] = True
    least_batch: ClassVar[int] = 2
    directions: ClassVar[bool] = False

    def normalisation(self, neighbours: bool) -> str:  # noqa: ARG002 - the interface's
        """What `features.normalisation=auto` is for this method.

        Args:
            neighbours: whether the clusterer works on the neighbours of each tile.
        """
        return "pca"

    def build(self, context: TrainContext) -> Method:
        """The method with these settings.

        Args:
            context: where it works.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class ClustererConfig(Choice):
    """Base of every clusterer's settings.

    Attributes:
        neighbours: whether it works on the neighbours of each tile, and finds K.
        directions: whether centroids lie on the unit sphere.
    """

    neighbours: ClassVar[bool] = False
    directions: ClassVar[bool] = False


@dataclass(frozen=True)
class EncoderConfig(Config):
    """The network that turns tiles into features."""

    name: str = setting(
        "tf_efficientnet_lite0",
        "Any timm model by name; a pathology encoder (uni2-h, virchow2, h-optimus-0, midnight-12k, ...); "
        "hf-hub:OWNER/NAME or local-dir:PATH; alexnet-bn and vgg16-bn of the paper; tiny is for tests.",
    )
    weights: str = setting(
        "imagenet",
        "Starting weights: imagenet (those that the encoder is published with: they come with Tessera for "
        "tf_efficientnet_lite0 and are downloaded for others), random, or the path of a file or folder of tensors.",
    )
    allow_partial: bool = setting(
        False,
        "Take weights of which only a part fits; what is left out is said in the run and its status.",
        advanced=True,
    )
    colour: str = setting(
        "own",
        "Mean and spread of colours: the encoder's own, or imagenet for every encoder, as versions before 0.2 had it.",
        choices=COLOURS,
        advanced=True,
    )
    input: str = setting(
        "rgb",
        "What the encoder sees: colour, edges of the grey image (blind to stain), or the haematoxylin stain alone.",
        choices=INPUTS,
        advanced=True,
    )


@dataclass(frozen=True)
class FeaturesConfig(Config):
    """How features are read from the network for clustering.

    layers, pool, views, adapt_bn and context are read by method=look; the methods that train read the last vector.
    """

    layers: str = setting(
        "auto",
        "auto (strides 8 and 16, or the last vector of a network without them), last, strides as 4,8,16, or module "
        "names.",
    )
    pool: str = setting("mean", "Of each layer's map: its mean, or mean and spread.", choices=POOLS, advanced=True)
    views: int = setting(4, "Symmetries of the square over which features are averaged: 1, 4 or 8.", low=1, high=8)
    adapt_bn: bool = setting(
        True,
        "Batch statistics of the own tiles in place of the published ones; networks without batch norm ignore it.",
        advanced=True,
    )
    context: bool = setting(
        False,
        "Mean with the tiles that touch on the slide, for people who want regions; coherence judges nothing then.",
        advanced=True,
    )
    normalisation: str = setting(
        "auto",
        "What is done to features before the unit sphere; auto is the method's own choice: none, or for deepcluster "
        "pca-whiten, and pca when the clusterer works on neighbours.",
        choices=NORMALISATIONS,
        advanced=True,
    )
    pca_dim: int = setting(64, "Dimensions kept by PCA, whitened or not.", low=1, high=256, advanced=True)
    batch_size: int = setting(256, "Tiles per step of a feature pass.", unit="tiles", low=1, high=65_536, advanced=True)

    def __post_init__(self) -> None:
        """Check bounds, and that views are a group of symmetries.

        Raises:
            ConfigError: they are not.
        """
        super().__post_init__()
        if self.views not in (1, 4, 8):
            raise ConfigError(f"features.views={self.views}: choose 1, 4 or 8")


@dataclass(frozen=True)
class ClusteringConfig(Config):
    """How features are clustered."""

    clusters: int = setting(
        50, "K, the number of pseudo-classes: several times the tissue classes expected.", low=2, high=100_000
    )
    clusterer: ClustererConfig = one_of(
        CLUSTERERS,
        "kmeans",
        "How features are clustered: kmeans makes K clusters; rcc, pic, hdbscan and leiden find K.",
    )
    count: str = setting(
        "target",
        "Of clusterers that find K: bring it to `clusters` by finer links or Ward's merges, or leave it free.",
        choices=COUNTS,
        advanced=True,
    )
    monitor_every: int = setting(
        1,
        "Of methods without pseudo-labels: passes between two clusterings that only watch; each reads all tiles.",
        low=1,
        high=10_000,
        advanced=True,
    )
    graph_points: int = setting(
        200_000,
        "Beyond this many tiles, clusterers that find K work on this many k-means cells, and tiles follow their cell.",
        unit="tiles",
        low=100,
        advanced=True,
    )
    warm_start: bool = setting(
        True, "Start each clustering from the last labels, so that clusters continue.", advanced=True
    )
    min_cluster: int = setting(
        5, "Smaller clusters are dissolved, and a large one is split instead.", unit="tiles", low=1, advanced=True
    )
    kmeans_iterations: int = setting(20, "Lloyd steps of a k-means that starts cold.", low=1, high=1000, advanced=True)
    train_points_per_centroid: int = setting(
        256, "k-means learns from at most this many tiles per cluster; all are assigned.", low=1, advanced=True
    )


@dataclass(frozen=True)
class ViewsConfig(Config):
    """What training makes of a tile before the network sees it."""

    crop_scale: float = setting(
        0.3, "Smallest share of a tile's area that a random crop keeps.", low=0.05, high=1, advanced=True
    )
    stain_jitter: float = setting(
        0.05, "Spread of random changes to haematoxylin and eosin; 0 is off.", low=0, high=0.5, advanced=True
    )
    augment_on: str = setting(
        "auto",
        "Where views of tiles are made: by the loading threads, or in batches on the device; auto is the device on a "
        "GPU.",
        choices=AUGMENT_ON,
        advanced=True,
    )


@dataclass(frozen=True)
class OptimiserConfig(Config):
    """How weights follow the gradient."""

    name: str = setting("sgd", "sgd with momentum, or adamw.", choices=OPTIMISERS, advanced=True)
    learning_rate: float = setting(
        0.05, "SGD step at 256 tiles a batch; it is scaled with batch_size.", low=0, high=100
    )
    schedule: str = setting(
        "auto",
        "Whether learning_rate falls to zero over the run; auto is constant in deepcluster and cosine elsewhere.",
        choices=SCHEDULES,
        advanced=True,
    )
    warmup: float = setting(
        0.02, "Share of the run in which a cosine schedule rises to learning_rate.", low=0, high=0.5, advanced=True
    )
    momentum: float = setting(0.9, "SGD momentum of the encoder; a new head has none.", low=0, high=1, advanced=True)
    weight_decay: float = setting(1e-5, "L2 penalty on all weights.", low=0, high=1, advanced=True)


@dataclass(frozen=True)
class SamplingConfig(Config):
    """Which tiles training sees, and how often."""

    balance: str = setting(
        "sqrt",
        "How often clusters are drawn: by size^1/2, naturally, uniformly (capped), or weighted in the loss.",
        choices=BALANCES,
    )
    cap: float = setting(
        10.0, "No tile is drawn more often than this many times its natural rate.", low=1, advanced=True
    )
    interval_tiles: int = setting(
        0,
        "Tiles trained on between two clusterings; 0 is as many as the cohort has.",
        unit="tiles",
        low=0,
        advanced=True,
    )
    window_tiles: int = setting(
        0,
        "For hard disks and network storage: read this many tiles in storage order, and shuffle them in memory (three "
        "such windows, some 17 kB a tile); 0 reads each batch by itself, which is best on an SSD.",
        unit="tiles",
        low=0,
        advanced=True,
    )


@dataclass(frozen=True)
class RunConfig(Config):
    """One run. Each setting can be given in a file, by `--set clustering.clusters=80`, or in the dashboard."""

    method: MethodConfig = one_of(
        METHODS,
        "deepcluster-v2",
        "deepcluster-v2 clusters what training has just seen; deepcluster-cosine teaches middle layers by their own "
        "clusters; deepcluster reads all tiles again before each clustering; "
        "simclr, swav and byol need no clusters; look trains nothing.",
    )
    epochs: int = setting(
        10,
        "How often to train on pseudo-labels and cluster again; 0 clusters the starting weights.",
        low=0,
        high=10_000,
    )
    encoder: EncoderConfig = part(EncoderConfig)
    tile_px: int = setting(
        96,
        "Side of the image fed to the encoder: smaller is faster, larger shows nuclei.",
        unit="px",
        low=16,
        high=1024,
    )
    batch_size: int = setting(128, "Tiles per training step.", unit="tiles", low=2, high=65_536)
    clustering: ClusteringConfig = part(ClusteringConfig)
    features: FeaturesConfig = part(FeaturesConfig)
    views: ViewsConfig = part(ViewsConfig)
    optimiser: OptimiserConfig = part(OptimiserConfig)
    sampling: SamplingConfig = part(SamplingConfig)
    seed: int = setting(0, "The same workspace, settings and seed give the same clusters.", low=0, high=2**31 - 1)
    device: str = setting("auto", "auto, cpu, cuda or cuda:N.", advanced=True)
    precision: str = setting(
        "auto",
        "Of the network's products: float32, bfloat16, or auto for bfloat16 where the GPU or CPU is faster in it.",
        choices=PRECISIONS,
        advanced=True,
    )
    threads: int = setting(0, "Loading threads; 0 takes one per core.", low=0, high=256, advanced=True)
    source: str = setting(
        "", "The run whose features `tessera cluster` clustered anew; empty for a run of its own.", internal=True
    )

    def __new__(cls, *_: Any, **values: Any) -> RunConfig:
        """Say the new form to whoever writes `RunConfig(clusters=9)`, as it was until version 1.

        Raises:
            ConfigError: an old name.
        """
        from tessera.config.migrate import FLAT

        if old := [name for name in values if name in FLAT]:
            raise ConfigError(f"RunConfig({old[0]}=...) is now RunConfig.of({{{FLAT[old[0]]!r}: ...}})")
        return super().__new__(cls)

    def __post_init__(self) -> None:
        """Check every bound, and that the batch is large enough for the method; a look has no epochs.

        Raises:
            ConfigError: a value is out of its bounds.
        """
        super().__post_init__()
        if not self.method.trains:
            object.__setattr__(self, "epochs", 0)
        elif self.batch_size < self.method.least_batch:
            least = self.method.least_batch
            raise ConfigError(f"batch_size={self.batch_size}: {self.method.name} needs at least {least} tiles a batch")

    @classmethod
    def translate(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Old flat names by their present ones, with one line in the log that says so."""
        from tessera.config.migrate import from_flat

        return from_flat(values)

    @property
    def spherical(self) -> bool:
        """Whether k-means puts its centroids on the unit sphere."""
        return self.method.directions or self.clustering.clusterer.directions

    @property
    def chosen_normalisation(self) -> str:
        """`features.normalisation` with auto resolved."""
        if self.features.normalisation != "auto":
            return self.features.normalisation
        return self.method.normalisation(self.clustering.clusterer.neighbours)

    @property
    def chosen_schedule(self) -> str:
        """`optimiser.schedule` with auto resolved."""
        return self.method.schedule if self.optimiser.schedule == "auto" else self.optimiser.schedule
