"""One file a method of learning."""
