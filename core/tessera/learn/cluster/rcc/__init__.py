"""Robust Continuous Clustering."""
