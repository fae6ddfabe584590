"""Explore: projections, representatives, slide maps and composition of pseudo-classes."""
