"""A PostgreSQL server of this machine in measurements: databases that come and go, and what all its processes used."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_hex

import psutil
import psycopg
from sqlalchemy import make_url


def address(url: str) -> str:
    """Return a store's address as libpq takes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@contextmanager
def database(url: str) -> Iterator[str]:
    """Make an empty database beside the one of ``url``, and drop it at the end."""
    name = f"bench_{os.getpid()}_{token_hex(4)}"
    with psycopg.connect(address(url), autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(address(url), autocommit=True) as server:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def seconds(url: str) -> float:
    """Return the CPU seconds of the server up to now: all its processes, and those that ended."""
    with psycopg.connect(address(url)) as connection:
        head = psutil.Process(connection.info.backend_pid).parent()
        assert head is not None
        while True:
            try:
                return float(sum(sum(one.cpu_times()[:4]) for one in (*head.children(), head)))
            except psutil.NoSuchProcess:  # it ended just now: the next look finds it with the server itself
                continue
