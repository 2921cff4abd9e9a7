"""Experiments as data: streams × models × seeds under one protocol, run once each and resumed."""
