"""Every numeric parameter of every public class has bounds, told before anything is made."""

import inspect
import math
import os
import resource
import signal

import pytest

import stream
from stream.errors import ParameterError
from stream.models.parameters import Number, Several
from stream.snapshot import dumps, loads

EXTREMES = [10**9, 2**63 - 1, 2**70, 10**400, -1, math.nan, math.inf]
SECONDS, BYTES = 60, 2 << 30
MODELS = [name for name in stream.__all__ if inspect.isclass(getattr(stream, name))]


def made(name, **parameters):
    kind = getattr(stream, name)
    if name == "ConformalLabelSets":
        return kind(stream.MultiLabelHoeffdingTree(), **parameters)
    return kind(**parameters)


def numeric(name):
    """Parameters that are numbers by default, or may be by what they say."""
    found = []
    for each in inspect.signature(getattr(stream, name)).parameters.values():
        number = isinstance(each.default, int | float) and not isinstance(each.default, bool)
        if number or "int" in str(each.annotation) or "float" in str(each.annotation):
            found.append(each.name)
    return found


def at_work(name, **parameters):
    """Make a model, and have it learn, answer, and be saved and loaded."""
    model = made(name, **parameters)
    single = name in ("HoeffdingTreeClassifier", "DriftMoE")
    for i in range(70):
        y = str(i % 3) if single else {"even": i % 2 == 0, "third": i % 3 == 0}
        if name == "LabelPartitioner":
            model.learn_one(y)
            continue
        x = {"a": float(i % 7), "b": float(i % 2)}
        told = model.predict_proba_one(x)
        model.learn_one(x, y)
        values = told.values() if single else [each[True] for each in told.values()]
        assert all(0.0 <= value <= 1.0 for value in values)
    assert dumps(loads(dumps(model))) == dumps(model)


def in_a_process(work):
    """What ``work`` tells of its failure, in a process of its own with little time and memory."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        with open("/proc/self/statm") as file:
            now = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + BYTES, now + BYTES))
        try:
            work(lambda text: os.write(writing, f"{text}\n".encode()))
        except BaseException as error:
            os.write(writing, f"{type(error).__name__}: {str(error)[:300]}\n".encode())
            os._exit(1)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, errors="replace") as file:
        said = file.read().splitlines()
    _, status = os.waitpid(child, 0)
    return "" if status == 0 else f"status {status} after {said[-2:]}"


needs_fork = pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="forks, on Linux")


@needs_fork
@pytest.mark.parametrize("name", MODELS)
def test_numbers_out_of_every_range_are_refused_or_work(name):
    """``top_k=10**9`` that hangs, a seed that overflows, memory that is taken before it is known
    how much may be."""
    at_work(name)  # compiled here, or loaded

    def walk(tell):
        for parameter in numeric(name):
            for value in EXTREMES:
                tell(f"{parameter}={value!r:.30}")
                told = f"{parameter!r} in the range"
                try:
                    at_work(name, **{parameter: value})
                except ParameterError as error:
                    told = str(error)
                assert f"{parameter!r}" in told
                assert "in the range" in told

    assert not in_a_process(walk)


def bounds(name):
    """Every parameter with a number that is as large, or as small, as it may be."""
    module = vars(inspect.getmodule(getattr(stream, name)))
    places = ("_CONSTRAINTS", "CONSTRAINTS", "TREE_CONSTRAINTS")
    constraints = next(module[place] for place in places if place in module)
    for parameter, allowed in constraints.items():
        for each in allowed:
            number = each.each if isinstance(each, Several) else each
            if isinstance(number, Number) and parameter in numeric(name):
                assert math.isfinite(number.low), parameter
                assert math.isfinite(number.high), parameter
                for value in {number.low, number.high}:
                    if number.allows(value):
                        yield parameter, value


@needs_fork
@pytest.mark.parametrize("name", MODELS)
def test_every_bound_is_finite_and_works(name):
    """A bound that lets a number through for which there is neither time nor memory."""
    at_work(name)

    def walk(tell):
        for parameter, value in bounds(name):
            tell(f"{parameter}={value!r}")
            at_work(name, **{parameter: value})

    assert len([*bounds(name)]) > 1
    assert not in_a_process(walk)
