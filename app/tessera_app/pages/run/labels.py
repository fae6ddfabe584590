"""What settings are called in the form: words of a person, not names of fields."""

from __future__ import annotations

GROUPS = {
    "": "General",
    "method": "Method",
    "encoder": "Network",
    "clustering": "Clustering",
    "features": "Features",
    "views": "What training makes of a tile",
    "optimiser": "How weights are changed",
    "sampling": "Which tiles training sees",
}
_LABELS = {
    "method": "Method",
    "epochs": "How often to train and cluster again",
    "tile_px": "Side of a tile for the network",
    "batch_size": "Tiles per training step",
    "seed": "Seed of chance",
    "device": "Where it is computed",
    "precision": "Precision of numbers",
    "threads": "Threads that load tiles",
    "encoder.name": "Network",
    "encoder.weights": "Starting weights",
    "encoder.input": "What it sees: colours or one stain",
    "encoder.allow_partial": "Take weights of which a part fits",
    "encoder.colour": "Scale of colours",
    "clustering.clusters": "Number of clusters",
    "clustering.clusterer": "How features are clustered",
    "clustering.count": "Whether the number is kept to",
    "clustering.graph_points": "Tiles up to which neighbours are used",
    "clustering.warm_start": "Begin from the last clusters",
    "clustering.min_cluster": "Smallest cluster",
    "clustering.kmeans_iterations": "Steps of k-means",
    "clustering.train_points_per_centroid": "Tiles that k-means learns from, per cluster",
    "features.normalisation": "What is done to features first",
    "features.pca_dim": "Dimensions that are kept",
    "features.batch_size": "Tiles per step when features are read",
    "features.layers": "Layers that features are read from",
    "features.adapt_bn": "Adapt to the stain of your slides",
    "views.crop_scale": "Smallest part of a tile that is shown",
    "views.stain_jitter": "Changes of stain",
    "views.augment_on": "Where these pictures are made",
    "method.keep_head": "Keep the head from one clustering to the next",
    "method.heads": "Heads, each with clusters of its own",
    "method.crops": "Views of each tile: large + small",
    "method.temperature": "Temperature: small is decided",
    "method.projection_dim": "Dimensions that are compared",
    "clustering.clusterer.lambda_scale": "How strongly neighbours attract each other",
    "clustering.clusterer.hold": "How long clusters are held",
    "optimiser.schedule": "How the learning rate falls",
    "optimiser.momentum": "Momentum",
    "optimiser.learning_rate": "Learning rate",
    "optimiser.weight_decay": "Weight decay",
    "optimiser.warmup": "Share of the run to warm up in",
    "sampling.balance": "How often small clusters are shown",
    "sampling.cap": "Most often that one tile is shown",
    "sampling.interval_tiles": "Tiles between two clusterings",
    "sampling.window_tiles": "Tiles read at a time from a slow disk",
}


def label_of(path: str) -> str:
    """What a setting is called; one that has no words yet, by the last part of its name.

    Args:
        path: its dotted name.
    """
    return _LABELS.get(path) or path.split(".")[-1].replace("_", " ").capitalize()


def group_of(path: str) -> str:
    """The heading that a setting stands under."""
    first = path.split(".")[0]
    known = first if "." in path or first == "method" else ""
    return GROUPS.get(known) or first.replace("_", " ").capitalize()
