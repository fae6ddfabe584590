"""Ingest: slides in, committed tiles out, exactly once."""
