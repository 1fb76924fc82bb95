"""What stands out of a pair, in a sentence or two."""

from decimal import Decimal

from analyzer.dashboard.pairs.amounts import duration, money
from analyzer.dashboard.pairs.outcomes import in_words
from analyzer.dashboard.pairs.verdicts import InShort
from analyzer.dashboard.visible import visible
from record.outcome import Outcome
from store.browsing.pairs import Arm, BrowsedPair

_PREFERRED = {
    "candidate": "preferred the candidate's answer",
    "primary": "preferred the primary's answer",
    "tie": "saw a tie",
}


def sentence(pair: BrowsedPair, short: InShort | None) -> str:
    """`swift answered in 640 ms, 172 ms faster than the primary, and cost $0.0011, $0.0031 less. judge-a saw a tie.`"""
    name = visible(pair.candidate)
    one, other = pair.primary, pair.answer
    if one.outcome != Outcome.OK or other.outcome != Outcome.OK:
        said = f"The primary {_ended(one)}; {name} {_ended(other)}."
    else:
        cost = _cost(one, other)
        time = _time(one, other)
        said = f"{name} {time}{',' if cost and ',' in time else ''}{f' and {cost}' if cost else ''}."
    return said if short is None else f"{said} {_verdict(short)}"


def _ended(arm: Arm) -> str:
    if arm.outcome == Outcome.OK:
        return "answered" if arm.total_ms is None else f"answered in {duration(arm.total_ms)}"
    if arm.outcome == Outcome.HTTP_ERROR:
        return f"answered with an {in_words(arm)}"
    verbs = {
        Outcome.PROVIDER_ERROR.value: "reported an error inside its answer",
        Outcome.TOO_LARGE.value: "was cut by us, being too large",
        Outcome.CLIENT_ABORT.value: "was left by the client",
        Outcome.UNAVAILABLE.value: "was never sent the request: it was not available",
        Outcome.INVALID.value: "sent what cannot be read",
    }
    return verbs.get(arm.outcome, in_words(arm))


def _time(one: Arm, other: Arm) -> str:
    if other.total_ms is None:
        return "answered"
    if one.total_ms is None:
        return f"answered in {duration(other.total_ms)}"
    difference = other.total_ms - one.total_ms
    size = duration(abs(difference))
    said = f"answered in {duration(other.total_ms)}"
    if size == "0 ms":
        return f"{said}, as fast as the primary"
    return f"{said}, {size} {'slower' if difference > 0 else 'faster'} than the primary"


def _cost(one: Arm, other: Arm) -> str:
    if other.cost_usd is None:
        return ""
    if one.cost_usd is None:
        return f"cost {money(other.cost_usd)}"
    difference: Decimal = other.cost_usd - one.cost_usd
    if not difference:
        return f"cost {money(other.cost_usd)}, the same"
    return f"cost {money(other.cost_usd)}, {money(abs(difference))} {'more' if difference > 0 else 'less'}"


def _verdict(short: InShort) -> str:
    notes = f" ({', '.join(short.notes)})" if short.notes else ""
    if short.is_settled:
        if short.said.kind == "tie":
            return f"Both gave the {short.said.text}{notes}."
        return f"Without a judge it is clear: {short.said.text}{notes}."
    said = _PREFERRED.get(short.said.kind)
    by = f"{'Taken together, ' if short.is_several else ''}{visible(short.by)}"
    return f"{by} {said}{notes}." if said is not None else f"{by}: {short.said.text}{notes}."
