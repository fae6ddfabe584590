"""Not a package any more, and not in the wheel: one clear sentence for version 0.1 scripts and notebooks in a checkout.

It goes with the release after next; see the table "From 0.1" in CHANGELOG.md.
"""

raise ImportError(
    "the library is called `tessera` now: write `import tessera...` for `import core...`, and `tessera COMMAND` (or "
    "`python -m tessera COMMAND`) for `python -m core.cli COMMAND`; CHANGELOG.md lists the new names"
)
