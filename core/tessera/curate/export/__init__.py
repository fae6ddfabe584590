"""Curated tile sets as files."""
