"""By what measure labels of a command were given, as its options say it."""

import click

from analyzer.judge.rubric import RubricError, load
from analyzer.labels_in.rubrics import Rubrics, configured_rubrics
from config.model import Config

_FILES = (".yaml", ".yml")


def rubrics_of(config: Config, option: str | None) -> Rubrics:
    """The shipped ones and the configuration's.

    Args:
        config: its judge's rubric is meant where none is named; without a judge the first shipped one.
        option: what --rubric says: a name, an id, or the path of a rubric file.

    Raises:
        click.UsageError: a rubric is none, or its file cannot be used.
    """
    try:
        rubrics = configured_rubrics(config)
        if option is None:
            return rubrics
        if option.endswith(_FILES):
            return Rubrics(load(option).id, rubrics.ids)
        return Rubrics(rubrics(option), rubrics.ids)
    except RubricError as error:
        raise click.UsageError(str(error)) from None
    except ValueError as error:
        raise click.UsageError(f"--rubric: {error}") from None
