"""Encoders and what goes into them."""
