"""What people watch: a page that follows an evaluation, and the same page kept as one file."""

from stream.live.report import report_html, write_report
from stream.live.watching import LivePage

__all__ = ["LivePage", "report_html", "write_report"]
