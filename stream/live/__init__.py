"""A page that follows an evaluation or a live learner, and the same page kept as one file."""

from stream.live.learning import LearnerPage
from stream.live.report import report_html, write_report
from stream.live.watching import LivePage

__all__ = ["LearnerPage", "LivePage", "report_html", "write_report"]
