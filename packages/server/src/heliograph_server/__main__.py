"""`python -m heliograph_server`: the `heliograph-server` command."""

import sys

from heliograph_server.cli import main

if __name__ == "__main__":
    sys.exit(main())
