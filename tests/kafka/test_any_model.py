"""Models that are not of this package between topics."""

from __future__ import annotations

import json

import pytest
from kafka_helpers import produce_rows, read_all, service_for
from river import compose, feature_extraction, linear_model, multiclass, naive_bayes, preprocessing

from stream.kafka.messages.field_mapping import FieldMapping

WORDS = [("rain and wind", "bad"), ("sun and calm", "good"), ("wind again", "bad")]
N_ROWS = 90


def bag_of_words():
    return feature_extraction.BagOfWords(on="text") | naive_bayes.MultinomialNB()


def one_hot():
    encoded = compose.Select("text") | preprocessing.OneHotEncoder()
    return encoded | multiclass.OneVsRestClassifier(linear_model.LogisticRegression())


@pytest.mark.parametrize("make", [bag_of_words, one_hot])
@pytest.mark.parametrize("apart", [False, True])
def test_texts_reach_a_pipeline(broker, topic, tmp_path, make, apart):
    """A text is a column of 0 and 1 when the pipeline looks for it, and a row that waits for its
    labels over a restart comes back as numbers."""
    source, labels, predictions = topic(), topic(), topic()
    pairs = [(text, kind, n) for n in range(N_ROWS // 3) for text, kind in WORDS]
    keyed = [(b"%d" % n, *pair) for n, pair in enumerate(pairs)]
    whole = [
        (key, json.dumps({"x": {"text": text, "n": n}} | ({} if apart else {"y": kind})).encode())
        for key, text, kind, n in keyed
    ]
    settings = {"max_messages": 40}
    options = {"model": make(), "mapping": FieldMapping(target="y")}
    if apart:
        settings["labels_topic"] = labels
    produce_rows(broker.bootstrap, source, whole)
    service_for(broker.bootstrap, tmp_path, source, predictions, settings=settings, **options).run()
    if apart:
        truths = [(key, json.dumps({"y": kind}).encode()) for key, _, kind, _ in keyed]
        produce_rows(broker.bootstrap, labels, truths)
    settings = settings | {"max_messages": None}
    service = service_for(
        broker.bootstrap, tmp_path, source, predictions, settings=settings, **options
    )
    service.run()
    assert service.learner.counts.learnt == N_ROWS
    produce_rows(broker.bootstrap, source, [(b"a", b'{"x":{"text":"sun and calm","n":1}}')])
    service_for(broker.bootstrap, tmp_path, source, predictions, settings=settings, **options).run()
    last = json.loads(read_all(broker.bootstrap, predictions)[-1][2])
    assert last["labels"] == ["good"]
