"""``python -m vocsep``."""

import sys

from vocsep.cli import main

if __name__ == "__main__":
    sys.exit(main())
