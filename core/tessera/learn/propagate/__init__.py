"""From a few labelled tiles to all."""
