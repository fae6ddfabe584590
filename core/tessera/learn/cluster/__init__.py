"""Clusterers behind one interface."""
