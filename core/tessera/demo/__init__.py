"""The demo: drawn slides, and what `make app` does."""
