"""Curate: decisions of pathologists and the tile sets made from them."""
