"""Clusters of labels, the gate that decides which of them a row concerns, and what coordinates
them."""
