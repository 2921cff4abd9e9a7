"""Models by the names that the command line knows them by."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from stream.errors import NotAvailableError, ParameterError

MODELS = {
    "drifthomer": "stream.models:DriftHOMER",
    "driftmoe": "stream.models:DriftMoE",
    "hoeffding-tree": "stream.models:HoeffdingTreeClassifier",
    "ihomer": "stream.models:IHOMER",
    "multilabel-hoeffding-tree": "stream.models:MultiLabelHoeffdingTree",
}
# The model of a stream when none is named, by its task.
DEFAULT_MODELS = {"multi-label": "drifthomer", "single-label": "driftmoe"}


def available_models() -> list[str]:
    """Names of the models that this version has."""
    return [name for name, path in MODELS.items() if _find(path) is not None]


def create_model(
    name: str, params: Mapping[str, Any] | None = None, seed: int | None = None
) -> Any:
    """Make a model from its name.

    Parameters
    ----------
    name
        A name of :data:`MODELS`, or ``package.module:object`` for any other estimator: a class, a
        function that returns one, or an estimator that is made already.
    params
        Parameters to make it with.
    seed
        Its ``seed`` parameter; None: as it is by default. A model without one takes no seed.

    Raises
    ------
    NotAvailableError
        When there is no such model.
    ParameterError
        When it has no parameter of that name, or does not allow its value.

    Examples
    --------
    >>> create_model("river.naive_bayes:GaussianNB")
    GaussianNB ()
    >>> create_model("river.tree:HoeffdingTreeClassifier", {"grace_period": 50}).grace_period
    50
    """
    made = _find(MODELS.get(name, name))
    if made is None:
        raise NotAvailableError(_no_such_model(name))
    given = dict(params or {})
    if not inspect.isclass(made) and not inspect.isroutine(made):
        return _change(made, name, given, seed)
    takes_any, allowed = _parameters(made)
    if seed is not None and (takes_any or "seed" in allowed):
        given.setdefault("seed", seed)
    _check_names(name, given, allowed, takes_any)
    return _make(name, lambda: made(**given))


def _change(model: Any, name: str, given: dict[str, Any], seed: int | None) -> Any:
    """A copy of an estimator that is made already, with other parameters."""
    if not given and seed is None:
        return model
    takes_any, allowed = _parameters(type(model))
    if seed is not None and "seed" in allowed:
        given.setdefault("seed", seed)
    if not given:
        return model
    if hasattr(model, "steps") or not hasattr(model, "clone"):
        raise ParameterError(
            f"The parameters of {name!r} must be set where it is made, because it is a "
            f"{type(model).__name__} and not a class. Got {', '.join(given)}."
        )
    _check_names(name, given, allowed, takes_any)
    return _make(name, lambda: model.clone(given))


def _make(name: str, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except ParameterError:
        raise
    except (TypeError, ValueError) as error:
        raise ParameterError(f"The model {name!r} cannot be made: {error}") from error


def _parameters(made: Any) -> tuple[bool, list[str]]:
    """Whether it takes parameters of any name, and the names it lists."""
    try:
        found = inspect.signature(made).parameters.values()
    except ValueError:
        return True, []
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    takes_any = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in found)
    return takes_any, [each.name for each in found if each.kind in named]


def _check_names(name: str, given: Mapping[str, Any], allowed: list[str], takes_any: bool) -> None:
    unknown = [each for each in given if each not in allowed]
    if unknown and not takes_any:
        close = [each for each in allowed if each.startswith(unknown[0])]
        close += difflib.get_close_matches(unknown[0], allowed, 1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ParameterError(
            f"The model {name!r} has no parameter {unknown[0]!r}; "
            f"its parameters are {', '.join(allowed) or 'none'}.{hint}"
        )


def _find(path: str) -> Any:
    """The object that ``package.module:object`` names; None where there is none."""
    module_name, _, attribute = path.partition(":")
    if not module_name or not attribute:
        return None
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # A module that exists but needs another one is a different trouble than no such module.
        if error.name and (module_name == error.name or module_name.startswith(error.name + ".")):
            return None
        raise NotAvailableError(
            f"The module {module_name!r} needs the module {error.name!r}, which is not installed."
        ) from error
    for part in attribute.split("."):
        found = getattr(found, part, None)
    return found


def _no_such_model(name: str) -> str:
    available = available_models()
    listed = f"available: {', '.join(available) or 'none yet'}, or package.module:object"
    if name in MODELS:
        return f"The model {name!r} is not part of this version; {listed}."
    if ":" in name:
        module, _, attribute = name.partition(":")
        return f"There is no {attribute!r} in a module {module!r}; {listed}."
    close = difflib.get_close_matches(name, MODELS, 1)
    hint = f" Did you mean {close[0]!r}?" if close and close[0] in available else ""
    return f"There is no model {name!r}; {listed}.{hint}"
