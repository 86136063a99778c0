"""The HTML report, made from a saved result alone."""

from universality.report.page import comparison_page

__all__ = ["comparison_page"]
