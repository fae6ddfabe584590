"""The project folder, its ledger and files."""
