"""Urls: what each scheme takes, how a fault is told, and that no secret ever shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from langbot_state_ext import BackendUnavailable, ConfigError, RunnerScopedStateStore, open_backend
from langbot_state_ext.backends.urls import (
    NetworkUrl,
    complete_url,
    read_network_url,
    sqlite_file,
    url_without_secrets,
)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("sqlite://state.db", "three slashes"),
        ("sqlite:///", "three slashes"),
        ("sqlite:///a.db?synchronous=off", "use normal or full"),
        ("sqlite:///a.db?wait_s=soon", "seconds from 0 to 3600"),
        ("sqlite:///a.db?wait_s=-1", "seconds from 0 to 3600"),
        ("sqlite:///a.db?wait_s=nan", "seconds from 0 to 3600"),
        ("sqlite:///a.db?mode=ro&cache=shared", "unknown parameter cache, mode"),
        ("sqlite:///a.db?mode=", "unknown parameter mode"),
        ("sqlite:///a.db?wait_s=", "seconds from 0 to 3600"),
        ("sqlite:///a#b.db", "write %23 for a #"),
        ("sqlite://[x", "three slashes"),
        ("postgresql://u:s3cret@h/d?nonsense=1", "unknown parameter nonsense"),
        ("postgresql://u:s3cret@h/d?wait_s=soon", "wait_s=soon in the url: use a number from 0.1"),
        ("postgresql://u:s3cret@h/d?pool_size=0", "pool_size=0"),
        ("postgresql://u:s3cret@h/d?schema=a-b", "schema=a-b in the url: use letters"),
        ("postgresql://u:s3cret@x@h/d", "%40 for @"),
        ("postgresql://u:s3cret/x@h/d", "%2F for /"),
        ("postgresql://u:s3cret@[h/d", "the host is not valid"),
        ("postgresql://u:s3cret@h:s3cret/d", "the port is not a number"),
        ("postgresql://u:s3cret%ZZ@h/d", "can't be read"),
        ("postgresql://u:p@h/d#s3cret", "%23 for #"),
        ("postgres+asyncpg://u:s3cret@h/d", "unknown scheme postgres+asyncpg: use memory://"),
        ("rediss://u:s3cret@h/0?ssl_ca_certs=/no/such.pem", "/no/such.pem in the redis url: there"),
        ("redis://u:s3cret@h/0?nonsense=1", "unknown parameter nonsense"),
        ("valkey://u:s3cret@h/0?wait_s=soon", "wait_s=soon in the url: use a number from 0.1"),
        ("redis://u:s3cret@h/0?prefix=a*b", "prefix=a*b in the url: use 1 to 64 letters"),
        ("redis://u:s3cret@x@h/0", "%40 for @"),
        ("redis://u:s3cret@h:port/0", "can't be read"),
        ("redis://u:s3cret@h/0?ssl_ca_certs=x", "can't be read"),
    ],
)
def test_a_faulty_url_says_what_is_allowed(url: str, fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_backend(url)
    assert fault in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:s3cret@h/d?wait_s=1", "postgresql://u:***@h/d?wait_s=1"),
        ("postgresql://h/d?user=u&password=s3cret", "postgresql://h/d?user=u&password=***"),
        (
            "postgresql://h/d?sslpassword=s3cret&user=u",
            "postgresql://h/d?sslpassword=***&user=u",
        ),
        (
            "rediss://:s3cret@h/0?password=s3cret&db=1",
            "rediss://:***@h/0?password=***&db=1",
        ),
        ("postgresql://u:p@h/d?options=a@b", "postgresql://u:***@b"),
    ],
)
def test_a_shown_url_has_no_secret(url: str, shown: str) -> None:
    assert url_without_secrets(url) == shown
    open_backend(url)


@pytest.mark.parametrize("name", ["oauth_client_secret", "scram_client_key", "scram_server_key"])
def test_what_newer_libpqs_take_is_as_secret(name: str) -> None:
    url = f"postgresql://h/d?user=u&{name}=S3cret&options=x"
    assert url_without_secrets(url) == f"postgresql://h/d?user=u&{name}=***&options=x"
    assert read(url, name).secrets == ("S3cret",)


def test_a_password_in_the_query_is_kept_out_of_errors() -> None:
    url = "postgresql://127.0.0.1:1/d?user=u&password=s3cret&wait_s=1"
    with pytest.raises(BackendUnavailable) as caught:
        RunnerScopedStateStore.open(url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["redis://h/mydb", "redis:///0", "redis://h:6379/0/1", "redis://", "valkey://h/x"]
)
def test_a_redis_url_has_a_host_and_a_number(url: str) -> None:
    with pytest.raises(ConfigError, match="a number as database"):
        open_backend(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p%40Secret%zz@h/db",
        "postgresql://h/db?password=abc&Secret=1",
        "redis://u:a@Secret@h/0?nope=1",
    ],
)
def test_a_refusal_never_has_the_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_backend(url)
    assert "Secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:top@s3cret/2@h",
        "redis://u:top/s3cret@h/0",
        "postgresql://h:5432/d?password=top@s3cret",
        "postgresql://u:top@h/d?PASSWORD=s3cret&a=b@c",
    ],
)
def test_a_url_that_cannot_be_read_is_shown_without_its_secret(url: str) -> None:
    shown = url_without_secrets(url)
    assert "***" in shown
    assert not any(part in shown for part in ("top", "s3cret"))


def test_a_secret_is_hidden_as_it_is_written_and_as_it_is_meant() -> None:
    given = read("postgresql://u:p%40w@h/d?user=u&sslpassword=q%2Fw&options=a@b", "sslpassword")
    message = "no p@w, p%40w or q/w\n for u"
    assert given.without_secrets(message) == "no ***, *** or ***; for u"


def read(url: str, secret: str) -> NetworkUrl:
    names = {secret, "user", "options"}
    return read_network_url(url, namespace_parameter="schema", driver_parameters=names)


def test_a_url_is_completed_from_environment_and_folder(tmp_path: Path) -> None:
    environ = {"FILE": "s", "WAIT": "1"}
    url = complete_url("sqlite:///${FILE}.db?wait_s=${WAIT}", root=tmp_path, environ=environ)
    assert url == f"sqlite:///{tmp_path}/s.db?wait_s=1"
    assert sqlite_file(url) == tmp_path / "s.db"
    with pytest.raises(ConfigError, match="not set in the environment: WAIT"):
        complete_url("sqlite:///s.db?wait_s=${WAIT}", root=tmp_path, environ={})
