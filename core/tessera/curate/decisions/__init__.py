"""What people decided: an append-only history and its fold."""
