"""Metrics that an experiment's file of results has a column for."""

from __future__ import annotations

from stream.evaluate.calibration import CALIBRATION_METRICS
from stream.evaluate.label_sets import SET_METRICS

MULTI_LABEL = (
    *("subset_accuracy", "hamming_loss"),
    *("example_f1", "example_precision", "example_recall"),
    *("micro_f1", "micro_precision", "micro_recall"),
    *("macro_f1", "macro_precision", "macro_recall", "macro_f1_seen"),
)
AT_K = tuple(f"{name}_at_{k}" for name in ("precision", "ndcg", "psp") for k in (1, 3, 5))
SINGLE_LABEL = ("accuracy", "kappa", "kappa_m", "kappa_t")
# Of a gate: the share of present labels whose cluster was asked, and clusters asked a row.
GATE = ("gate_recall", "clusters_asked")
METRICS = (*MULTI_LABEL, *AT_K, *CALIBRATION_METRICS, *SET_METRICS, *GATE, *SINGLE_LABEL)
