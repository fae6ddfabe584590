"""Formats of tile sets: one writer each."""
