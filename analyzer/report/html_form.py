"""A study as one HTML file: no script, no other file, light and dark, and good on paper."""

from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from analyzer.answering import Answer
from analyzer.report.view import study_view

_PACKAGE = "analyzer.report"


def as_html(answer: Answer, *, version: str, title: str = "shadowbench report", everything: bool = False) -> str:
    """The whole document.

    Args:
        answer: the study, and the figures that plots are drawn from.
        version: of shadowbench.
        title: of the page.
        everything: every metric, reason and fact; else what decides and what is known.
    """
    view = study_view(answer, version=version, everything=everything)
    style = Markup(style_sheet())  # noqa: S704 - our own file; inside <style> nothing is escaped
    return templates().get_template("report.html").render(view=view, title=title, style=style) + "\n"


def style_sheet() -> str:
    """Colours and forms of a study."""
    return (resources.files(_PACKAGE) / "templates" / "report.css").read_text(encoding="utf-8")


@cache
def templates() -> Environment:
    """Templates of studies: every value is escaped, a name that is missing is an error."""
    return Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
