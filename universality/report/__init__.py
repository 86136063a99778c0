"""The HTML report, made from a saved result alone."""

from universality.report.page import page

__all__ = ["page"]
