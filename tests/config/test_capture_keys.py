"""`capture.encrypt`: several keys in one secret, and none that could be guessed."""

from pathlib import Path

import pytest

from config.load import load_config
from config.model import Config
from config.source import ConfigError

KEY = "0123456789abcdef0123456789abcdef"
OTHER_KEY = KEY[::-1]


@pytest.mark.parametrize("divider", ["\n", "\r\n", " ", ",", ", "])
def test_keys_of_the_capture_log_may_be_several_and_are_shown_nowhere(tmp_path: Path, divider: str) -> None:
    (tmp_path / "keys").write_text(f"{KEY}{divider}{OTHER_KEY}\n")
    file = tmp_path / "c.yaml"
    file.write_text("primary: {url: 'http://p'}\ncapture: {encrypt: '${file:keys}'}\n")
    config = load_config(file, {})
    assert config.capture.secrets() == (KEY, OTHER_KEY)
    assert KEY not in repr(config) + config.model_dump_json()
    assert load_config_of("primary: {url: 'http://p'}", tmp_path).capture.secrets() == ()


@pytest.mark.parametrize(
    ("keys", "said"),
    [(KEY[:-1], "32"), (f"{KEY},{KEY[:31]}", "32"), ("''", "32"), (f"{KEY} {KEY}", "stands twice")],
)
def test_a_key_that_could_be_guessed_is_refused(tmp_path: Path, keys: str, said: str) -> None:
    with pytest.raises(ConfigError, match=r"capture\.encrypt") as raised:
        load_config_of(f"primary: {{url: 'http://p'}}\ncapture: {{encrypt: {keys!r}}}", tmp_path)
    assert said in str(raised.value)
    assert KEY[:31] not in str(raised.value)


def load_config_of(text: str, directory: Path) -> Config:
    file = directory / "of.yaml"
    file.write_text(text)
    return load_config(file, {})
