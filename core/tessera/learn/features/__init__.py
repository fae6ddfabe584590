"""Features of tiles, and what is done to them before clustering."""
