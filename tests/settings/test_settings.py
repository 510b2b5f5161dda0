"""Where settings come from, what is refused, what is shown."""

from __future__ import annotations

import re
import stat
import threading
from pathlib import Path

import pytest

from core.settings import FIELDS, Settings, SettingsError, load_settings, mask_url

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def load(home: Path, flags: dict | None = None, file_text: str = "", **environ: str):
    if file_text:
        (home / "tangkapin.toml").write_text(file_text)
    return load_settings(flags, environ={"TANGKAPIN_HOME": str(home), **environ})


def refusal(home: Path, *args, **environ) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(home, *args, **environ)
    return caught.value.problems


def test_defaults_need_nothing(home, monkeypatch):
    monkeypatch.chdir(home)
    settings = load_settings(environ={})
    assert (home / "var", "127.0.0.1", 8097) == (settings.home, settings.host, settings.port)
    assert {"default"} == set(settings.origin.values())


def test_flags_win_over_environment_over_file_over_defaults(home):
    file = 'port = 1\nhost = "10.0.0.1"\nundo_s = 5'
    settings = load(home, {"port": 3}, file, TANGKAPIN_PORT="2", TANGKAPIN_HOST="10.0.0.2")
    assert (3, "10.0.0.2", 5.0, 512) == (settings.port, settings.host, settings.undo_s, settings.ingest_batch)
    assert "flag port" == settings.origin["port"]
    assert "TANGKAPIN_HOST" == settings.origin["host"]
    assert f"{home / 'tangkapin.toml'} undo_s" == settings.origin["undo_s"]
    assert "default" == settings.origin["ingest_batch"]


def test_a_flag_that_was_not_given_hides_nothing(home):
    assert 2 == load(home, {"port": None}, TANGKAPIN_PORT="2").port


def test_every_kind_of_value_is_read_from_the_environment(home):
    settings = load(
        home,
        TANGKAPIN_AUTO_MIGRATE="true",
        TANGKAPIN_DOCS_ENABLED="0",
        TANGKAPIN_ANSWER_DAYS="4, 9",
        TANGKAPIN_TRUSTED_PROXIES="10.0.0.0/8,::1",
        TANGKAPIN_PARSE_TIMEOUT_S="0.5",
        TANGKAPIN_METRICS_TOKEN="m",
    )
    assert (True, False, (4, 9)) == (settings.auto_migrate, settings.docs_enabled, settings.answer_days)
    assert (("10.0.0.0/8", "::1"), 0.5) == (settings.trusted_proxies, settings.parse_timeout_s)
    assert "m" == settings.metrics_token.reveal()


def test_all_mistakes_are_told_at_once_with_place_key_and_expectation(home):
    problems = refusal(home, {"prot": 1}, 'prot = 1\nport = "x"', TANGKAPIN_PROT="1", TANGKAPIN_UNDO_S="soon")
    file = home / "tangkapin.toml"
    assert [
        f"{file} prot: unknown key; did you mean port?",
        f"{file} port: expected `int`, got 'x'",
        "TANGKAPIN_PROT: unknown environment variable; did you mean TANGKAPIN_PORT?",
        "TANGKAPIN_UNDO_S: expected `float`, got 'soon'",
        "flag prot: unknown setting; did you mean port?",
    ] == problems


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("port", "70000", "expected `int` <= 65535"),
        ("ingest_batch", "5000", "expected `int` <= 1023"),
        ("undo_s", "-1", "expected `float` >= 0.0"),
        ("undo_s", "inf", "expected a finite number"),
        ("body_timeout_s", "nan", "expected"),
        ("log_format", "xml", "expected one of '', 'json', 'console', got 'xml'"),
        ("log_level", "INFO", "expected one of 'debug', 'info', 'warning', 'error', got 'INFO'"),
        ("answer_days", "8,5", "the smaller first"),
        ("answer_days", "8", "expected `array` of length 2"),
        ("trusted_proxies", "10.0.0.1/8", "has host bits set"),
        ("database_url", "mysql://x", "expected a URL starting with postgresql://"),
        ("redis_url", "http://x", "expected a URL starting with redis://"),
        ("home", "", "expected a path"),
        ("skew_warn_s", "11", "must not be above skew_hold_s"),
    ],
)
def test_values_out_of_range_are_refused(home, name, value, told):
    variable = f"TANGKAPIN_{name.upper()}"
    (problem,) = refusal(home, **{variable: value})
    assert problem.startswith(variable)
    assert told in problem


def test_numbers_are_not_read_from_text_in_the_file(home):
    assert "got '8097'" in refusal(home, None, 'port = "8097"')[0]


def test_a_file_that_is_named_must_exist_and_be_toml(home):
    absent = home / "absent.toml"
    assert [f"{absent}: no such file (TANGKAPIN_CONFIG or --config names it)"] == refusal(
        home, TANGKAPIN_CONFIG=str(absent)
    )
    assert "cannot be read as TOML" in refusal(home, None, "port = ")[0]


def test_the_named_file_replaces_the_one_in_the_home(home):
    other = home / "conf" / "other.toml"
    other.parent.mkdir()
    other.write_text('port = 9\nplugins_file = "my.toml"')
    settings = load(home, None, "port = 8", TANGKAPIN_CONFIG=str(other))
    assert (9, other.parent / "my.toml") == (settings.port, settings.plugins_file)
    assert 9 == load_settings(environ={"TANGKAPIN_HOME": str(home)}, file=other).port


def test_names_that_others_read_are_known_and_plugins_have_a_free_prefix(home):
    load(home, TANGKAPIN_CAPTURES="x", TANGKAPIN_FAULTS="y", TANGKAPIN_PLUGIN_ETNAS_KEY="z", PATH="/bin")


def test_what_the_makefile_tells_the_tests_is_no_unknown_setting_of_the_houses_they_start(home):
    told = re.findall(r"\b(TANGKAPIN_\w+)=", (ROOT / "Makefile").read_text())
    assert "TANGKAPIN_EXAMPLES" in told
    load(home, **dict.fromkeys(told, "x"))


@pytest.mark.threat("T27")
def test_secrets_are_masked_wherever_settings_are_shown(home):
    settings = load(
        home,
        TANGKAPIN_DATABASE_URL="postgresql://app:planted-a@db/x",
        TANGKAPIN_REDIS_URL="redis://:planted-b@cache/0",
        TANGKAPIN_SECRET_KEY="planted-c",
        TANGKAPIN_METRICS_TOKEN="planted-d",
    )
    assert "planted" not in repr(settings) + str(settings) + repr(settings.shown()) + f"{settings}"
    assert "postgresql://app:***@db/x" == settings.shown()["database_url"]
    assert set(FIELDS) == set(settings.shown())


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://db/x", "postgresql://db/x"),
        ("postgresql://u:p@w@db/x", "postgresql://u:***@db/x"),
        ("redis://:p@h/0", "redis://:***@h/0"),
        ("postgresql://h/x?user=u&password=p&sslmode=require", "postgresql://h/x?user=u&password=***&sslmode=require"),
    ],
)
def test_a_password_in_a_url_is_masked(url, shown):
    assert shown == mask_url(url)


def test_a_wrong_secret_is_not_quoted(home):
    (problem,) = refusal(home, TANGKAPIN_DATABASE_URL="psql://u:planted@h/x")
    assert "planted" not in problem


def test_a_child_process_gets_the_same_settings_by_its_environment(home):
    settings = load(
        home,
        {"answer_days": (4, 9), "auto_migrate": True, "undo_s": 0},
        'trusted_proxies = ["10.0.0.0/8"]',
        TANGKAPIN_SECRET_KEY="k" * 40,
    )
    child = load_settings(environ=settings.environ())
    assert settings.shown() == child.shown()
    assert "k" * 40 == child.secret_key.reveal()


def test_a_signing_key_is_made_once_and_only_its_owner_may_read_it(home):
    settings = load(home)
    keys = []
    threads = [threading.Thread(target=lambda: keys.append(settings.signing_key().reveal())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 8 == len(keys)
    assert {load(home).signing_key().reveal()} == set(keys)
    assert 0o600 == stat.S_IMODE((home / "secret.key").stat().st_mode)
    assert ["secret.key"] == [path.name for path in home.iterdir()]


def test_a_signing_key_that_others_may_read_is_refused(home):
    load(home).signing_key()
    (home / "secret.key").chmod(0o644)
    with pytest.raises(SettingsError, match="expected mode 0600"):
        load(home).signing_key()


def test_a_given_signing_key_is_used_and_nothing_is_written(home):
    assert "given" == load(home, TANGKAPIN_SECRET_KEY="given").signing_key().reveal()
    assert [] == list(home.iterdir())


def test_parsers_are_as_many_as_said_or_some_for_the_cores_there_are():
    assert 3 == Settings(parse_processes=3).parsers
    assert 1 <= Settings().parsers <= 4
