"""The set decoder against its slow twin, and what answers are worth against all that can happen."""

import itertools
import math

import numpy as np
import pytest
from cluster_rows import batch_of_sets, random_rows
from naive.set_decoder import Asked, NaiveSetDecoder
from recorded import Recorder, params_of, random_ends

from stream.engine import joint_decoder_layout as dec
from stream.engine import set_decoder as sd
from stream.engine.joint_decoder import expected_worth
from stream.engine.joint_decoder_layout import INDEPENDENTLY
from stream.engine.joint_decoder_learning import LARGEST_UNIT

KINDS = {
    # rows, labels, unknown labels, delay, parameters
    "balanced": (220, 20, False, 0, {}),
    "unknown": (220, 20, True, 0, {}),
    "late": (220, 20, True, 7, {}),
    "few-sets": (220, 12, False, 0, {"max_sets": 4}),
    "many-sets": (220, 8, False, 0, {"max_sets": 200, "beta": 1.0}),
    "asked-rarely": (220, 30, True, 0, {"threshold": 0.5, "window": 0}),
    "subset": (220, 12, True, 0, {"decode": dec.SUBSET, "max_sets": 100}),
    "whole-sets-count-most": (220, 8, False, 3, {"weights": (0.8, 0.1, 0.1), "max_sets": 100}),
    "hamming-loss": (220, 12, False, 0, {"weights": (0.1, 0.1, 0.1)}),
    "f1": (220, 20, True, 3, {"decode": dec.F1}),
    "independent": (150, 8, True, 0, {"decode": INDEPENDENTLY}),
}
CLOSE = 1e-9


def asked_at(event):
    return Asked(event.listed, event.log_absent, event.base_rates, event.log_base_absent)


def assert_good_answer(twin, asked, event, answer):
    """Answers may differ where two are worth the same, or a label is at its threshold."""
    if twin.params.decode in (dec.SUBSET, dec.BALANCED):
        if not event.n_known:
            assert not answer
            return
        worths = twin.worths(asked, event.n_known)
        assert answer in worths
        assert worths[answer] >= max(worths.values()) - CLOSE
        return
    for label, p in asked.listed.items():
        threshold = twin.threshold(label) if twin.params.decode == dec.F1 else 0.5
        if abs(p - threshold) > CLOSE:
            assert (label in answer) == (p > threshold)


def play_both(batch, params, delay, ends, *, expected_misses=0.0):
    """A recorder and the twin after the same rows; every answer is compared.

    Parameters
    ----------
    expected_misses
        Labels that were not asked and should have been present, before the first row.
    """
    recorder = Recorder(params)
    recorder.gated.decoder.state.registers[sd.EXPECTED_MISSES] = expected_misses
    recorder.play(batch, delay, ends)
    twin, answers = NaiveSetDecoder(params.decoder), iter(recorder.answers)
    twin.expected_misses, learnt_with = expected_misses, None
    for event in recorder.events:
        if not event.learns:
            asked, n_known = asked_at(event), event.n_known
            probabilities, answered = next(answers)
            assert_good_answer(twin, asked, event, frozenset(answered))
            expected = {
                label: asked.listed.get(label, min(twin.kappa * twin.base_rate(label), 1.0))
                for label in asked.listed.keys() | answered
            }
            assert probabilities == pytest.approx(expected, abs=CLOSE)
            learnt_with = frozenset(answered)
            continue
        if not event.follows:  # what is answered now is not told; the twin's will do
            asked, n_known = asked_at(event), event.n_known
            learnt_with = twin_answer(twin, asked, n_known)
        twin.learn(
            asked, n_known, learnt_with, set(event.present), set(event.unknown), event.missed
        )
    assert next(answers, None) is None
    return recorder, twin


def twin_answer(twin, asked, n_known):
    """What the twin answers."""
    if twin.params.decode in (dec.SUBSET, dec.BALANCED):
        worths = twin.worths(asked, n_known) if n_known else {frozenset(): 0.0}
        return max(worths, key=worths.get)
    thresholds = {
        k: twin.threshold(k) if twin.params.decode == dec.F1 else 0.5 for k in asked.listed
    }
    return frozenset(label for label, p in asked.listed.items() if p > thresholds[label])


def counts_of(decoder):
    """Counts of today, by the names of the twin."""
    registers = decoder.registers / decoder.registers[dec.UNIT]
    names = {
        "n_rows": sd.N_ROWS, "n_new": sd.N_NEW, "sizes": sd.SET_SIZE, "n_sizes": sd.N_SIZES,
        "missed": sd.MISSED, "expected_misses": sd.EXPECTED_MISSES,
        "composed_expected": dec.COMPOSED_EXPECTED, "composed_right": dec.COMPOSED_RIGHT,
        "n_answered": dec.ANSWERED, "n_right": dec.ANSWERED_RIGHT,
        "n_present": dec.ANSWERED_PRESENT, "n_counted": dec.COUNTED,
    }  # fmt: skip
    return {name: registers[place] for name, place in names.items()}


def sets_of(decoder):
    """Label sets that are remembered, and how often they were seen."""
    return {
        frozenset(decoder.members[s, : decoder.size[s]].tolist()): (
            decoder.times[s] / decoder.registers[dec.UNIT]
        )
        for s in range(decoder.n_sets[0])
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_twin_answers_the_same(kind):
    """A candidate that is left out, a label that was not asked and counts as absent for certain, a
    rarest set that is not the rarest, a count that does not fade."""
    n_rows, n_labels, unknown, delay, changes = KINDS[kind]
    rng = np.random.default_rng(70 + list(KINDS).index(kind))
    batch = random_rows(rng, n_rows, n_labels, unknown=unknown)
    recorder, twin = play_both(batch, params_of(**changes), delay, random_ends(rng, n_rows))
    decoder = recorder.gated.decoder.state
    assert counts_of(decoder) == pytest.approx(
        {name: getattr(twin, name) for name in counts_of(decoder)}, abs=1e-7
    )
    assert sets_of(decoder) == pytest.approx(twin.times, abs=1e-9)
    assert len({frozenset(answered) for _, answered in recorder.answers}) >= 5


def test_a_set_that_came_late_may_be_the_answer():
    """Only the sets that were seen first are compared."""
    rng = np.random.default_rng(2)
    labels = np.arange(8)
    sets = [{0}, {0, 1}, {*range(8)}]
    sets += [set(labels[rng.random(8) < 0.5].tolist()) for _ in range(2 * dec.TOP)]
    late = {1, 3, 4, 6}
    sets = [each for each in sets if each != late] + [late] * 30
    params = params_of(decode=dec.SUBSET, max_sets=100, beta=1.0)
    recorder, twin = play_both(batch_of_sets([(each, set()) for each in sets]), params, 0, None)
    assert list(twin.times).index(frozenset(late)) > dec.TOP
    assert recorder.answers[-1][1] == late


def test_labels_that_were_not_asked_may_be_answered():
    """A label whose cluster was not asked has the probability of one that was, or more than its
    share of the misses."""
    # only the cluster of the labels that the last row had is asked
    params = params_of(threshold=1.0, window=0, capacity=2, decode=dec.SUBSET, beta=1.0)
    batch = batch_of_sets([({0, 1}, set()), ({2, 3}, set())] * 40)
    recorder, twin = play_both(batch, params, 0, None, expected_misses=200.0)
    asked = (event.listed.keys() for event in recorder.events if not event.learns)
    answers = (answered for _, answered in recorder.answers)
    assert sum(not answered <= listed for answered, listed in zip(answers, asked, strict=True)) > 40
    assert twin.kappa < 0.8


def test_counts_begin_new_units():
    """A count that is left in old units when all are expressed in rows of today."""
    batch = random_rows(np.random.default_rng(3), 120, 12, unknown=True)
    plain, large = Recorder(params_of()), Recorder(params_of())
    large.gated.decoder.state.registers[dec.UNIT] = 0.97 * LARGEST_UNIT
    for recorder in (plain, large):
        recorder.play(batch)
    assert large.gated.decoder.state.registers[dec.UNIT] < 2.0
    for (found, answered), (expected, others) in zip(large.answers, plain.answers, strict=True):
        assert found == pytest.approx(expected)
        assert answered == others
    decoders = [recorder.gated.decoder.state for recorder in (large, plain)]
    one, other = ({**counts_of(each), **sets_of(each)} for each in decoders)
    assert one == pytest.approx(other)
    one, other = (each.achieved / each.registers[dec.UNIT] for each in decoders)
    np.testing.assert_allclose(one, other)


# ---- what answers are worth


def outcomes(p):
    """Every label set and its probability, if labels are independent."""
    n = len(p)
    for size in range(n + 1):
        for chosen in itertools.combinations(range(n), size):
            members = frozenset(chosen)
            yield members, math.prod(p[k] if k in members else 1.0 - p[k] for k in range(n))


def worth_of(answer, p, weights, registers, chance=None):
    """What the kernel says that an answer is worth."""
    params = dec.DecoderParams(dec.BALANCED, 0.65, *weights, 10)
    inside = sum(p[k] for k in answer)
    if chance is None:
        chance = dict(outcomes(p))[answer]
    return expected_worth(params, registers, len(answer), inside, sum(p), chance, len(p))


def registers_of(n_rows, answered, right, present):
    registers = np.zeros(dec.N_REGISTERS)
    registers[dec.UNIT] = 1.0
    registers[[dec.COUNTED, dec.ANSWERED, dec.ANSWERED_RIGHT, dec.ANSWERED_PRESENT]] = (
        n_rows, answered, right, present,
    )  # fmt: skip
    return registers


EMPTY = registers_of(0.0, 0.0, 0.0, 0.0)


@pytest.fixture(params=range(6))
def p(request):
    """Probabilities of five labels."""
    rng = np.random.default_rng(request.param)
    return (rng.beta(0.7, 1.5, 5) * 0.98 + 0.01).tolist()


def powerset(labels):
    """Every label set."""
    for size in range(len(labels) + 1):
        yield from map(frozenset, itertools.combinations(sorted(labels), size))


@pytest.mark.parametrize(
    "changes",
    [
        {"decode": dec.SUBSET},
        {"weights": (0.15, 0.25, 0.6)},
        {"weights": (0.8, 0.1, 0.1)},
        {"weights": (0.1, 0.1, 0.1)},
        {"weights": (0.2, 0.2, 0.2), "beta": 1.0},
    ],
    ids=str,
)
def test_no_label_set_is_worth_more_than_the_answer(changes):
    """The most probable labels for every k, and the sets that were seen, are all the candidates
    that are needed."""
    batch = random_rows(np.random.default_rng(11), 130, 6)
    params = params_of(threshold=0.0, max_sets=20, **changes)
    recorder = Recorder(params)
    recorder.play(batch)
    twin, answers, compared = NaiveSetDecoder(params.decoder), iter(recorder.answers), 0
    for event, then in zip(recorder.events[::2], recorder.events[1::2], strict=True):
        asked, answered = asked_at(event), frozenset(next(answers)[1])
        if event.n_known:
            seen, rest = twin.probabilities(asked)
            correction = (twin.composed_right + 1.0) / (twin.composed_expected + 1.0)
            worths = {}
            for members in powerset(asked.listed):
                absent = asked.log_absent - twin.kappa * twin.not_asked(asked)
                odds = (math.log(p / (1.0 - p)) for k, p in asked.listed.items() if k in members)
                unseen = rest * math.exp(min(absent + sum(odds), 0.0))
                chance = max(min(unseen * correction, 1.0), seen.get(members, 0.0))
                worths[members] = twin.worth(members, chance, asked, event.n_known)
            if answered in worths:  # it may have members that nothing speaks for
                assert worths[answered] >= max(worths.values()) - CLOSE
                compared += 1
        twin.learn(
            asked, event.n_known, answered, set(then.present), set(then.unknown), then.missed
        )
    assert compared > 100


def test_worth_by_hamming_loss(p):
    """The share of labels that are wrong, averaged over all that can happen."""
    for answer, _ in outcomes(p):
        wrong = sum(chance * len(answer ^ truth) for truth, chance in outcomes(p)) / len(p)
        assert worth_of(answer, p, (0.0, 0.0, 0.0), EMPTY) == pytest.approx(-wrong)


def test_worth_by_the_streams_micro_f1(p):
    """What an answer adds to the micro-F1 of a long stream, averaged over all that can happen, in
    units of a row."""
    n, answered, right, present = 1e7, 2.4e7, 1.5e7, 3.1e7
    registers = registers_of(n, answered, right, present)
    before = 2.0 * right / (answered + present)

    def gain(answer, truth):
        both = answered + present + len(answer) + len(truth)
        without = 2.0 * right / (answered + present + len(truth))
        return 2.0 * (right + len(answer & truth)) / both - without

    assert 0.0 < before < 1.0
    for answer, _ in outcomes(p):
        expected = n * sum(chance * gain(answer, truth) for truth, chance in outcomes(p))
        assert worth_of(answer, p, (0.0, 0.0, 1.0), registers) == pytest.approx(expected, abs=1e-5)


def expected_f1(answer, p):
    """The F1 of an answer, averaged over all that can happen; nothing for nothing is right."""
    return sum(
        chance
        * (2.0 * len(answer & truth) / (len(answer) + len(truth)) if answer or truth else 1.0)
        for truth, chance in outcomes(p)
    )


def test_the_answer_by_f1_is_nearly_the_best(p):
    """The formula is an approximation: what it chooses is within a few hundredths of the best of
    all label sets, and no label set is worth more by the formula than the best k labels."""
    worths = {answer: worth_of(answer, p, (0.0, 1.0, 0.0), EMPTY) for answer, _ in outcomes(p)}
    order = sorted(range(len(p)), key=lambda k: -p[k])
    ranked = [frozenset(order[:k]) for k in range(len(p) + 1)]
    chosen = max(ranked, key=worths.get)
    assert worths[chosen] == pytest.approx(max(worths.values()))
    best = max(expected_f1(answer, p) for answer in worths)
    assert expected_f1(chosen, p) >= best - 0.04


@pytest.mark.parametrize("weights", [(1.0, 0.0, 0.0), (0.4, 0.2, 0.1), (0.0, 0.3, 0.6)])
def test_no_label_set_is_worth_more_than_the_candidates(p, weights):
    """For independent labels, the k most probable ones for every k are all the candidates that are
    needed: each worth rises with the probability of a label."""
    registers = registers_of(100.0, 220.0, 130.0, 240.0)
    worths = {answer: worth_of(answer, p, weights, registers) for answer, _ in outcomes(p)}
    order = sorted(range(len(p)), key=lambda k: -p[k])
    ranked = [frozenset(order[:k]) for k in range(len(p) + 1)]
    assert max(worths[each] for each in ranked) == pytest.approx(max(worths.values()))
