"""A learner between Kafka topics that is exact after a crash, and a producer that replays files.

``service`` keeps a ``session`` going; a session polls (``polling``), has messages learnt
(``topic_learner``) and writes what follows. ``clients`` reach brokers, ``messages`` are read and
written, ``recovery`` makes it exact after a crash.
"""
