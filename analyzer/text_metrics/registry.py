"""From the settings of judging to the metrics of texts that they ask for."""

from collections.abc import Callable, Sequence

from analyzer.entry_points import PluginError
from analyzer.text_metrics.built_in import BUILT_IN
from analyzer.text_metrics.declared import TextMetric
from analyzer.text_metrics.plugged import plugged
from analyzer.text_metrics.regex_match import REGEX_MATCH, with_patterns
from config.judge import Judge
from config.wording import nearest_key


class TextMetricError(Exception):
    """`judge.metrics` asks for what there is not; one line that says what there is."""


def text_metrics(judge: Judge, others: Callable[[], Sequence[TextMetric]] = plugged) -> tuple[TextMetric, ...]:
    """Each metric of `judge.metrics` once, in their order.

    Args:
        judge: settings, sound by themselves.
        others: metrics of other packages; asked only when a name is none of the project's own.

    Raises:
        TextMetricError: a name is that of no metric, a package that gives metrics cannot be used, or one needs
            embeddings and there are none.
    """
    known = {metric.name: metric for metric in BUILT_IN}
    if judge.patterns is not None:
        known[REGEX_MATCH.name] = with_patterns(judge.patterns)
    if any(name not in known for name in judge.metrics):
        try:
            known |= {metric.name: metric for metric in others()}
        except PluginError as error:
            raise TextMetricError(str(error)) from None
    for name in judge.metrics:
        if name not in known:
            raise TextMetricError(f"there is no metric of texts {name!r}{nearest_key(name, list(known))}")
    found = tuple(known[name] for name in dict.fromkeys(judge.metrics))
    for metric in found:
        if metric.needs_vectors and judge.embeddings is None:
            said = "add embedding_similarity, and `embeddings` to say where they come from"
            raise TextMetricError(f"{metric.name} needs embeddings: {said}")
    return found
