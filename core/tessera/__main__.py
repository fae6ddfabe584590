"""`python -m tessera` is the command `tessera`."""

import sys

from tessera.cli.main import main

sys.exit(main())
