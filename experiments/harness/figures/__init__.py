"""Figures of results, as SVG and PNG: colours and shapes both tell methods apart."""
