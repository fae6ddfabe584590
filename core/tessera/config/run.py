"""Everything that decides a training run."""

from __future__ import annotations

from dataclasses import dataclass

from tessera.config.settings import Config, setting

METHODS = ("deepcluster", "deepcluster-v2")
KNOWN_ENCODERS = ("resnet18", "resnet50", "alexnet-bn", "vgg16-bn", "tiny")  # timm knows many more
INPUTS = ("rgb", "grey-sobel", "haematoxylin")
SCHEDULES = ("auto", "constant", "cosine")
CLUSTERERS = ("kmeans", "spherical-kmeans", "rcc", "pic", "hdbscan", "leiden")
COUNTS = ("target", "free")
GRAPH_CLUSTERERS = CLUSTERERS[2:]  # work on the neighbours of each tile, and find K
NORMALISATIONS = ("auto", "pca-whiten", "pca", "centre-scale", "centre", "none")
BALANCES = ("sqrt", "natural", "uniform", "loss-weight")
AUGMENT_ON = ("auto", "cpu", "device")
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class RunConfig(Config):
    """One training run. Each key can be set in a file, by `--set key=value`, or in the dashboard."""

    method: str = setting(
        "deepcluster-v2",
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
        "What is done to features before the unit sphere; auto is none in deepcluster-v2, pca-whiten in deepcluster, and there "
        "pca when the clusterer finds K.",
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
    augment_on: str = setting(
        "auto",
        "Where views of tiles are made: by the loading threads, or in batches on the device; auto is the device on a GPU.",
        choices=AUGMENT_ON,
        advanced=True,
    )
    extract_batch: int = setting(
        256, "Tiles per step of a feature pass.", unit="tiles", low=1, high=65_536, advanced=True
    )
    device: str = setting("auto", "auto, cpu, cuda or cuda:N.", advanced=True)
    precision: str = setting(
        "auto",
        "Of the network's products: float32, bfloat16, or auto for bfloat16 where the GPU or CPU is faster in it.",
        choices=PRECISIONS,
        advanced=True,
    )
    threads: int = setting(0, "Loading threads; 0 takes one per core.", low=0, high=256, advanced=True)
    window_tiles: int = setting(
        0,
        "For hard disks and network storage: read so many tiles as they lie, and shuffle them in memory (three such "
        "windows, some 17 kB a tile); 0 reads each batch by itself, which is best on an SSD.",
        unit="tiles",
        low=0,
        advanced=True,
    )
    source: str = setting(
        "", "The run whose features `tessera cluster` clustered anew; empty for a run of its own.", internal=True
    )

    @property
    def spherical(self) -> bool:
        """Whether k-means puts its centroids on the unit sphere: the head of deepcluster-v2 compares directions."""
        return self.method == "deepcluster-v2" or self.clusterer == "spherical-kmeans"

    @property
    def chosen_normalisation(self) -> str:
        """`normalisation` with auto resolved."""
        if self.normalisation != "auto":
            return self.normalisation
        if self.method == "deepcluster-v2":
            return "none"
        return "pca" if self.clusterer in GRAPH_CLUSTERERS else "pca-whiten"

    @property
    def chosen_schedule(self) -> str:
        """`schedule` with auto resolved."""
        by_method = "cosine" if self.method == "deepcluster-v2" else "constant"
        return by_method if self.schedule == "auto" else self.schedule
