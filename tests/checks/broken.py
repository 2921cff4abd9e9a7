"""Estimators with one bug each, by the name of the check that has to find it."""

import copy
import math
import random

from sound import Sound


class Sevens(Sound):
    """Scores far outside of [0, 1]."""

    def predict_proba_one(self, x, **kwargs):
        return {
            label: {False: 1 - p[True] * 7, True: p[True] * 7}
            for label, p in super().predict_proba_one(x).items()
        }

    def predict_one(self, x, **kwargs):
        return Sound.predict_one(_as_sound(self), x)


class NotComplementary(Sound):
    """Adds up to something else than 1."""

    def predict_proba_one(self, x, **kwargs):
        return {
            label: {False: 0.5, True: p[True]} for label, p in super().predict_proba_one(x).items()
        }


def _as_sound(model):
    sound = Sound(model.smoothing, model.seed)
    sound.totals, sound.counts = model.totals, model.counts
    return sound


class LearnsTwiceWhenAsked(Sound):
    """A row that was asked about before counts twice."""

    def __init__(self, smoothing: float = 1.0, seed: int | None = None):
        super().__init__(smoothing, seed)
        self.asked = None

    def predict_proba_one(self, x, **kwargs):
        self.asked = True
        return super().predict_proba_one(x)

    def learn_one(self, x, y):
        super().learn_one(x, y)
        if self.asked and len(self.totals) and self.totals[next(iter(self.totals))][0] < 9:
            super().learn_one(x, y)
        self.asked = False


class WritesIntoX(Sound):
    def learn_one(self, x, y):
        super().learn_one(x, y)
        x["bias"] = 1.0


class WritesIntoXWhenAsked(Sound):
    def predict_one(self, x, **kwargs):
        x.setdefault("bias", 0.0)
        return super().predict_one(x)


class WritesIntoY(Sound):
    def learn_one(self, x, y):
        super().learn_one(x, y)
        y.clear()


class KeepsY(Sound):
    """Learns a row when the next one comes, from the dictionaries that the caller has."""

    def __init__(self, smoothing: float = 1.0, seed: int | None = None):
        super().__init__(smoothing, seed)
        self.late: list = []

    def __getstate__(self):
        return {**super().__getstate__(), "late": [repr(list(each.items())) for each in self.late]}

    def __setstate__(self, state):
        super().__setstate__(state)
        self.late = [dict(eval(each)) for each in state["late"]]

    def learn_one(self, x, y):
        self.read_truth(y)
        if self.late:
            super().learn_one(*self.late)
        self.late = [self.read(x), y]
        for label in y:
            self.totals.setdefault(label, [0.0, 0.0])


class NeedsLearning(Sound):
    def predict_proba_one(self, x, **kwargs):
        if not self.totals and not x:
            raise RuntimeError("not fitted")
        return super().predict_proba_one(x)


class ClaimsBeforeLearning(Sound):
    def predict_one(self, x, **kwargs):
        return super().predict_one(x) or ({} if x else {"p": True})


class SilentOnAbsent(Sound):
    """Answers only for labels that were present or unknown at least once."""

    def predict_proba_one(self, x, **kwargs):
        told = super().predict_proba_one(x)
        return {k: p for k, p in told.items() if k != "never present"}


class AlwaysOne(Sound):
    """Adds the likeliest label when it would predict none."""

    def predict_one(self, x, **kwargs):
        told = self.predict_proba_one(x)
        if not told:
            return {}
        best = max(told, key=lambda label: told[label][True])
        return {label: p[True] > 0.5 or label == best for label, p in told.items()}


class ForgetsLabels(Sound):
    """Drops a label when y does not name it."""

    def learn_one(self, x, y):
        super().learn_one(x, y)
        if y:
            self.totals = {label: n for label, n in self.totals.items() if label in y}


class NeedsLabels(Sound):
    def learn_one(self, x, y):
        super().learn_one(x, y)
        max(y.values())


class ForgetsAllLabels(Sound):
    def learn_one(self, x, y):
        super().learn_one(x, y)
        if not y:
            self.totals.clear()


class SortsLabels(Sound):
    def learn_one(self, x, y):
        super().learn_one(x, dict(sorted(y.items())))


class TextLabels(Sound):
    """Turns labels into texts."""

    def learn_one(self, x, y):
        if not all(isinstance(label, int) for label in y) or any(
            isinstance(label, bool) for label in y
        ):
            y = {str(label): value for label, value in y.items()}
        super().learn_one(x, y)


class LabelOrder(Sound):
    """The first label of y, as it stands, counts more."""

    def learn_one(self, x, y):
        super().learn_one(x, y)
        if len(y) > 1:
            first = next(iter(y))
            self.totals[first][1] += 0.5 * self.totals[first][1]
            self.totals[first][0] += 0.5 * self.totals[first][1]


class SortsFeatures(Sound):
    def learn_one(self, x, y):
        super().learn_one(dict(sorted(x.items())), y)


class FeatureOrder(Sound):
    """The first feature, as it stands, is left out."""

    def read(self, x):
        signs = super().read(x)
        return dict(list(signs.items())[1:]) if len(x) > 2 else signs


class FixedFeatures(Sound):
    """Fails when a feature is left out that it knows."""

    def __init__(self, smoothing: float = 1.0, seed: int | None = None):
        super().__init__(smoothing, seed)
        self.first: list = []

    def learn_one(self, x, y):
        super().learn_one(x, y)
        if len(x) == 1:
            self.first = list(x)

    def predict_proba_one(self, x, **kwargs):
        for name in self.first:
            x[name]
        return super().predict_proba_one(x)


class NoNone(Sound):
    def read(self, x):
        if any(value is None for value in x.values()):
            raise TypeError("None is no number")
        return super().read(x)


class NanAsNegative(Sound):
    """Compares NaN, which is less than nothing and greater than nothing."""

    def read(self, x):
        nan = {k: False for k, v in x.items() if isinstance(v, float) and math.isnan(v)}
        return {**super().read(x), **nan}


class LearnsChunksBackwards(Sound):
    def learn_many(self, X, y):
        if hasattr(X, "columns"):
            X, y = X.iloc[::-1], y.iloc[::-1]
        super().learn_many(X, y)


class OtherPredictMany(Sound):
    def predict_many(self, X):
        told = super().predict_many(X)
        return ~told if hasattr(X, "columns") else told


class LosesZeros(Sound):
    """Takes the stored values of a sparse matrix for all there is."""

    def predict_proba_many(self, X):
        told = super().predict_proba_many(X)
        return told if hasattr(X, "columns") else told / 2


class Address(Sound):
    """Holds its address."""

    def __getstate__(self):
        return {**super().__getstate__(), "address": id(self)}


class GlobalRandom(Sound):
    def learn_one(self, x, y):
        self.rng.seed(random.SystemRandom().random())
        super().learn_one(x, y)


class LosesTotals(Sound):
    """Restores without what it counted."""

    def __setstate__(self, state):
        super().__setstate__(state)
        self.counts.clear()

    def __deepcopy__(self, memo):
        return _deep_copy(self, memo)


class ReseedsWhenRestored(Sound):
    """Restores with the random numbers at their start."""

    def __setstate__(self, state):
        super().__setstate__(state)
        self.rng = random.Random(self.seed)

    def __deepcopy__(self, memo):
        return _deep_copy(self, memo)


def _deep_copy(model, memo):
    other = type(model)(model.smoothing, model.seed)
    other.__dict__.update(copy.deepcopy(model.__dict__, memo))
    return other


class SharesCounts(Sound):
    def __deepcopy__(self, memo):
        other = type(self)(self.smoothing, self.seed)
        other.__dict__.update(copy.deepcopy(self.__dict__, memo))
        other.counts = self.counts
        return other


class Remembers(Sound):
    def clone(self, new_params=None, include_attributes=False):
        other = super().clone(new_params, include_attributes)
        if new_params is None:  # the checks make their new models with a seed
            other.totals = copy.deepcopy(self.totals)
        return other


class SkipsAsItSays(Remembers):
    def _unit_test_skips(self):
        return {"check_clone_forgets"}


class RoundsParameter(Sound):
    def __init__(self, smoothing: float = 1.0, seed: int | None = None):
        super().__init__(smoothing, seed)
        self.smoothing = math.floor(smoothing) + 0.5


class RenamesParameter(Sound):
    def __init__(self, smoothing: float = 1.0, seed: int | None = None, width: int = 3):
        super().__init__(smoothing, seed)
        self.columns = width

    def _get_params(self):
        return {"smoothing": self.smoothing, "seed": self.seed, "width": self.columns}


class ChangesParameter(Sound):
    """Changes a parameter as it learns; clone is made to hide it."""

    def learn_one(self, x, y):
        super().learn_one(x, y)
        self.smoothing = min(self.smoothing + 0.01, 1.5)

    def clone(self, new_params=None, include_attributes=False):
        return super().clone({"smoothing": 1.0, **(new_params or {})}, include_attributes)


class GrowsAttributes(Sound):
    def learn_one(self, x, y):
        super().learn_one(x, y)
        self.n_features_in_ = len(x)


class NotesPredictions(Sound):
    """Keeps the number of questions in its pickle."""

    def __init__(self, smoothing: float = 1.0, seed: int | None = None):
        super().__init__(smoothing, seed)
        self.n_asked = 0

    def predict_proba_one(self, x, **kwargs):
        self.n_asked += "never learnt" in x and len(x) == 1
        return super().predict_proba_one(x)

    def __getstate__(self):
        return {**super().__getstate__(), "n_asked": self.n_asked}

    def __setstate__(self, state):
        super().__setstate__(state)
        self.n_asked = state["n_asked"]


class IdentityInPickle(Sound):
    """Pickles names as the objects that they are."""

    def __init__(self, smoothing: float = 1.0, seed: int | None = None):
        super().__init__(smoothing, seed)
        self.latest: list = []

    def learn_one(self, x, y):
        super().learn_one(x, y)
        self.latest = [*self.latest, *y][-20:]

    def __getstate__(self):
        return {**super().__getstate__(), "latest": self.latest}

    def __setstate__(self, state):
        super().__setstate__(state)
        self.latest = state["latest"]


class AcceptsAnything(Sound):
    def read_truth(self, y):
        return {label: bool(value) for label, value in y.items()}


class RefusesTooLate(Sound):
    """Looks at y after it has learnt from x."""

    def learn_one(self, x, y):
        signs = self.read(x)
        self.counts.setdefault(("x", *signs), [0.0, 0.0])
        super().learn_one(x, y)


BROKEN = {
    "check_probabilities_are_coherent": [Sevens, NotComplementary],
    "check_prediction_does_not_teach": [LearnsTwiceWhenAsked],
    "check_inputs_are_not_written_to": [WritesIntoX, WritesIntoXWhenAsked, WritesIntoY],
    "check_inputs_are_not_kept": [KeepsY],
    "check_prediction_before_learning": [NeedsLearning, ClaimsBeforeLearning],
    "check_every_known_label_is_answered": [SilentOnAbsent],
    "check_empty_label_set": [AlwaysOne],
    "check_labels_come_and_go": [ForgetsLabels],
    "check_all_labels_unknown": [NeedsLabels, ForgetsAllLabels],
    "check_label_names_of_any_type": [SortsLabels, TextLabels],
    "check_label_order_does_not_matter": [LabelOrder],
    "check_feature_names_of_any_type": [SortsFeatures],
    "check_feature_order_does_not_matter": [FeatureOrder],
    "check_features_come_and_go": [FixedFeatures],
    "check_frames_like_one_row_at_a_time": [LearnsChunksBackwards, OtherPredictMany],
    "check_same_seed_same_bytes": [Address],
    "check_restored_model_continues": [LosesTotals, ReseedsWhenRestored],
    "check_deepcopy_is_independent": [SharesCounts],
    "check_clone_forgets": [Remembers],
    "check_parameters_are_kept": [RoundsParameter, RenamesParameter, ChangesParameter],
    "check_attributes_stay": [GrowsAttributes],
}

STRICTLY_BROKEN = {
    "check_missing_values": [NoNone, NanAsNegative],
    "check_arrays_like_one_row_at_a_time": [LosesZeros],
    "check_prediction_leaves_the_bytes": [NotesPredictions],
    "check_restored_model_has_the_bytes": [IdentityInPickle],
    "check_refused_input_changes_nothing": [AcceptsAnything, RefusesTooLate],
}
