"""Figures and advice about clusterings and features."""
