"""Is an answer a refusal? A rule that anyone can apply by hand, and that says what it misses.

A refusal says that it will not or cannot do what was asked, and does not do it. One of these makes an answer one:

1. The provider says so: a refusal field, or a finish reason by which it withholds an answer (`content_filter`,
   `refusal`, Gemini's `SAFETY` and its like).
2. The visible text begins with a phrase of refusal: within its first 160 characters the model says of itself that it
   will not or cannot, or within its first 90 that it lacks what it needs (the phrases are below).
   Unless it goes on to answer: the text is longer than 600 characters and, within its first 500, turns round ("However,
   I can ...", "but here is ...", "instead, ...").

Only English is known. Polite evasions, refusals that begin late, and answers that are cut to nothing are missed; a
short caveat before a short answer is taken for a refusal. `docs/refusals.md` has the measured precision and recall.
"""

import re
from typing import Final

from proxy.wire.dialect import Answer

REFUSAL_WINDOW_CHARS: Final = 160
"""A refusal says so at once; later such words are about something else."""
LACK_WINDOW_CHARS: Final = 90
"""What the model lacks is a refusal only where it comes first."""
ANSWER_FROM_CHARS: Final = 600
"""Refusals are shorter, but for some sermons; those do not turn round."""
TURN_WINDOW_CHARS: Final = 500

_AM: Final = r"i(?:['’]m| am)"
_DONT: Final = r"(?:do not|don['’]t)"
_NOT: Final = r"(?:can(?:no|['’])?t|can not|won['’]t|will not|am (?:unable|not able)|must decline|have to decline)"
_DO: Final = (
    r"(?:help(?! (?:but|it|the way)\b)|assist|comply|fulfil|provide|offer|give|discuss|engage|support|create|generate|"
    r"write|do (?:that|this)|recommend|suggest|condone|predict|access|browse|answer|share|advise|make|take|endorse|"
    r"participate|promote)"
)
_IS_AI: Final = r"(?:an? |as an )(?:ai|artificial|language)"
_CALLED: Final = r"(?:ai|artificial intelligence|language model|helpful assistant|digital assistant)"
_MEANS: Final = r"(?:the ability|real-time|access|information)"
_SORRY: Final = rf"{_AM} (?:(?:so|very|really|truly) )?sorry,? (?:but )?"
_IT_IS_NOT: Final = r"it(?:['’]s| is) (?:not|neither|un)"
_REGRETS: Final = rf"(?:i apologi[sz]e|sorry|unfortunately|{_AM} afraid),? (?:but )?(?:that )?"
_PHRASES: Final = (
    # "I'm sorry, but I can't ...", "I'm sorry, but as an AI ...", "I'm sorry, but it is not appropriate ..."
    rf"{_SORRY}(?:i {_NOT}|i {_DONT} have|(?:{_AM} )?{_IS_AI}|{_IT_IS_NOT}|{_AM} (?:not able|unable))",
    # "I apologize, but I do not feel comfortable ..."
    rf"{_REGRETS}i (?:{_NOT}|{_DONT} (?:have|feel comfortable))",
    # "I cannot provide ...", "I'm unable to help ..."
    rf"i {_NOT} (?:to )?{_DO}",
    rf"{_AM} (?:unable|not able|not going) to {_DO}",
    rf"i {_DONT} feel comfortable",
    rf"{_AM} not comfortable",
    # "As an AI language model, I cannot ...", "I'm just an AI and do not have access ..."
    rf"as an? {_CALLED}[^.,]{{0,40}},? i {_NOT}",
    rf"{_AM}(?: just)? an? {_CALLED}[^.]{{0,40}}?(?:and|,) (?:i )?(?:{_DONT}|cannot|can['’]t) have {_MEANS}",
)
_LACKS: Final = re.compile(
    rf"\bi {_DONT} have (?:the (?:ability|capability)|access|real-time|enough (?:context|information)|"
    r"a strong opinion|any (?:information|knowledge) (?:about|on))",
    re.IGNORECASE,
)
_REFUSES: Final = re.compile(rf"\b(?:{'|'.join(_PHRASES)})", re.IGNORECASE)
_TURNS_ROUND: Final = re.compile(
    r"\b(?:however|but|instead|that (?:being )?said|nevertheless|still|so)\b,?[^.!?\n]{0,60}?"
    r"\b(?:i(?:['’]d| can| could|['’]ll| will| would)|here(?:['’]s| is| are)|let me|based on|there are|you can)\b"
    r"|\bwhile i (?:can|do|am)",
    re.IGNORECASE,
)


def is_refusal(answer: Answer) -> bool:
    """By the provider's word, else by the rule above."""
    return bool(answer.refusal) or answer.declined or reads_as_refusal(answer.text or "")


def reads_as_refusal(text: str) -> bool:
    """The second part of the rule: what the words say."""
    head = text[:REFUSAL_WINDOW_CHARS]
    if "I" not in head and " i " not in head and not head.startswith("i "):
        return False  # every phrase speaks of its speaker; most answers do not
    if _REFUSES.search(text, 0, REFUSAL_WINDOW_CHARS) is None and _LACKS.search(text, 0, LACK_WINDOW_CHARS) is None:
        return False
    return len(text) <= ANSWER_FROM_CHARS or _TURNS_ROUND.search(text, 0, TURN_WINDOW_CHARS) is None
