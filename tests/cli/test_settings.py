"""A configuration from options, and options over a file; every fault names its place."""

from pathlib import Path

import pytest

from cli.settings import Overrides, from_file, from_options
from config.source import ConfigError

PRIMARY = "http://gateway:4000"


def faults(caught: pytest.ExceptionInfo[ConfigError]) -> list[str]:
    return [str(f) for f in caught.value.faults]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_candidate_in_one_option() -> None:
    config = from_options(
        PRIMARY, ["llama=http://vllm:8000,model=meta/Llama-3.3,sample=5%", "b=https://b/base,sample=1"]
    ).config
    first, second = config.candidates
    assert (first.name, first.url, first.model, first.sample) == ("llama", "http://vllm:8000", "meta/Llama-3.3", 0.05)
    assert (second.name, second.url, second.model, second.sample) == ("b", "https://b/base", None, 1.0)


def test_a_candidate_without_a_share_gets_a_tenth() -> None:
    """Who names a candidate on the command line wants it tried; the terminal and the help say the share."""
    assert from_options(PRIMARY, ["a=http://a"]).config.candidates[0].sample == 0.1


def test_directories_start_where_the_command_runs(tmp_path: Path) -> None:
    config = from_options(PRIMARY, []).config
    assert config.capture.dir == str(tmp_path / "data" / "capture")
    assert config.store.dir == str(tmp_path / "data" / "store")


def test_every_fault_names_its_option() -> None:
    with pytest.raises(ConfigError) as caught:
        from_options("gateway", ["A=http://a", "b=http://b,sample=150%"])
    assert [line.partition(": ")[0] for line in faults(caught)] == [
        "--primary",
        "--candidate A=http://a",
        "--candidate b=http://b,sample=150%",
    ]


@pytest.mark.parametrize("text", ["a=http://u:s3cret@h,model=m", "a=http://h?key=s3cret,model=m"])
def test_a_credential_in_an_option_is_not_repeated(text: str) -> None:
    with pytest.raises(ConfigError, match=r"put credentials into headers") as caught:
        from_options(PRIMARY, [text])
    assert "s3cret" not in str(caught.value)
    assert faults(caught)[0].startswith("--candidate a=http://")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("llama", "write NAME=URL"),
        ("http://vllm:8000/a=b", "write NAME=URL"),
        ("=http://a", "write NAME=URL"),
        ("a=http://a,smple=1", "did you mean sample=?"),
        ("a=http://a,timeout=1", "neither model=M nor sample=F"),
        ("a=http://a,model", "neither model=M nor sample=F"),
    ],
)
def test_a_candidate_that_cannot_be_read_says_the_form(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_options(PRIMARY, [text])
    assert faults(caught)[0].startswith(f"--candidate {text}: ")
    assert said in faults(caught)[0]


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("9000", "0.0.0.0", 9000), ("127.0.0.1:0", "127.0.0.1", 0), ("[::1]:80", "::1", 80), (":81", "0.0.0.0", 81)],
)
def test_an_address_as_people_write_it(text: str, host: str, port: int) -> None:
    listen = from_options(PRIMARY, [], Overrides(listen=text)).config.listen
    assert (listen.host, listen.port) == (host, port)


@pytest.mark.parametrize("text", ["localhost", "127.0.0.1:http", "-1", ""])
def test_an_address_without_a_port_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--admin .*write HOST:PORT or PORT"):
        from_options(PRIMARY, [], Overrides(admin=text))


def test_a_port_out_of_range_names_its_option() -> None:
    with pytest.raises(ConfigError) as caught:
        from_options(PRIMARY, [], Overrides(listen="65536"))
    assert faults(caught)[0].startswith("--listen: listen.port: ")
    assert from_options(PRIMARY, [], Overrides(listen="65535")).config.listen.port == 65535


def test_an_option_comes_before_the_file_and_leaves_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("primary: {url: http://p}\nlisten: {port: 1, workers: 3}\nadmin: {port: 2}\n")
    config = from_file(file, Overrides(listen="5")).config
    assert (config.listen.port, config.listen.workers, config.admin.port) == (5, 3, 2)


def test_faults_of_a_file_keep_their_lines_beside_options(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("primary: {url: http://p}\nlisten:\n  workers: 0\n")
    with pytest.raises(ConfigError) as caught:
        from_file(file, Overrides(listen="70000"))
    assert {line.partition(": ")[0] for line in faults(caught)} == {"--listen", f"{file}:3"}


def test_the_default_file_is_found_and_its_absence_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        from_file(None)
    assert faults(caught) == [
        "./shadowbench.yaml: is not here; name a file with -c FILE, or say --primary URL --candidate NAME=URL"
    ]
    (tmp_path / "shadowbench.yaml").write_text("primary: {url: http://here}\n")
    assert from_file(None).config.primary.url == "http://here"
