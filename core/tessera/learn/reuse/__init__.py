"""What a finished run is used for again."""
