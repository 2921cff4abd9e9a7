"""The network and its optimiser as formulas, with dense rows and 64-bit numbers."""

import numpy as np


def scores(weights, x):
    """Scores [rows, outputs] of dense rows."""
    hidden = np.maximum(x @ weights["first"] + weights["first_bias"], 0.0)
    if weights["second"].shape[1]:
        hidden = np.maximum(hidden @ weights["second"] + weights["second_bias"], 0.0)
    return hidden @ weights["output"].T + weights["output_bias"]


def loss(weights, x, targets, row_weights):
    """Binary cross-entropy, summed over rows and the outputs that have a target."""
    z = scores(weights, x)
    each = np.logaddexp(0.0, z) - np.nan_to_num(targets) * z
    return float((np.where(np.isnan(targets), 0.0, each) * row_weights[:, None]).sum())


def gradients(weights, x, targets, row_weights, size=1e-6):
    """Central differences of the loss by every weight."""
    found = {}
    for name, values in weights.items():
        found[name] = np.zeros(values.shape)
        for place in np.ndindex(values.shape):
            kept = values[place]
            values[place] = kept + size
            above = loss(weights, x, targets, row_weights)
            values[place] = kept - size
            found[name][place] = (above - loss(weights, x, targets, row_weights)) / (2 * size)
            values[place] = kept
    return found


class Adam:
    """Algorithm 1 of Kingma and Ba, ICLR 2015."""

    def __init__(self, rate):
        self.rate, self.step = rate, 0
        self.means, self.squares = {}, {}

    def take(self, weights, gradients):
        """Change weights, in place."""
        self.step += 1
        for name, g in gradients.items():
            m = self.means[name] = 0.9 * self.means.get(name, 0.0) + 0.1 * g
            v = self.squares[name] = 0.999 * self.squares.get(name, 0.0) + 0.001 * g * g
            m_hat, v_hat = m / (1 - 0.9**self.step), v / (1 - 0.999**self.step)
            weights[name] -= self.rate * m_hat / (np.sqrt(v_hat) + 1e-8)
