"""Real servers for tests, private to a test run: PostgreSQL and OpenStack Swift's S3 on 127.0.0.1.

* Nothing pretends: what runs is Debian's own packages, installed by `.ci/run`.
* Each server has its own temporary folder and ports, so that test runs and xdist workers don't meet.
* A server ends with the process that started it, also when that one is killed.

The fixtures are in `fixtures`; docs/contributing.md names them.
"""
