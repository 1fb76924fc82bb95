"""Style sheet, scripts and templates: readable in both themes, and nothing that the security policy would refuse."""

import re
from pathlib import Path

import pytest

from analyzer import dashboard

HERE = Path(dashboard.__file__).parent
CSS = (HERE / "static" / "dashboard.css").read_text()
REPORT_CSS = HERE.parent / "report" / "templates" / "report.css"
TEXTS = {
    path.relative_to(HERE).as_posix(): path.read_text()
    for path in sorted(HERE.rglob("*"))
    if path.suffix in {".html", ".css", ".js"}
}
OWN_MARKUP = {"templates/live_parts.html": ["decisions", "strip", "study"]}
"""What templates take as it stands, because another template of ours has made it."""
TAKEN_AS_MARKUP = {
    "static/label.js": ["task.innerHTML = html", "holder.innerHTML = found.ok.html"],
    "static/live.js": ["root.innerHTML = html"],
}
"""What scripts take as markup, for the same reason."""
_COLOUR = re.compile(r"--([a-z-]+): (#[0-9a-f]{6});")


def themes(text: str) -> list[dict[str, str]]:
    """Colours of light, of dark by the system, and of dark by choice."""
    head, _, rest = text.partition("@media (prefers-color-scheme: dark)")
    by_system, _, rest = rest.partition(':root[data-theme="dark"]')
    by_choice = rest.partition("}")[0]
    return [dict(_COLOUR.findall(part)) for part in (head, by_system, by_choice)]


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_ruler_is_right() -> None:
    """Published values: black on white, and the lightest grey that passes on white."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


@pytest.mark.parametrize("theme", themes(CSS), ids=["light", "dark by system", "dark by choice"])
def test_every_text_can_be_read(theme: dict[str, str]) -> None:
    """WCAG AA: 4.5 to 1 for text, 3 to 1 for the edges of fields."""
    pairs = [(text, ground) for text in ("ink", "muted") for ground in ("paper", "ground")]
    pairs += [("accent", "paper"), ("accent", "ground"), ("accent", "accent-soft"), ("ink", "accent-soft")]
    pairs += [("on-accent", "accent"), *((state, f"{state}-soft") for state in ("good", "bad", "wait"))]
    pairs += [("good", "paper"), ("bad", "paper")]
    found = {f"{text} on {ground}": contrast(theme[text], theme[ground]) for text, ground in pairs}
    assert {name: ratio for name, ratio in found.items() if ratio < 4.5} == {}


def test_both_ways_to_the_dark_theme_are_the_same() -> None:
    light, by_system, by_choice = themes(CSS)
    assert by_system == by_choice
    assert light.keys() == by_system.keys()


def test_reports_and_pages_have_the_same_colours() -> None:
    if not REPORT_CSS.exists():
        pytest.skip("there is no style sheet of reports")
    for own, reports in zip(themes(CSS), themes(REPORT_CSS.read_text()), strict=True):
        assert {name: own[name] for name in own.keys() & reports.keys()} == {
            name: reports[name] for name in own.keys() & reports.keys()
        }


@pytest.mark.parametrize("name", TEXTS)
def test_nothing_is_fetched_from_elsewhere(name: str) -> None:
    """Pages work offline; the only address is the name of SVG."""
    text = TEXTS[name].replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|url\(|@import|//[a-z]+\.", text)


@pytest.mark.parametrize("name", [name for name in TEXTS if name.endswith(".html")])
def test_templates_hold_nothing_that_the_policy_refuses_and_nothing_that_is_not_escaped(name: str) -> None:
    text = TEXTS[name]
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"autoescape|Markup", text)
    assert re.findall(r"\{\{ (\w+) \| safe \}\}", text) == OWN_MARKUP.get(name, [])
    assert text.count("safe") == len(OWN_MARKUP.get(name, []))


@pytest.mark.parametrize("name", [name for name in TEXTS if name.endswith(".js")])
def test_scripts_make_no_code_of_text(name: str) -> None:
    text = TEXTS[name]
    assert text.count('"use strict";') == 1
    assert not re.search(r"\beval\b|new Function|document\.write|insertAdjacentHTML|outerHTML", text)
    assert re.findall(r"\w+\.innerHTML = [\w.]+", text) == TAKEN_AS_MARKUP.get(name, [])
