"""`python -m bench` is `python -m bench.mirror`."""

import sys

from bench.mirror import main

if __name__ == "__main__":
    sys.exit(main())
