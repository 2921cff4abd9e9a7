"""The last line of a learner: what it did, and why it learnt little where it did."""

from __future__ import annotations

from stream.kafka.topic_learner import TopicLearner

FEW = 0.5  # at most this share of what could have been learnt is told with its reasons


def summary(learner: TopicLearner) -> str:
    """What a learner has done, in one line; metrics only where there is something to measure."""
    counts, metrics = learner.counts, learner.metrics.total
    told = ""
    if counts.learnt and metrics.n_scored:
        named = ", ".join(f"{name} {value:.4f}" for name, value in metrics.brief().items())
        told = f" ({named})"
    line = (
        f"{counts.messages} messages in all: {counts.events} instances predicted, "
        f"{counts.learnt} learnt{told}, {counts.dead} dead letters."
    )
    if counts.skipped:
        line += f" {counts.skipped} messages without a value were passed over."
    return f"{line} {why}" if (why := why_little_was_learnt(learner)) else line


def why_little_was_learnt(learner: TopicLearner) -> str:
    """The reasons, as sentences; empty where enough was learnt."""
    counts, room = learner.counts, learner.room
    if not counts.events:
        return "No instance came." if counts.messages else "No message came."
    waiting = 0 if room is None else len(room)
    if counts.learnt > FEW * (counts.events - waiting):
        return ""
    began = "Nothing was learnt" if not counts.learnt else "Many rows were not learnt"
    if room is None:
        return (
            f"{began}: {counts.events - counts.learnt} messages had no labels where they were "
            "looked for; --mapping says in which field they are, --labels-topic that they come on "
            "their own."
        )
    lost = room.counts
    rows = [
        (lost.repeated_rows, "had a key that was waiting or learnt already (a key must be unique)"),
        (lost.expired, "were given up because their labels did not come in time"),
        (waiting, "still wait for labels"),
    ]
    labels = [
        (lost.orphaned, "were given up because their row did not come in time"),
        (room.n_early, "still wait for a row of their key"),
        (lost.late, "came after their row had been given up"),
    ]
    reasons = [
        f"{number} {what} {why}"
        for what, each in (("rows", rows), ("labels", labels))
        for number, why in each
        if number
    ]
    if not counts.labels:
        reasons.append(f"no message of {learner.labels_topic!r} had labels")
    return f"{began}: {', '.join(reasons)}." if reasons else f"{began}."
