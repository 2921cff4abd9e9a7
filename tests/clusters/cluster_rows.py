"""Random rows in the engine's columns: labels and features that appear as the rows come."""

import numpy as np

from stream.rows.batch import Batch, slice_rows

WITHOUT_LABELS = np.zeros(2, np.int64), np.zeros(0, np.int32)


def random_rows(rng, n_rows, n_labels, *, dense=False, unknown=False):
    """Rows whose labels, and whose features unless ``dense``, are numbered as they appear."""
    n_features = 8 if dense else 4
    seen = 0
    x, y, u = ([], [], [0]), ([], [0]), ([], [0])
    for _ in range(n_rows):
        if not dense and rng.random() < 0.3:
            n_features += int(rng.integers(1, 6))
        size = n_features if dense else int(rng.integers(0, min(n_features, 10)))
        columns = np.sort(rng.choice(n_features, size, replace=False))
        values = rng.normal(size=size) if dense else rng.integers(1, 4, size).astype(float)
        if size and rng.random() < 0.05:
            values[0] = np.nan
        present = set(rng.choice(seen, min(seen, int(rng.integers(0, 4))), replace=False).tolist())
        if rng.random() < 0.5:
            new = min(n_labels, seen + int(rng.integers(1, 3)))
            present |= set(range(seen, new))
            seen = max(seen, new)
        hidden = set()
        if unknown and seen and rng.random() < 0.3:
            hidden = set(rng.choice(seen, min(seen, 3), replace=False).tolist()) - present
        x[0].extend(columns.tolist())
        x[1].extend(values.tolist())
        x[2].append(len(x[0]))
        for (indices, indptr), labels in ((y, present), (u, hidden)):
            indices.extend(sorted(labels))
            indptr.append(len(indices))
    return _first_seen(
        Batch(
            np.array(x[2], np.int64), np.array(x[0], np.int32), np.array(x[1]),
            np.array(y[1], np.int64), np.array(y[0], np.int32),
            np.array(u[1], np.int64), np.array(u[0], np.int32),
        )
    )  # fmt: skip


def _first_seen(batch):
    """The same rows with features numbered in the order in which they appear, as names are."""
    number, order = {}, []
    for row in range(batch.n_rows):
        entries = slice(batch.x_indptr[row], batch.x_indptr[row + 1])
        for column in batch.x_indices[entries].tolist():
            number.setdefault(column, len(number))
        new = [number[column] for column in batch.x_indices[entries].tolist()]
        order.extend((np.argsort(new) + batch.x_indptr[row]).tolist())
    indices = np.array([number[c] for c in batch.x_indices.tolist()], np.int32)
    return batch._replace(x_indices=indices[order], x_values=batch.x_values[order])


def batch_of_sets(rows):
    """Rows without features, each ``(present, unknown)`` sets of labels, numbered as they come."""
    number, parts = {}, []
    for present, unknown in rows:
        for labels in (sorted(present), sorted(unknown - present)):
            for label in labels:
                number.setdefault(label, len(number))
    for which in (0, 1):
        lists = [sorted(number[k] for k in (row[0], row[1] - row[0])[which]) for row in rows]
        indptr = np.cumsum([0, *map(len, lists)]).astype(np.int64)
        parts += [indptr, np.array([k for each in lists for k in each], np.int32)]
    nothing = np.zeros(len(rows) + 1, np.int64), np.zeros(0, np.int32), np.zeros(0)
    return Batch(*nothing, *parts)


def played(learner, batch, ends, delay, between=None):
    """Probabilities and answers [rows, labels] of a learner, tested and trained up to each end, and
    the learner in the end; ``between`` calls it may be replaced."""
    probabilities, answers, start = [], [], 0
    for end in ends:
        first = max(0, start - delay)
        found = learner.answer(
            slice_rows(batch, first, end), first_row=start - first, predict=True, delay=delay
        )
        probabilities.append(found.probabilities[start - first :])
        answers.append(found.labels[start - first :])
        start = end
        if between is not None:
            learner = between(learner)
    return padded(probabilities), padded(answers), learner


def in_chunks(learner, batch, ends, delay):
    """As :func:`played`, without the learner."""
    return played(learner, batch, ends, delay)[:2]


def one_by_one(learner, batch):
    """As :func:`in_chunks`, each row asked in a call of its own before it is learnt in another."""
    probabilities, answers = [], []
    for row in range(batch.n_rows):
        piece = slice_rows(batch, row, row + 1)
        y, u = WITHOUT_LABELS, WITHOUT_LABELS
        asked = piece._replace(y_indptr=y[0], y_indices=y[1], u_indptr=u[0], u_indices=u[1])
        found = learner.answer(asked, predict=True, delay=-1)
        probabilities.append(found.probabilities)
        answers.append(found.labels)
        learner.answer(piece, predict=False)
    return padded(probabilities), padded(answers)


def padded(parts):
    """One matrix from parts whose columns became more."""
    width = max(part.shape[1] for part in parts)
    return np.concatenate([np.pad(part, ((0, 0), (0, width - part.shape[1]))) for part in parts])


def assert_same(one, other):
    """Assert that arrays are equal, bit for bit."""
    for found, expected in zip(one, other, strict=True):
        np.testing.assert_array_equal(found, expected)
