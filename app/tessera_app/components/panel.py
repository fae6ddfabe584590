"""Front-end components for the dashboard, made from the tables of `properties`.

`jupyter` makes ipywidgets of the same bundles.
"""

from __future__ import annotations

from tessera_app.components.properties import (
    CLUSTER_SWITCHES,
    DIST,
    EMBEDDING_MAP,
    SLIDE_VIEWER,
    TILE_GALLERY,
    TOP_BAR,
    WORKBENCH,
    panel_class,
)

__all__ = ["DIST", "ClusterSwitches", "EmbeddingMap", "SlideViewer", "TileGallery", "TopBar", "Workbench"]

_ADDRESS = "t/"  # pictures of tiles come over HTTP
EmbeddingMap = panel_class("EmbeddingMap", "embedding_map", EMBEDDING_MAP, tile_url=_ADDRESS)
TileGallery = panel_class("TileGallery", "tile_gallery", TILE_GALLERY, tile_url=_ADDRESS)
SlideViewer = panel_class("SlideViewer", "slide_viewer", SLIDE_VIEWER, tile_url=_ADDRESS)
ClusterSwitches = panel_class("ClusterSwitches", "cluster_switches", CLUSTER_SWITCHES)
TopBar = panel_class("TopBar", "top_bar", TOP_BAR)
Workbench = panel_class("Workbench", "workbench", WORKBENCH, children=("map", "viewer"))
