"""Bytes over HTTP: tiles, points, slides, the login."""
