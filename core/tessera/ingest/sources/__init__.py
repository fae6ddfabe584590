"""Which files of the named sources are slides, and what belongs to each."""
