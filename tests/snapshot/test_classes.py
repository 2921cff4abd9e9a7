"""Every estimator and every class that it is made of has a name in snapshots."""

import importlib
import inspect

import pytest
from snapshot_models import MODELS

from stream.errors import SnapshotError
from stream.models.registry import MODELS as ESTIMATORS
from stream.models.registry import available_models
from stream.models.saved import Saved
from stream.snapshot import dumps, loads
from stream.snapshot.classes import CLASSES, class_named, name_of


@pytest.mark.parametrize("name", CLASSES)
def test_a_name_stands_for_one_class(name):
    """A class that was moved or renamed without its snapshots."""
    kind = class_named(name)
    assert inspect.isclass(kind)
    assert name_of(kind) == name


@pytest.mark.parametrize("name", available_models())
def test_every_estimator_is_tested(name):
    """An estimator that cannot be saved: its classes belong into stream.snapshot.classes.CLASSES,
    and one of its kind into ``MODELS`` of snapshot_models.py."""
    module, _, attribute = ESTIMATORS[name].partition(":")
    kind = getattr(importlib.import_module(module), attribute)
    assert issubclass(kind, Saved)
    assert name_of(kind) == kind.__name__, f"add {kind.__name__} to CLASSES"
    tested = {type(make()) for make in MODELS.values()}
    assert kind in tested, f"add a {kind.__name__} to MODELS of snapshot_models.py"


def test_what_is_missing_is_named():
    """An error that does not say which class is to be registered, and where it stands."""
    model = MODELS["tree"]()
    model._learner.extra = type("Pool", (), {})()
    with pytest.raises(SnapshotError, match=r"_learner\.extra: .*Pool is not one; add it to"):
        dumps(model)


def test_users_classes_are_not_imported():
    """A module that is imported because a file names it."""
    from stream.snapshot import classes

    kind = classes.register(type("Own", (), {"__module__": "elsewhere"}))
    data = dumps(kind())
    assert type(loads(data)) is kind
    del classes._registered["elsewhere.Own"]
    with pytest.raises(SnapshotError, match=r"'elsewhere\.Own' is neither .* import the module"):
        loads(data)
