"""Runs: their rows, processes and words."""
