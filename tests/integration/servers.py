"""Where the test servers are: the file that tests/servers/up wrote, and what is made anew on them."""

import contextlib
import os
import pathlib
import secrets
import shlex

import psycopg

import stores

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]


def load_environment():
    """Takes the servers' addresses from up's file, unless they are set already."""
    state = pathlib.Path(os.environ.get("SILT_SERVERS_STATE", CHECKOUT / "build/servers"))
    path = state / "env"
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        words = shlex.split(line, comments=True)
        if len(words) == 2 and words[0] == "export":
            name, _, value = words[1].partition("=")
            os.environ.setdefault(name, value)


class Servers:
    """Addresses by name, as in SILT_TEST_<name>."""

    access_key = os.environ.get("SILT_TEST_S3_ACCESS_KEY", "testkey")
    secret_key = os.environ.get("SILT_TEST_S3_SECRET_KEY", "testsecret")

    def get(self, name):
        value = os.environ.get(f"SILT_TEST_{name}")
        if not value:
            self.absent(f"SILT_TEST_{name} is not set: tests/servers/up starts the servers")
        return value

    @staticmethod
    def absent(reason):
        raise SystemExit(reason)

    def s3(self, name="S3_ENDPOINT"):
        return stores.s3_client(self.get(name), self.access_key, self.secret_key)

    @contextlib.contextmanager
    def database(self):
        """The address of a PostgreSQL database that nobody else writes to."""
        base, name = self.get("PG_DSN"), f"silt_{secrets.token_hex(4)}"
        with psycopg.connect(base, autocommit=True) as connection:
            connection.execute(f"create database {name}")
            try:
                yield base.rsplit("/", 1)[0] + "/" + name
            finally:
                connection.execute(f"drop database {name} with (force)")
