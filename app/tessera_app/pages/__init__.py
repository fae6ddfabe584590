"""One room a page."""
