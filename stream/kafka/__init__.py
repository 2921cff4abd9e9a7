"""Topics in, predictions out: a learner that is exact after a crash, and a replayer of files."""
