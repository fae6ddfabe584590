"""Slides: readers, tissue masks, per-tile quality and the tile grid. Knows nothing of tile stores."""
