"""The embedded Postgres starts for whoever asks, ends with its process, and recovers whatever killed either."""

# ruff: noqa: ASYNC110, ASYNC220, ASYNC240 - a test may block its loop, and other processes set no event of ours

import asyncio
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from app import run_as
from app.embedded import EmbeddedInUse, EmbeddedUnavailable, embedded, embedded_or_running
from tests.waiting import within

ROOT = Path(__file__).parents[2]
CHILD = """
import asyncio, os, signal, sys
from contextlib import suppress
from pathlib import Path
import asyncpg
from app import run_as
from app.embedded import embedded, embedded_or_running

async def main(directory, how, user):
    if user:
        os.setgroups([]), os.setgid(int(user)), os.setuid(int(user))
    if how == "untied":
        run_as._TIED_TO_US = ()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    async with (embedded_or_running if how == "or_running" else embedded)(Path(directory)) as dsn:
        print(dsn, flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            print(await (await asyncpg.connect(dsn)).fetchval("select 'still there'"), flush=True)

signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever runs the tests in the background ignores it
with suppress(asyncio.CancelledError, KeyboardInterrupt):
    asyncio.run(main(*sys.argv[1:]))
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; all else ran as a user")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")


@dataclass
class Gateway:
    """A process that has an embedded Postgres, as the gateway does."""

    process: subprocess.Popen[str]

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def end(self, how: signal.Signals) -> None:
        os.killpg(self.process.pid, how)
        self.process.wait()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    with ExitStack() as stack:

        def start(directory: Path = tmp_path, how: str = "tied", user: int | str = "") -> Gateway:
            command = [sys.executable, "-c", CHILD, str(directory), how, str(user)]
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
            stack.enter_context(process)
            stack.callback(process.kill)
            return Gateway(process)

        yield start


async def answer(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def processes(dsn: str, directory: Path) -> list[int]:
    """Returns the pids of the server, its postmaster's last."""
    others = await answer(dsn, "select array_agg(pid) from pg_stat_activity where pid <> pg_backend_pid()")
    assert isinstance(others, list)
    return [*others, postmaster_pid(directory)]


def socket_folder(dsn: str) -> Path:
    return Path(dsn.partition("host=")[2].partition("&")[0])


def postmaster_pid(directory: Path) -> int:
    return int((directory / "postgres" / "postmaster.pid").read_text().split()[0])


def alive(pids: list[int]) -> list[int]:
    """Returns those that still run; a signal 0 asks without telling."""
    living = []
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, 0)
            living.append(pid)
    return living


def await_end(pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    assert select.select([descriptor], [], [], 10)[0], f"process {pid} lives on"
    os.close(descriptor)


async def test_a_first_start_serves_postgres_18_in_utf_8_with_fsync_whatever_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGPORT", "PGDATA", "PGUSER", "PGDATABASE", "LC_ALL", "TZ"):
        monkeypatch.setenv(name, "1")
    async with embedded(tmp_path / "new") as dsn:
        settings = "select concat_ws(' ', current_setting('server_version_num')::int / 10000, current_setting("
        assert await answer(dsn, settings + "'server_encoding'), current_setting('fsync'))") == "18 UTF8 on"
        assert await answer(dsn, "select upper('äß') || lower('ÉŽ')") == "Äßéž"
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


async def test_nothing_listens_on_tcp_and_only_the_owner_may_enter_the_sockets_folder(tmp_path: Path) -> None:
    async with embedded(tmp_path) as dsn:
        assert await answer(dsn, "show listen_addresses") == ""
        socket = socket_folder(dsn)
        assert socket.stat().st_mode & 0o777 == 0o700
    assert not socket.exists()


async def test_data_survive_a_restart(tmp_path: Path) -> None:
    async with embedded(tmp_path) as dsn:
        await answer(dsn, "create table kept as select 42 as answer")
    async with embedded(tmp_path) as dsn:
        assert await answer(dsn, "select answer from kept") == 42


async def test_stopping_leaves_no_process(tmp_path: Path) -> None:
    async with embedded(tmp_path) as dsn:
        pids = await processes(dsn, tmp_path)
    assert not alive(pids)


async def test_stopping_does_not_wait_for_clients(tmp_path: Path) -> None:
    with within(10):
        async with embedded(tmp_path) as dsn:
            client = await asyncpg.connect(dsn)
            query = asyncio.create_task(client.execute("select pg_sleep(60)"))
            await answer(dsn, "select 1")
    with pytest.raises((asyncpg.PostgresError, ConnectionError)):
        await query
    client.terminate()


@pytest.mark.parametrize("name", ["with space, 'quote' and %", "é" * 60 + "/" + "deep" * 30])
async def test_a_directory_may_be_relative_and_have_a_strange_or_long_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    async with embedded(Path(name)) as dsn:
        assert await answer(dsn, "select 1") == 1
    assert (tmp_path / name / "postgres" / "PG_VERSION").exists()


async def test_a_temporary_folder_too_long_for_a_socket_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ("t" * 90)).mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / ("t" * 90)))
    async with embedded(tmp_path) as dsn:
        assert await answer(dsn, "select 1") == 1


async def test_a_second_start_names_the_directory_and_the_process_that_has_it(tmp_path: Path) -> None:
    async with embedded(tmp_path) as dsn:
        with pytest.raises(EmbeddedInUse, match=f"{tmp_path} .*process {os.getpid()} "):
            await embedded(tmp_path).__aenter__()
        assert await answer(dsn, "select 1") == 1


async def test_one_that_runs_is_joined_and_left_running(tmp_path: Path) -> None:
    async with embedded(tmp_path) as dsn:
        async with embedded_or_running(tmp_path) as joined:
            assert joined == dsn
        assert await answer(dsn, "select 1") == 1


async def test_one_that_does_not_run_is_started_and_stopped(tmp_path: Path) -> None:
    async with embedded_or_running(tmp_path) as dsn:
        pids = await processes(dsn, tmp_path)
    assert not alive(pids)


async def test_one_that_is_still_starting_is_waited_for(tmp_path: Path) -> None:
    server = embedded(tmp_path)
    starting = asyncio.create_task(server.__aenter__())
    await asyncio.sleep(0)
    async with embedded_or_running(tmp_path) as dsn:
        assert await starting == dsn
    await server.__aexit__(None, None, None)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_a_process_ended_from_the_terminal_has_postgres_to_its_end_and_leaves_nothing(
    tmp_path: Path, gateway: Callable[..., Gateway], how: signal.Signals
) -> None:
    running = gateway()
    pids = await processes(running.line(), tmp_path)
    running.end(how)
    assert running.line() == "still there"
    assert not alive(pids)
    assert "received fast shutdown request" in (tmp_path / "postgres.log").read_text()


@on_linux
async def test_postgres_ends_with_a_process_that_is_killed_and_the_next_start_sweeps_up(
    tmp_path: Path, gateway: Callable[..., Gateway]
) -> None:
    running = gateway()
    dsn = running.line()
    pids = await processes(dsn, tmp_path)
    running.end(signal.SIGKILL)
    for pid in pids:
        await_end(pid)
    assert socket_folder(dsn).exists()
    async with embedded(tmp_path):
        assert not socket_folder(dsn).exists()


async def test_a_postgres_that_outlived_its_process_is_stopped_by_the_next_start(
    tmp_path: Path, gateway: Callable[..., Gateway]
) -> None:
    running = gateway(how="untied")
    dsn = running.line()
    orphans = await processes(dsn, tmp_path)
    running.end(signal.SIGKILL)
    await answer(dsn, "create table kept as select 42 as answer")
    async with embedded(tmp_path) as dsn:
        for pid in orphans:
            await_end(pid)
        assert await answer(dsn, "select answer from kept") == 42


async def test_a_start_after_both_were_killed_recovers_what_was_committed(
    tmp_path: Path, gateway: Callable[..., Gateway]
) -> None:
    running = gateway()
    dsn = running.line()
    await answer(dsn, "create table kept as select 42 as answer")
    os.kill(postmaster_pid(tmp_path), signal.SIGKILL)
    running.end(signal.SIGKILL)
    async with embedded(tmp_path) as dsn:
        assert await answer(dsn, "select answer from kept") == 42
    assert "automatic recovery in progress" in (tmp_path / "postgres.log").read_text()


async def test_a_stranger_who_has_a_dead_postmasters_pid_is_neither_obeyed_nor_hurt(
    tmp_path: Path, gateway: Callable[..., Gateway]
) -> None:
    running = gateway()
    running.line()
    os.kill(postmaster_pid(tmp_path), signal.SIGKILL)
    running.end(signal.SIGKILL)
    note = tmp_path / "postgres" / "postmaster.pid"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        note.write_text(note.read_text().replace(str(postmaster_pid(tmp_path)), str(stranger.pid), 1))
        async with embedded(tmp_path) as dsn:
            assert await answer(dsn, "select 1") == 1
        assert stranger.poll() is None
        stranger.communicate(b"\n")


async def test_a_postgres_that_dies_under_its_process_lets_it_end_quietly(tmp_path: Path) -> None:
    async with embedded(tmp_path):
        os.kill(postmaster_pid(tmp_path), signal.SIGKILL)
    async with embedded(tmp_path) as dsn:
        assert await answer(dsn, "select 1") == 1


async def test_an_initdb_killed_half_way_is_done_again(tmp_path: Path, gateway: Callable[..., Gateway]) -> None:
    starting = gateway()
    while not list(tmp_path.glob("initdb-*/PG_VERSION")):
        await asyncio.sleep(0.01)
    starting.end(signal.SIGKILL)
    assert not (tmp_path / "postgres").exists()
    async with embedded(tmp_path) as dsn:
        assert await answer(dsn, "select 1") == 1
    assert not list(tmp_path.glob("initdb-*"))


async def test_a_start_that_is_cancelled_leaves_nothing_running(tmp_path: Path) -> None:
    starting = asyncio.ensure_future(embedded(tmp_path).__aenter__())
    while not list(tmp_path.glob("initdb-*/PG_VERSION")):
        await asyncio.sleep(0.01)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    async with embedded(tmp_path) as dsn:
        assert await answer(dsn, "select 1") == 1


async def test_a_failed_start_carries_the_end_of_the_log_and_says_what_to_do(tmp_path: Path) -> None:
    async with embedded(tmp_path):
        pass
    (tmp_path / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedUnavailable, match=r"(?s)PostgreSQL version 17.*DATABASE_URL") as refused:
        await embedded(tmp_path).__aenter__()
    assert str(tmp_path) in str(refused.value)


async def test_a_data_dir_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedUnavailable, match="File exists"):
        await embedded(tmp_path / "file").__aenter__()


@as_root
@pytest.mark.parametrize("user", [65534, 54321])
async def test_an_ordinary_user_with_or_without_a_name_runs_it(gateway: Callable[..., Gateway], user: int) -> None:
    with tempfile.TemporaryDirectory() as home:
        os.chown(home, user, user)
        running = gateway(Path(home), user=user)
        pids = await processes(running.line(), Path(home))
        assert {Path(f"/proc/{pid}").stat().st_uid for pid in pids} == {user}
        running.end(signal.SIGTERM)
        assert not alive(pids)


@as_root
async def test_root_runs_the_data_of_an_ordinary_user_as_that_user(gateway: Callable[..., Gateway]) -> None:
    with tempfile.TemporaryDirectory() as home:
        os.chown(home, 54321, 54321)
        for user in (54321, "", 54321):
            running = gateway(Path(home), user=user)
            assert await answer(running.line(), "select 1") == 1
            running.end(signal.SIGTERM)


@as_root
async def test_root_without_namespaces_runs_it_as_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(tmp_path / "bin", monkeypatch, "setpriv")
    async with embedded(tmp_path / "data") as dsn:
        await answer(dsn, "create table kept as select 42 as answer")
    assert (tmp_path / "data" / "postgres").stat().st_uid == 65534
    monkeypatch.undo()
    async with embedded(tmp_path / "data") as dsn:
        assert await answer(dsn, "select answer from kept") == 42
    assert (tmp_path / "data" / "postgres").stat().st_uid == 65534


@as_root
async def test_data_of_roots_are_given_to_nobody_where_root_has_no_other_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with embedded(tmp_path / "data") as dsn:
        await answer(dsn, "create table kept as select 42 as answer")
    only(tmp_path / "bin", monkeypatch, "setpriv")
    async with embedded(tmp_path / "data") as dsn:
        assert await answer(dsn, "select answer from kept") == 42


@as_root
async def test_root_runs_it_in_a_directory_that_only_another_user_may_enter(tmp_path: Path) -> None:
    (tmp_path / "private").mkdir(mode=0o700)
    os.chown(tmp_path / "private", 54321, 54321)
    for _ in range(2):
        async with embedded(tmp_path / "private" / "data") as dsn:
            assert await answer(dsn, "select 1") == 1


@as_root
async def test_root_without_any_way_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(tmp_path / "bin", monkeypatch)
    with pytest.raises(EmbeddedUnavailable, match=r"(?s)unshare.*setpriv.*ordinary user.*DATABASE_URL"):
        await embedded(tmp_path / "data").__aenter__()


def only(folder: Path, monkeypatch: pytest.MonkeyPatch, *programs: str) -> None:
    """Leaves these programs to be found, and no others."""
    folder.mkdir()
    for program in programs:
        (folder / program).symlink_to(shutil.which(program) or "")
    monkeypatch.setitem(run_as.ENVIRONMENT, "PATH", str(folder))
