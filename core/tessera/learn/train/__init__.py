"""One trainer for all methods."""
