"""``python -m stream`` is the command ``drifthomer``."""

import sys

from stream.cli import main

sys.exit(main())
