"""Slides as tiles for a viewer."""
