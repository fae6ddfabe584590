"""An archive larger than the disk: downloads, budgets, several machines."""
