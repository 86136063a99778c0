"""The HTML report, made from a saved result alone."""

from universality.report.page import has_page, page, page_name, rows_page

__all__ = ["has_page", "page", "page_name", "rows_page"]
