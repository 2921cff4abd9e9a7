"""Checks of seeds, copies, pickles and parameters."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

from stream.checks.asking import answers, fresh, parts, require_same, taught, teach
from stream.checks.check import check
from stream.checks.rows import Rows


@check("Draw random numbers from a generator made from the seed; keep no sets and no addresses.")
def check_same_seed_same_bytes(model: Any, rows: Rows) -> None:
    """Catches global random states, clocks and addresses: two models of one seed and one stream
    must have the same answers and the same pickle."""
    one, other = taught(model, rows), taught(model, rows)
    require_same(answers(one, rows), answers(other, rows), "with the same seed")
    assert pickle.dumps(one) == pickle.dumps(other), "the pickles of equal models differ"


@check("Let the pickle hold all of the state, the random generator's included.")
def check_restored_model_continues(model: Any, rows: Rows) -> None:
    """Catches state that is lost in a pickle: a restored model must go on as the original does."""
    half = len(rows) // 2
    original = taught(model, rows[:half])
    restored = pickle.loads(pickle.dumps(original))
    require_same(answers(restored, rows), answers(original, rows), "restored and original")
    for each in (original, restored):
        teach(each, rows[half:])
    require_same(answers(restored, rows), answers(original, rows), "restored, going on")


@check("Share nothing that changes between a model and its deep copy.")
def check_deepcopy_is_independent(model: Any, rows: Rows) -> None:
    """Catches deep copies that share arrays, trees or generators with the original."""
    half = len(rows) // 2
    original = taught(model, rows[:half])
    copied = copy.deepcopy(original)
    before = answers(copied, rows)
    teach(original, rows[half:])
    require_same(answers(copied, rows), before, "the copy, after the original learnt")
    teach(copied, rows[half:])
    require_same(answers(copied, rows), answers(original, rows), "the copy, going on")


@check("Make all state in __init__ from the parameters; learning must not change a parameter.")
def check_clone_forgets(model: Any, rows: Rows) -> None:
    """Catches clones that remember: a clone of a trained model must be as good as new."""
    clone, new = taught(model, rows).clone(), fresh(model)
    require_same(answers(clone, rows[:5]), answers(new, rows[:5]), "a clone and a new model")
    for each in (clone, new):
        teach(each, rows)
    require_same(answers(clone, rows), answers(new, rows), "a clone and a new model, trained")


@check("Write self.name = name in __init__ for every parameter, and change none of them later.")
def check_parameters_are_kept(model: Any, rows: Rows) -> None:
    """Catches parameters that are renamed, converted or changed, so that clone and repr lie."""
    for _, part in parts(model):
        names = _parameter_names(part)
        missing = [name for name in names if not hasattr(part, name)]
        assert not missing, f"the parameters {missing} are not stored under their own names"
        given = {name: getattr(part, name) for name in names}
        made = type(part)(**given)
        changed = [name for name in names if getattr(made, name) is not given[name]]
        assert not changed, f"the parameters {changed} are not stored as they were given"
    trained, before = taught(model, rows), repr(fresh(model))
    assert repr(trained) == before, f"learning changed {before} to {trained!r}"
    assert repr(trained.clone()) == before, f"the clone of {before} is {trained.clone()!r}"


def _parameter_names(part: Any) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    signature = inspect.signature(type(part))
    return [name for name, parameter in signature.parameters.items() if parameter.kind in kinds]


@check("Set every attribute in __init__.")
def check_attributes_stay(model: Any, rows: Rows) -> None:
    """Catches attributes that come or go in learning and predicting; dir(clone) then differs."""
    model = fresh(model)
    before = {name: set(dir(part)) for name, part in parts(model)}
    teach(model, rows)
    answers(model, rows)
    for name, part in parts(model):
        changed = before[name] ^ set(dir(part))
        assert not changed, f"attributes of {name} came or went: {sorted(changed)}"
