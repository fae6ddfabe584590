"""Tiles: the append-only store and what feeds a network from it. Knows nothing of slides."""
