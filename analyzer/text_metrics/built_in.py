"""The project's own metrics of texts, in the order of reports.

Whether two answers are the same (`exact_match`), and whether one is valid JSON under the request's schema
(`valid_json_rate`), the recorder finds out for every pair; so they are not among these.
"""

from analyzer.text_metrics.declared import TextMetric
from analyzer.text_metrics.embedding_similarity import EMBEDDING_SIMILARITY
from analyzer.text_metrics.regex_match import REGEX_MATCH
from analyzer.text_metrics.rouge_l import ROUGE_L
from analyzer.text_metrics.token_f1 import TOKEN_F1

BUILT_IN: tuple[TextMetric, ...] = (ROUGE_L, TOKEN_F1, REGEX_MATCH, EMBEDDING_SIMILARITY)
