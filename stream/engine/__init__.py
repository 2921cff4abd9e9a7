"""Compiled kernels over plain arrays, and the little Python that drives them."""
