"""Nearest neighbours and the graph over them."""
