"""Clusters in processes of their own, on this machine or on others, with Ray.

Needs the extra ``ray``: ``pip install 'drifthomer[ray]'``.
"""

from stream.distributed.placing import on_ray
from stream.distributed.session import WorkerError

__all__ = ["WorkerError", "on_ray"]
