"""Loading: a valid file, or every fault at once with file, line, key and what is allowed."""

from pathlib import Path

import pytest

from config.load import load_config
from config.source import ConfigError


def loaded_faults(tmp_path: Path, text: str, environment: dict[str, str] | None = None) -> list[str]:
    """Lines of the error, without the directory."""
    file = tmp_path / "f.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(file, environment or {})
    return [str(fault).removeprefix(f"{tmp_path}/") for fault in caught.value.faults]


def test_the_smallest_file(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text("primary: {url: http://gateway:4000/base/}\n")
    config = load_config(file, {})
    assert config.primary.url == "http://gateway:4000/base"
    assert config.candidates == ()
    assert config.control.sample == 0


def test_directories_start_where_the_file_lies(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text("primary: {url: http://p}\nstore: {dir: elsewhere}\ncapture: {dir: /abs/x}\n")
    config = load_config(tmp_path / "f.yaml", {})
    assert config.store.dir == str(tmp_path / "elsewhere")
    assert config.capture.dir == "/abs/x"


def test_all_faults_come_at_once_with_line_and_key(tmp_path: Path) -> None:
    text = """\
listen:
  port: 70000
primary:
  url: gateway:4000
candidates:
  - name: Llama
    url: http://vllm:8000
    smple: 10%
  - url: http://b
drain: 5
"""
    faults = loaded_faults(tmp_path, text)
    assert [fault.split(": ")[:2] for fault in faults] == [
        ["f.yaml:2", "listen.port"],
        ["f.yaml:4", "primary.url"],
        ["f.yaml:6", "candidates[0].name"],
        ["f.yaml:8", "candidates[0].smple"],
        ["f.yaml:9", "candidates[1].name"],
        ["f.yaml:10", "drain"],
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("primry: {url: http://p}\nprimary: {url: http://p}", "f.yaml:1: primry: unknown key; did you mean 'primary'?"),
        ("primary: {url: http://p, timout: {}}", "f.yaml:1: primary.timout: unknown key; did you mean 'timeout'?"),
        (
            "primary: {url: http://p}\nsampling: {form: [prefix]}",
            "f.yaml:2: sampling.form: unknown key; did you mean 'from'?",
        ),
        ("primary: {url: http://p}\nblocks: {zzz: 1}", "f.yaml:2: blocks.zzz: unknown key; known here: length"),
    ],
)
def test_an_unknown_key_names_the_nearest_known_one(tmp_path: Path, text: str, said: str) -> None:
    assert loaded_faults(tmp_path, text) == [said]


@pytest.mark.parametrize(
    ("store", "said"),
    [
        ("cluster: c", "f.yaml:2: store: `cluster` names a cluster of your own server: give its address as `url`, too"),
        ("url: 'clickhouse://h/d', cluster: a b", "f.yaml:2: store.cluster: write a name of `system.clusters`"),
    ],
)
def test_a_cluster_is_one_of_a_server_that_is_named(tmp_path: Path, store: str, said: str) -> None:
    (fault,) = loaded_faults(tmp_path, f"primary: {{url: http://p}}\nstore: {{{store}}}\n")
    assert fault.startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "f.yaml: is empty; it needs at least `primary: {url: ...}`"),
        ("# nothing\n", "f.yaml: is empty; it needs at least `primary: {url: ...}`"),
        ("- a\n", "f.yaml:1: holds no settings; it needs at least `primary: {url: ...}`"),
        ("a\n", "f.yaml:1: holds no settings"),
        ("a: 1\nb: \0\n", "f.yaml:2: not readable as YAML: it holds a control character"),
        ("primary: &p {url: http://p, x: *p}\n", "f.yaml:1: primary.x: an alias (*) refers to what it is a part of"),
        (
            "primary: {url: http://p}\na: !!python/none 1\n",
            "f.yaml:2: a: the tag 'tag:yaml.org,2002:python/none' does not fit",
        ),
        ("primary: &p {url: http://p}\nlimits: {<<: *p}\n", "f.yaml:2: limits: a key is a plain word"),
        ("? [a]\n: b\nprimary: {url: http://p}\n", "f.yaml:1: a key is a plain word"),
        ("a: [1\nb: 2\n", "f.yaml:2: not readable as YAML"),
        ("listen: {}\n", "f.yaml: primary: is required"),
        ("primary: {url: http://p}\nprimary: {url: http://q}\n", "f.yaml:2: primary: stands twice; keep one"),
    ],
)
def test_what_is_no_configuration_at_all(tmp_path: Path, text: str, said: str) -> None:
    assert loaded_faults(tmp_path, text)[0].startswith(said)


def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file"):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff\n")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load_config(tmp_path / "latin.yaml")


def test_references_are_expanded(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret: with {odd} [signs] #\n")
    file = tmp_path / "f.yaml"
    file.write_text(
        "primary: {url: 'http://${HOST}:${PORT}/v${VERSION:-1}'}\n"
        "listen: {port: ${LISTEN:-9000}}\n"
        "candidates:\n"
        "  - {name: a, url: http://a, headers: {authorization: 'Bearer ${file:key}'}}\n"
    )
    config = load_config(file, {"HOST": "gateway", "PORT": "4000"})
    assert config.primary.url == "http://gateway:4000/v1"
    assert config.listen.port == 9000
    header = config.candidates[0].headers["authorization"]
    assert header.get_secret_value() == "Bearer secret: with {odd} [signs] #"


def test_the_environment_comes_before_the_default(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text("primary: {url: http://p}\nlisten: {port: ${PORT:-9000}}\n")
    assert load_config(file, {"PORT": "1"}).listen.port == 1


def test_a_secret_that_looks_like_a_number_stays_text(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("0123\n")
    file = tmp_path / "f.yaml"
    file.write_text("primary: {url: http://p}\ncandidates: [{name: a, url: http://a, headers: {x-key: ${file:key}}}]\n")
    assert load_config(file, {}).candidates[0].headers["x-key"].get_secret_value() == "0123"


def test_missing_references_come_at_once_with_their_lines(tmp_path: Path) -> None:
    text = "primary:\n  url: ${HERE}\nlisten:\n  host: ${file:nowhere}\n"
    assert loaded_faults(tmp_path, text) == [
        "f.yaml:2: primary.url: the environment variable HERE is not set (${HERE:-default} gives a default)",
        "f.yaml:4: listen.host: the file nowhere cannot be read: No such file or directory",
    ]


def test_a_missing_reference_hides_no_other_fault(tmp_path: Path) -> None:
    """And is no wrong value besides."""
    text = "primary:\n  url: ${HERE}\nlisten: {port: 70000}\n"
    assert loaded_faults(tmp_path, text) == [
        "f.yaml:2: primary.url: the environment variable HERE is not set (${HERE:-default} gives a default)",
        "f.yaml:3: listen.port: 70000 does not fit; write at most 65535",
    ]


def test_a_variable_with_a_leading_zero_stays_text(tmp_path: Path) -> None:
    """YAML would take 0123 for an octal number."""
    file = tmp_path / "f.yaml"
    file.write_text("primary: {url: http://p}\ncandidates: [{name: a, url: http://a, headers: {x-key: ${KEY}}}]\n")
    assert load_config(file, {"KEY": "0123"}).candidates[0].headers["x-key"].get_secret_value() == "0123"


def test_what_looks_like_a_date_is_a_name(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text("primary: {url: http://p, name: 2024-13-45}\n")
    assert load_config(file, {}).primary.name == "2024-13-45"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("listen: {port: abc}", "f.yaml:2: listen.port: 'abc' does not fit; write a whole number"),
        ("listen: {workers: 0}", "f.yaml:2: listen.workers: 0 does not fit; write 'auto', or at least 1"),
        ("control: {sample: 120%}", "f.yaml:2: control.sample: '120%' does not fit; write at most 1"),
        ("sampling: {unit: day}", "f.yaml:2: sampling.unit: 'day' does not fit; write 'conversation' or 'request'"),
        ("candidates:", "f.yaml:2: candidates: has no value; write a list, each entry on a line that begins with"),
        ("candidates: {name: a}", "f.yaml:2: candidates: write a list, each entry on a line"),
        ("store: ./data", "f.yaml:2: store: write settings below it, each as `key: value`"),
        ("capture: {dir: 5}", "f.yaml:2: capture.dir: write a text, in quotes if it looks like a number"),
        ("drain: 40000d", "f.yaml:2: drain: write at most 36500d"),
        ("store: {url: 'clickhouse://u:s3cret@h:abc/d'}", "f.yaml:2: store.url: the port is a number from 1 to 65535"),
        ("store: {url: 'http://u:s3cret@h/d'}", "f.yaml:2: store.url: write url as clickhouse://user:password@"),
        ("privacy: {bodies: x, redact: [y, 'regex:(']}", "f.yaml:2: privacy.bodies: 'x' does not fit; write 'full'"),
        (
            "privacy: {redact: ['regex:(']}",
            "f.yaml:2: privacy.redact[0]: 'regex:(' is no regular expression: missing )",
        ),
        ("labels: {A-B: {path: true}}", "f.yaml:2: labels.A-B: label 'A-B': use lower-case letters"),
        ("admin: {port: 8080}", "f.yaml:2: admin.port: 8080 is the port for clients (listen.port) too"),
    ],
)
def test_what_is_allowed_is_said(tmp_path: Path, text: str, said: str) -> None:
    faults = loaded_faults(tmp_path, f"primary: {{url: http://p}}\n{text}\n")
    assert faults[0].startswith(said)
    assert "s3cret" not in faults[0]


@pytest.mark.parametrize("value", ["12345678", "'Bearer 12345678'", "{authorization: 'Bearer 1234567\u00e9'}"])
def test_a_fault_in_headers_does_not_repeat_them(tmp_path: Path, value: str) -> None:
    """They hold credentials."""
    text = f"primary: {{url: http://p}}\ncandidates: [{{name: a, url: http://a, headers: {value}}}]\n"
    (fault,) = loaded_faults(tmp_path, text)
    assert fault.startswith("f.yaml:2: candidates[0].headers")
    assert "1234567" not in fault


def test_faults_come_in_the_order_of_the_file_and_clashing_names_among_them(tmp_path: Path) -> None:
    text = """\
wrong: 1
primary: {url: http://p}
candidates:
  - {name: a, url: http://a}
  - {name: a, url: ftp://a}
  - {name: primary, url: http://a, sample: 2}
drain: x
"""
    assert [fault.split(": ")[:2] for fault in loaded_faults(tmp_path, text)] == [
        ["f.yaml:1", "wrong"],
        ["f.yaml:5", "candidates[1].name"],
        ["f.yaml:5", "candidates[1].url"],
        ["f.yaml:6", "candidates[2].name"],
        ["f.yaml:6", "candidates[2].sample"],
        ["f.yaml:7", "drain"],
    ]


@pytest.mark.parametrize(
    ("url", "host", "is_own"),
    [
        ("http://127.0.0.1:8080", "0.0.0.0", True),
        ("http://localhost:8080/v1", "127.0.0.1", True),
        ("http://127.0.0.1:8081", "127.0.0.1", False),
        ("http://gateway:8080", "0.0.0.0", False),
        ("http://127.0.0.1:8080", "10.0.0.7", False),
    ],
)
def test_a_primary_that_is_shadowbench_itself_is_refused(tmp_path: Path, url: str, host: str, *, is_own: bool) -> None:
    """Each request would come back as another one, without end."""
    file = tmp_path / "f.yaml"
    file.write_text(f"primary: {{url: '{url}'}}\nlisten: {{host: {host}}}\n")
    if is_own:
        with pytest.raises(ConfigError, match="clients reach shadowbench itself"):
            load_config(file, {})
    else:
        load_config(file, {})


def test_secrets_are_shown_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text("primary: {url: http://p}\ncandidates: [{name: a, url: http://a, headers: {x-key: s3cret}}]\n")
    assert "s3cret" not in repr(load_config(file, {}))
    assert "s3cret" not in str(load_config(file, {}))


@pytest.mark.parametrize(
    ("candidate", "said"),
    [
        ("{name: control, url: http://a}", "belongs to the control leg"),
        ("{name: primary, url: http://a}", "two arms are called 'primary'"),
        ("{name: a, url: http://a, params: {model: b}}", "not in `params`"),
        ("{name: a, url: 'http://u:p@a'}", "leave out query, fragment and credentials"),
        ("{name: a, url: 'http://a?key=1'}", "leave out query, fragment and credentials"),
        ("{name: a, url: 'http://a:99999'}", "the port is a number from 1 to 65535"),
        ("{name: a, url: 'http://a:0'}", "the port is a number from 1 to 65535"),
        ("{name: a, url: 'http://a/b c'}", "write an address like"),
        ("{name: a, url: 'http://[::1'}", "write an address like"),
        ("{name: a, url: http://a, headers: {Host: b}}", "is set by shadowbench itself"),
        ("{name: a, url: http://a, headers: {content-length: '5'}}", "is set by shadowbench itself"),
        ("{name: a, url: http://a, params: {temperature: .nan}}", "JSON has no word for .nan"),
        ('{name: a, url: http://a, headers: {x: "a\\nb"}}', "printable ASCII"),
        ("{name: a, url: http://a, headers: {'x y': b}}", "is not a header name"),
    ],
)
def test_what_would_mislead_is_refused(tmp_path: Path, candidate: str, said: str) -> None:
    faults = loaded_faults(tmp_path, f"primary: {{url: http://p}}\ncandidates: [{candidate}]\n")
    assert said in faults[0]


@pytest.mark.parametrize(("name", "is_valid"), [("a" * 63, True), ("a" * 64, False), ("", False), ("-a", False)])
def test_names_of_arms_on_both_sides_of_their_bounds(tmp_path: Path, name: str, *, is_valid: bool) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(f"primary: {{url: http://p}}\ncandidates: [{{name: '{name}', url: http://a}}]\n")
    if is_valid:
        assert load_config(file, {}).candidates[0].name == name
    else:
        with pytest.raises(ConfigError):
            load_config(file, {})


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.7", "::", "ops.internal"])
def test_an_admin_port_that_others_can_reach_needs_a_token(tmp_path: Path, host: str) -> None:
    said = f"{host} can be reached from other machines, so whoever pauses or reloads must say a secret"
    faults = loaded_faults(tmp_path, f"primary: {{url: http://p}}\nadmin: {{host: '{host}'}}\n")
    assert faults == [f"f.yaml:2: admin.host: {said}; set admin.token, or let the host be 127.0.0.1"]


@pytest.mark.parametrize(
    "admin", ["{host: 0.0.0.0, token: t}", "{host: 127.0.0.9}", "{host: '::1'}", "{host: localhost}"]
)
def test_one_with_a_token_or_on_loopback_is_fine(tmp_path: Path, admin: str) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(f"primary: {{url: http://p}}\nadmin: {admin}\n")
    load_config(file, {})


def test_a_label_that_a_match_names_must_exist(tmp_path: Path) -> None:
    text = """\
primary: {url: "http://gateway:4000"}
labels: {tenant: {header: x-tenant}}
candidates:
  - name: llama
    url: http://vllm:8000
    match: {labels: {tenant: acme, tenent: "!beta"}}
"""
    assert loaded_faults(tmp_path, text) == [
        "f.yaml:6: candidates[0].match.labels.tenent: there is no label 'tenent'; name it in `labels` (known: tenant)"
    ]
