"""Names of models: when two of them mean the same model, and who made it."""

import re
from typing import Final

_FAMILIES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = tuple(
    (family, re.compile(pattern))
    for family, pattern in (
        ("openai", r"(?:chat)?gpt-|o[1-9](?:-|\Z)|davinci|babbage|text-davinci|codex"),
        ("anthropic", r"claude"),
        ("google", r"gemini|gemma|palm|bison"),
        ("meta", r"(?:meta-)?llama|codellama"),
        ("mistral", r"mi[sx]tral|ministral|codestral|magistral|pixtral|devstral"),
        ("alibaba", r"qw[eq]n|qwq"),
        ("deepseek", r"deepseek"),
        ("xai", r"grok"),
        ("cohere", r"command|c4ai|aya"),
        ("microsoft", r"phi-|wizardlm"),
        ("amazon", r"nova-|titan"),
        ("zhipu", r"glm-|chatglm"),
        ("moonshot", r"kimi|moonshot"),
        ("nvidia", r"nemotron"),
    )
)
_DATE: Final = re.compile(r"[-@](?:\d{4}-?\d{2}-?\d{2}|\d{4}|\d{2}-\d{2}|\d{2}-20\d{2}|latest)\Z")
_VERSION: Final = re.compile(r"(?:-v\d+(?:[:.]\d+)*|:(?:\d+|latest))\Z")
_REGION: Final = re.compile(r"\A(?:us|eu|ap|apac|jp|au|ca|global)\.")
_OWNER: Final = re.compile(r"\A(?:anthropic|amazon|cohere|meta|mistral|ai21|deepseek|openai)\.")


def bare_name(name: str) -> str:
    """A model's name without what names the place or the day: provider, region, date, version of a host.

    `azure/gpt-4o-2024-08-06`, `openai/gpt-4o` and `GPT-4o-latest` are all `gpt-4o`. A short date such
    as `gpt-4-1106` is taken for one, too; so two snapshots of a model are the same model here.
    """
    bare = name.strip().lower().removeprefix("models/").rpartition("/")[2]
    bare = _OWNER.sub("", _REGION.sub("", bare))
    while True:
        shorter = _DATE.sub("", _VERSION.sub("", bare)).removesuffix("-preview")
        if shorter == bare or not shorter:
            return bare
        bare = shorter


def same_model(one: str, other: str) -> bool:
    """Do two names mean the same model, as far as names tell?"""
    return bare_name(one) == bare_name(other)


def family(name: str) -> str | None:
    """Who made it, as far as its name tells; None: nobody that is known here."""
    bare = bare_name(name)
    return next((maker for maker, pattern in _FAMILIES if pattern.match(bare)), None)
