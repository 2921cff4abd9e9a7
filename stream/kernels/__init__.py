"""Compile all kernels before they are needed, with several processes."""
