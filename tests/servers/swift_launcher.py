"""Starts the four servers of an OpenStack Swift in one folder. Runs under Debian's Python, where Swift is installed.

    /usr/bin/python3 swift_launcher.py FOLDER KEY SECRET

* One replica, one device: `FOLDER/devices`. The rings are made by Swift's own builder at the first start.
* Each server is a process of its own, as in production; sockets are bound before the rings are written, so that no port
  can be lost in between. A restart has the same ports.
* `FOLDER/servers.json` names their pids and ports once all of them answer.
* Log lines come over a socket in FOLDER instead of the machine's syslog; what they say goes to our output.
* A memcached of its own keeps what the proxy knows about accounts and buckets, as in production.
"""

from __future__ import annotations

import ctypes
import json
import os
import pwd
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import eventlet  # type: ignore[import-not-found]
from swift.common import storage_policy, utils  # type: ignore[import-not-found]
from swift.common.ring import RingBuilder  # type: ignore[import-not-found]
from swift.common.wsgi import init_request_processor, run_server  # type: ignore[import-not-found]

SERVERS = ("account", "container", "object", "proxy")
_PR_SET_PDEATHSIG = 1

_SWIFT = """[swift-hash]
swift_hash_path_prefix = counterfoil
swift_hash_path_suffix = tests
[storage-policy:0]
name = Policy-0
default = yes
"""
_COMMON = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
log_address = {folder}/log.socket
log_level = WARNING
"""
_STORAGE = """[pipeline:main]
pipeline = healthcheck {name}-server
[app:{name}-server]
use = egg:swift#{name}
[filter:healthcheck]
use = egg:swift#healthcheck
"""
_MIDDLEWARE = (
    "catch_errors gatekeeper healthcheck cache listing_formats bulk tempurl s3api tempauth staticweb copy slo dlo "
)
_PROXY = (
    f"[pipeline:main]\npipeline = {_MIDDLEWARE}versioned_writes symlink proxy-server\n"
    + "".join(
        f"[filter:{name}]\nuse = egg:swift#{name}\n"
        for name in _MIDDLEWARE.split()
        if name not in ("tempauth", "cache")
    )
    + """[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{cache}
[filter:symlink]
use = egg:swift#symlink
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{user} = {secret} .admin
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
"""
)


def main(place: str, key: str, secret: str) -> None:
    utils.eventlet_monkey_patch()
    folder = Path(place)
    known = folder / "servers.json"
    old = json.loads(known.read_text("ascii")) if known.exists() else {}
    known.unlink(missing_ok=True)
    sockets = {
        name: eventlet.listen(("127.0.0.1", old.get(name, {"port": 0})["port"]), backlog=128) for name in SERVERS
    }
    ports = {name: one.getsockname()[1] for name, one in sockets.items()}
    cache = _memcached(folder)
    pids = {"cache": cache.pid}
    _write_configuration(folder, {**ports, "cache": _port_of(cache, folder)}, key, secret)
    utils.set_swift_dir(str(folder))
    storage_policy.reload_storage_policies()
    log = _log_socket(folder)
    for name in SERVERS:
        ready, said = os.pipe()
        pids[name] = os.fork()
        if not pids[name]:
            _serve(folder, name, sockets, said)
        os.close(said)
        if os.read(ready, 1) != b"y":
            raise SystemExit(f"the {name} server did not start")
        os.close(ready)
    for one in sockets.values():
        one.close()
    written = folder / "servers.json.tmp"
    written.write_text(json.dumps({name: {"pid": pids[name], "port": ports[name]} for name in SERVERS}), "ascii")
    written.rename(known)
    _watch(log, pids)


def _write_configuration(folder: Path, ports: dict[str, int], key: str, secret: str) -> None:
    (folder / "devices" / "d1").mkdir(parents=True, exist_ok=True)
    (folder / "swift.conf").write_text(_SWIFT, "ascii")
    account, _, user = key.partition(":")
    for name in SERVERS:
        text = _COMMON + (_PROXY if name == "proxy" else _STORAGE)
        filled = text.format(
            folder=folder, port=ports[name], cache=ports["cache"], name=name, account=account, user=user, secret=secret
        )
        (folder / f"{name}-server.conf").write_text(filled, "ascii")
        ring = folder / f"{name}.ring.gz"
        if name != "proxy" and not ring.exists():
            builder = RingBuilder(part_power=2, replicas=1, min_part_hours=0)
            place = {"ip": "127.0.0.1", "port": ports[name]}
            place.update({f"replication_{word}": value for word, value in list(place.items())})
            builder.add_dev({"region": 1, "zone": 1, "weight": 1, "device": "d1", "meta": "", **place})
            builder.rebalance()
            builder.get_ring().save(str(ring))


def _memcached(folder: Path) -> subprocess.Popen[bytes]:
    (folder / "cache").unlink(missing_ok=True)
    user = pwd.getpwuid(os.geteuid()).pw_name
    return subprocess.Popen(
        ["/usr/bin/memcached", "-l", "127.0.0.1", "-p", "-1", "-U", "0", "-m", "16", "-u", user],
        env={"MEMCACHED_PORT_FILENAME": str(folder / "cache")},  # it takes a free port and writes it there
        preexec_fn=lambda: ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509 - one thread
    )


def _port_of(cache: subprocess.Popen[bytes], folder: Path) -> int:
    while not (folder / "cache").exists():
        if cache.poll() is not None:
            raise SystemExit("memcached did not start")
        time.sleep(0.01)
    return int((folder / "cache").read_text("ascii").partition("TCP INET: ")[2].split()[0])


def _log_socket(folder: Path) -> socket.socket:
    (folder / "log.socket").unlink(missing_ok=True)
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind(str(folder / "log.socket"))
    return log


def _serve(folder: Path, name: str, sockets: dict[str, Any], said: int) -> None:
    """One server, for ever, in a process of its own."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for other, one in sockets.items():
        if other != name:
            one.close()
    file = str(folder / f"{name}-server.conf")
    _, conf, logger, _ = init_request_processor(file, f"{name}-server")
    run_server(conf, logger, sockets[name], ready_callback=lambda: os.write(said, b"y"))
    os._exit(0)


def _watch(log: socket.socket, pids: dict[str, int]) -> None:
    """Print what the servers log until we are told to end. A server that a test killed stays unreaped: its pid is
    nobody else's."""

    def end(*_: object) -> None:
        for pid in pids.values():
            os.kill(pid, signal.SIGKILL)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    while True:
        select.select([log], [], [])
        sys.stdout.write(log.recv(65536).decode("utf-8", "replace") + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
