"""Front-end components for Panel and for notebooks."""
