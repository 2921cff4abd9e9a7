"""What makes a learner exact after a crash: snapshots, recorded order, lock."""
