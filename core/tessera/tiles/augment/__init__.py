"""Random views of tiles."""
