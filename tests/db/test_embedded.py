"""The embedded PostgreSQL: starts as anybody, is found again, dies and comes back without losing a row."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import psycopg
import pytest

from core.db import embedded, process
from core.db.embedded import EmbeddedPostgres
from core.db.engine import dsn
from core.db.process import EmbeddedUnavailable


def ask(url, statement="SELECT current_user::text"):
    with psycopg.connect(dsn(url), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def postmaster(server):
    return int((server.data / "postmaster.pid").read_text().splitlines()[0])


def kill_postmaster(server):
    """As the kernel does it: at once, and the number stays in the lock file."""
    pid = postmaster(server)
    os.kill(pid, signal.SIGKILL)
    return pid


def test_a_first_start_gives_a_database_whose_role_is_no_superuser(short_dir):
    with EmbeddedPostgres(short_dir / "pg") as server:
        url = server.running()
        assert [("tangkapin", False, "on", "UTF8")] == ask(
            url,
            "SELECT current_user::text, rolsuper, current_setting('fsync'), pg_encoding_to_char(encoding)::text"
            " FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()",
        )


def test_no_tcp_port_is_opened_and_nobody_else_can_enter(short_dir):
    with EmbeddedPostgres(short_dir / "pg") as server:
        assert [("",)] == ask(server.running(), "SHOW listen_addresses")
        modes = {p.name: p.stat().st_mode & 0o777 for p in (server.data, server.directory / "socket", server.log_path)}
        assert {"data": 0o700, "socket": 0o700, "postgres.log": 0o600} == modes
        assert 0o700 == (server.directory / "socket" / ".s.PGSQL.5432").stat().st_mode & 0o777


def test_texts_sort_and_fold_by_utf8_without_a_locale_of_the_machine(short_dir):
    with EmbeddedPostgres(short_dir / "pg") as server:
        assert [("ÉÑ", 2)] == ask(server.running(), "SELECT upper('éñ'), length('éñ')")


def test_a_second_start_attaches_and_its_stop_leaves_the_server_alone(short_dir):
    with EmbeddedPostgres(short_dir / "pg") as first:
        second = EmbeddedPostgres(short_dir / "pg")
        assert first.running() == second.start()
        assert (True, False) == (first.owned, second.owned)
        second.stop()
        assert [("tangkapin",)] == ask(first.running())
    assert None is first.running()


def test_two_starts_at_once_make_one_server(short_dir):
    servers = [EmbeddedPostgres(short_dir / "pg") for _ in range(3)]
    urls = []
    threads = [threading.Thread(target=lambda s=s: urls.append(s.start())) for s in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [urls[0]] * 3 == urls
    assert 1 == sum(server.owned for server in servers)
    for server in servers:
        server.stop()


def test_a_data_folder_with_a_long_path_gets_a_short_private_socket_folder(short_dir):
    deep = short_dir / ("panjang-" * 6) / ("sekali-" * 7)
    with EmbeddedPostgres(deep / "pg") as server:
        folder = embedded._read_pid_file(server.data)[1]
        assert len(os.fsencode(folder / ".s.PGSQL.5432")) <= 103
        assert (0o700, os.geteuid()) == (folder.stat().st_mode & 0o777, folder.stat().st_uid)
        assert [("tangkapin",)] == ask(server.running())
    folder.rmdir()


def test_a_socket_folder_that_somebody_else_put_there_is_refused(short_dir):
    elsewhere = short_dir / "theirs"
    elsewhere.mkdir()
    (short_dir / "pg").mkdir()
    (short_dir / "pg" / "socket").symlink_to(elsewhere)
    with pytest.raises(EmbeddedUnavailable, match="expected a folder of user id"):
        EmbeddedPostgres(short_dir / "pg").start()


def test_no_committed_row_is_lost_when_the_postmaster_is_killed(short_dir):
    with EmbeddedPostgres(short_dir / "pg") as server:
        url = server.running()
        ask(url, "CREATE TABLE kept (n int)")
        committed, stop = [], threading.Event()

        def write():
            with psycopg.connect(dsn(url), autocommit=True) as connection:
                for n in range(1_000_000):
                    connection.execute("INSERT INTO kept VALUES (%s)", (n,))
                    committed.append(n)

        def writer():
            try:
                write()
            except psycopg.OperationalError:
                stop.set()

        thread = threading.Thread(target=writer)
        thread.start()
        while len(committed) < 200:
            time.sleep(0.005)
        kill_postmaster(server)
        assert stop.wait(30)
        thread.join()
        assert url == server.start()
        rows = {n for (n,) in ask(url, "SELECT n FROM kept")}
        assert set() == set(committed) - rows


def test_keep_starts_a_killed_server_again_at_the_same_url(short_dir):
    with EmbeddedPostgres(short_dir / "pg") as server:
        url = server.running()
        server.keep()
        before = postmaster(server)
        kill_postmaster(server)
        server._process.wait()
        server.keep()
        assert before != postmaster(server)
        assert [("tangkapin",)] == ask(url)


def test_a_lock_file_whose_number_is_another_process_by_now_stops_nothing(short_dir):
    server = EmbeddedPostgres(short_dir / "pg")
    server.start()
    lock = (server.data / "postmaster.pid").read_text()
    kill_postmaster(server)
    server._process.wait()
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        (server.data / "postmaster.pid").write_text(f"{bystander.pid}\n" + lock.partition("\n")[2])
        socket_lock = server.directory / "socket" / ".s.PGSQL.5432.lock"
        socket_lock.write_text(f"{bystander.pid}\n" + socket_lock.read_text().partition("\n")[2])
        assert [("tangkapin",)] == ask(server.start())
        assert None is bystander.poll()
    finally:
        bystander.kill()
        bystander.wait()
        server.stop()


ORPHAN = """
import os, sys, threading
from pathlib import Path
from core.db.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
if sys.argv[2] == "thread":
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
else:
    server.start()
os.kill(os.getpid(), 9)
"""


def killed_owner(short_dir, where):
    """A process that starts the server and is killed; the postmaster's process id that it had."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", ORPHAN, str(short_dir / "pg"), where], env=environ, check=False)


def gone(server, within_s=30.0):
    deadline = time.monotonic() + within_s
    while server.running() is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    return server.running() is None


def test_the_server_ends_with_the_process_that_owns_it(short_dir):
    killed_owner(short_dir, "main")
    assert gone(EmbeddedPostgres(short_dir / "pg"))


def test_a_server_left_behind_by_a_killed_owner_is_adopted_and_ended(short_dir):
    killed_owner(short_dir, "thread")
    server = EmbeddedPostgres(short_dir / "pg")
    assert server.running() is not None
    server.start()
    assert server.owned
    server.stop()
    assert None is server.running()


def test_a_start_cut_off_inside_initdb_is_done_again(short_dir):
    server = EmbeddedPostgres(short_dir / "pg")
    draft = server.directory / "data.new"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    with server:
        assert [("tangkapin",)] == ask(server.running())
        assert not draft.exists()


def test_an_ordinary_user_starts_it_as_themselves(open_dir, as_stranger):
    def start():
        server = EmbeddedPostgres(open_dir / "pg")
        try:
            return [
                ask(server.start()),
                server.data.stat().st_uid == os.geteuid(),
                process.choose_account(server.data).uid,
            ]
        finally:
            server.stop()

    assert [[["tangkapin"]], True, None] == as_stranger(start)


def test_whoever_starts_a_users_server_leaves_its_files_to_the_user(open_dir, as_stranger):
    """An administrator's command beside a deployment of an ordinary user: sudo tangkapin device add."""

    def start():
        with EmbeddedPostgres(open_dir / "pg") as server:
            return ask(server.running())

    as_stranger(start)
    for rest in ("lock", "owner", "postgres.log"):
        (open_dir / "pg" / rest).unlink()
    with EmbeddedPostgres(open_dir / "pg") as server:
        assert [("tangkapin",)] == ask(server.running())
    owner = (open_dir / "pg").stat().st_uid
    assert {owner} == {path.lstat().st_uid for path in (open_dir / "pg").rglob("*")}
    assert [["tangkapin"]] == as_stranger(start)


def test_root_without_user_namespaces_runs_it_as_nobody(open_dir, open_binaries, monkeypatch):
    monkeypatch.setattr(embedded, "_candidates", lambda: [open_binaries])
    monkeypatch.setattr(process, "user_namespaces_work", lambda: False)
    root = os.geteuid() == 0
    with EmbeddedPostgres(open_dir / "pg") as server:
        assert [("tangkapin",)] == ask(server.running())
        assert (65534 if root else os.geteuid()) == server.data.stat().st_uid


def test_where_nobody_can_run_it_the_message_asks_for_a_database(short_dir, monkeypatch):
    monkeypatch.setattr(embedded, "_candidates", lambda: [])
    with pytest.raises(EmbeddedUnavailable, match="TANGKAPIN_DATABASE_URL"):
        EmbeddedPostgres(short_dir / "pg").start()


def test_a_cluster_of_another_major_version_is_not_touched(short_dir):
    server = EmbeddedPostgres(short_dir / "pg")
    server.data.mkdir(parents=True, mode=0o700)
    (server.data / "PG_VERSION").write_text("13\n")
    with pytest.raises(EmbeddedUnavailable, match="PostgreSQL 13, which made this cluster"):
        server.start()
    assert "13\n" == (server.data / "PG_VERSION").read_text()


def test_a_server_that_cannot_start_says_what_postgresql_said(short_dir):
    with pytest.raises(EmbeddedUnavailable, match="shared_buffers"):
        EmbeddedPostgres(short_dir / "pg", options={"shared_buffers": "none"}).start()


def test_statements_with_plates_stay_out_of_the_log(short_dir):
    with EmbeddedPostgres(short_dir / "pg") as server:
        with pytest.raises(psycopg.errors.UndefinedTable):
            ask(server.running(), "SELECT 'B 1234 XYZ' FROM nowhere")
        assert "B 1234 XYZ" not in server.log_path.read_text()


def test_the_socket_answers_to_its_owner_only(open_dir, as_stranger):
    with EmbeddedPostgres(open_dir / "pg") as server:
        path = embedded._read_pid_file(server.data)[1] / ".s.PGSQL.5432"

        def knock():
            with socket.socket(socket.AF_UNIX) as client:
                return client.connect_ex(str(path))

        refused = os.geteuid() == 0  # an ordinary user's tests stay that user
        assert (13 if refused else 0) == as_stranger(knock)
