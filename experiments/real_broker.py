"""The broker of tools/real_kafka.py, for experiments."""

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
# kafka-python warns of its own use of the standard library when it is imported.
warnings.filterwarnings("ignore", category=DeprecationWarning, module="kafka")

from real_kafka import RealKafka, fetch_jars  # noqa: E402

__all__ = ["RealKafka", "fetch_jars"]
