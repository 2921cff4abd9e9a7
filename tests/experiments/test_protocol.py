"""What a cell measures, against River's own evaluation; every peer once."""

from __future__ import annotations

import json
import subprocess

import pytest
from harness.definition import Cell, ModelChoice, Protocol, StreamChoice, all_names, find_definition
from harness.definition import load as load_definition
from harness.environments import python_of
from harness.evaluation import evaluate
from harness_models import Answering
from river import evaluate as river_evaluate
from river import metrics

from stream import open_source
from stream.errors import NotAvailableError
from stream.evaluate import prequential

ROWS = 120


def cell(stream: str, use: str, params: dict | None = None, **how) -> Cell:
    elsewhere = how.pop("elsewhere", None)
    model = ModelChoice(title=use, use=use, params=params or {}, environment=elsewhere)
    protocol = Protocol(**{"limit": ROWS, **how})
    return Cell(
        stream=StreamChoice(name=stream, title=stream), model=model, seed=7, protocol=protocol
    )


@pytest.mark.parametrize("stream", ["yeast", "solar-flare", "syn-rbf:labels=6,blocks=2,rows=500"])
@pytest.mark.parametrize(
    "use",
    [
        "multilabel-hoeffding-tree",
        "peers.river_baselines:logistic_regressions",
        "peers.trivial:RepeatLast",
    ],
)
def test_metrics_are_those_of_rivers_evaluation(stream, use):
    """A row that is learnt before it is scored, left out, or scored for another one."""
    rows = [(dict(x), y) for x, y in open_source(stream)]
    labels = tuple(dict.fromkeys(label for _, y in rows for label in y))
    # Row by row, models get every column known by then, as River's datasets give them.
    zeros: dict = {}
    if not open_source(stream).columns_grow:
        zeros |= dict.fromkeys((name for x, _ in rows for name in x), 0.0)
    pairs = []
    for x, y in rows[:ROWS]:
        zeros |= dict.fromkeys(x, 0.0)
        pairs.append((zeros | x, y))
    params = {"model": use, "labels": labels}
    ours = evaluate(cell(stream, "harness_models:Answering", params), None)["metrics"]
    theirs = {
        "subset_accuracy": metrics.multioutput.ExactMatch(),
        "micro_f1": metrics.multioutput.MicroAverage(metrics.F1()),
        "macro_f1": metrics.multioutput.MacroAverage(metrics.F1()),
        "macro_recall": metrics.multioutput.MacroAverage(metrics.Recall()),
    }
    for name, metric in theirs.items():
        river_evaluate.progressive_val_score(pairs, Answering(use, labels, seed=7), metric)
        assert ours[name] == pytest.approx(metric.get(), abs=1e-12), name


def test_the_tail_is_scored_alone_and_the_rest_is_learnt():
    """Scores of the whole stream under the name of its end."""
    use = "multilabel-hoeffding-tree"
    found = evaluate(cell("yeast", use, limit=400, tail=57), None)
    from stream.models.registry import create_model

    whole = prequential(open_source("yeast"), create_model(use, seed=7), limit=400, window=1)
    exact = [window["metrics"]["subset_accuracy"] for window in whole.windows[-57:]]
    assert found["rows"] == 57
    assert found["metrics"]["subset_accuracy"] == pytest.approx(sum(exact) / 57)


PEERS = [
    model.use
    for model in load_definition(find_definition("peers")).models
    if model.use.startswith("peers.")
]


@pytest.mark.parametrize("use", PEERS)
def test_every_peer_here_runs(use):
    """A baseline that broke with a new version of its library."""
    found = evaluate(cell("yeast", use, limit=12), None)
    assert found["rows"] == 12
    assert found["metrics"]["micro_f1"] > 0 or use == "peers.trivial:EmptySet"


@pytest.mark.parametrize(
    ("environment", "stream", "use"),
    [
        ("scikit-multiflow", "yeast", "skmultiflow.trees:iSOUPTreeRegressor"),
        ("scikit-multiflow", "yeast", "skmultiflow.trees:LabelCombinationHoeffdingTreeClassifier"),
        ("capymoa", "led:rows=500", "capymoa.classifier:HoeffdingTree"),
    ],
)
def test_peers_elsewhere(environment, stream, use):
    skip_without(environment)
    found = evaluate(cell(stream, use, limit=300, elsewhere=environment), None)
    assert found["rows"] == 300
    assert found["metrics"]["micro_f1"] > 0.3
    assert environment in found["versions"]


def skip_without(environment: str) -> str:
    try:
        return python_of(environment)
    except NotAvailableError as error:
        pytest.skip(str(error))


ASK = """
import inspect, json, sys
from skmultiflow.data import MultilabelGenerator, SEAGenerator
from skmultiflow.core import ClassifierMixin
from skmultiflow.trees import HoeffdingTreeClassifier
sizes = {"n_samples": 30, "n_features": 4, "n_targets": 3}
streams = [MultilabelGenerator(random_state=1, **sizes), SEAGenerator(random_state=1)]
parameters = list(inspect.signature(HoeffdingTreeClassifier.partial_fit).parameters)
names = [[each.feature_names, each.target_names] for each in streams]
print(json.dumps([parameters, list(vars(ClassifierMixin)), names]), flush=True)
for line in sys.stdin:
    number, asked = line.split()
    stream = streams[int(number)]
    if asked == "next_sample":
        x, y = stream.next_sample()
        print(json.dumps([x.tolist(), y.tolist()]), flush=True)
    else:
        print(json.dumps(getattr(stream, asked)()), flush=True)
"""


class Remote:
    """A stream of the real scikit-multiflow, which lives in another process."""

    def __init__(self, process: subprocess.Popen, number: int, names: list):
        self.process, self.number = process, number
        self.feature_names, self.target_names = names

    def ask(self, what: str):
        self.process.stdin.write(f"{self.number} {what}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def n_remaining_samples(self):
        return self.ask("n_remaining_samples")

    def next_sample(self):
        return self.ask("next_sample")

    def restart(self):
        return self.ask("restart")


def test_streams_and_methods_of_the_real_scikit_multiflow():
    """The fakes of the other tests are like nothing that exists."""
    import inspect

    from stream.models import PartialFit

    command = [skip_without("scikit-multiflow"), "-I", "-c", ASK]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        parameters, methods, names = json.loads(process.stdout.readline())
        assert list(inspect.signature(PartialFit.partial_fit).parameters) == parameters
        asked = {"fit", "partial_fit", "predict", "predict_proba"}
        assert asked <= set(methods)
        assert all(callable(getattr(PartialFit, name)) for name in asked)
        many, one = (Remote(process, number, each) for number, each in enumerate(names))
        source = open_source(many)
        rows = list(source)
        assert len(rows) == 30
        assert (len(rows[0][0]), len(rows[0][1])) == (4, 3)
        assert list(source) == rows
        x, y = next(iter(open_source(one)))
        assert len(x) == 3
        assert y in (0, 1)
        process.stdin.close()


@pytest.mark.parametrize("name", all_names())
@pytest.mark.parametrize("quick", [False, True])
def test_every_definition_is_sound(name, quick):
    """A quick version that names a model or stream which was renamed is empty."""
    experiment = load_definition(find_definition(name), quick=quick)
    assert list(experiment.cells())
    known = {model.title for model in load_definition(find_definition(name)).models}
    for key in ("against",):
        assert experiment.report.get(key, next(iter(known))) in known
