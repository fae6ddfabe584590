"""Untrusted bytes are parsed in child processes that may die: the pipe, the child, and the pool of children."""
