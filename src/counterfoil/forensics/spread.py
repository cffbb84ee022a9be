"""The same function over many tasks, on several processes or several machines, with the same answers either way.

* One call: `spread(function, tasks, seed=...)`. Results come back in the order of the tasks. Each task gets its own
  generator, made from the seed and the task's place, so that no answer depends on how the work was cut up, on the
  number of workers or on who was faster.
* `workers` processes on this machine by default; with `scheduler` (an address such as tcp://10.0.0.5:8786) the same
  tasks go to a running Dask scheduler. That needs the extra `counterfoil[cluster]`, and Counterfoil on each worker.
* An error in a task ends the call with that error; no result is left out and none is made up.

A scheduler runs whatever code is sent to it: use one of your own, in a network of your own.

Leaves out: starting schedulers and workers, and moving large arrays cleverly (each task carries what it needs).

>>> from counterfoil.forensics.spread import spread
>>> def mean(count, rng):
...     return round(float(rng.random(count).mean()), 3)
>>> spread(mean, [10, 1000], workers=1, seed=1)
[0.51, 0.499]
"""

from __future__ import annotations

import importlib
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.random import Generator

from counterfoil.primitives.errors import CounterfoilError, InputError, Refusal

Task = TypeVar("Task")
Answer = TypeVar("Answer")
Progress = Callable[[int, int], None]
"""Called with the number of tasks done and of all tasks, in no order of tasks."""

_TIMEOUT_S = 30
"""How long an address may take to answer."""


@dataclass(frozen=True, slots=True)
class _Refused:
    """One of our own errors on its way home: their constructors take other arguments than pickle would give them."""

    kind: type[CounterfoilError]
    args: tuple[object, ...]
    fields: dict[str, object]

    def again(self) -> CounterfoilError:
        error = self.kind.__new__(self.kind)
        error.args = self.args
        vars(error).update(self.fields)
        return error


def _seeded(function: Callable[[Task, Generator], Answer], task: Task, seed: int, place: int) -> Answer | _Refused:
    """One task with the generator of its place; at the top of the module so that a worker can find it."""
    try:
        return function(task, np.random.default_rng([seed, place]))
    except CounterfoilError as error:
        return _Refused(type(error), error.args, vars(error))


def _answer(found: Answer | _Refused) -> Answer:
    if isinstance(found, _Refused):
        raise found.again()
    return found


def spread(
    function: Callable[[Task, Generator], Answer],
    tasks: Sequence[Task],
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Progress | None = None,
    seed: int = 0,
) -> list[Answer]:
    """Answers of `function(task, generator)` in the order of the tasks.

    Args:
        function: at the top of a module, so that other processes can import it (with one worker any function will do).
        tasks: what each call gets; must survive pickling.
        workers: processes on this machine, by default one per core; 1 stays in this process.
        scheduler: address of a Dask scheduler instead.
        seed: whole number from 0; with the task's place it makes the task's generator.

    Raises:
        InputError: workers below 1, a negative seed, or both workers and a scheduler.
        Refusal: the extra for clusters is not installed, or the scheduler does not answer.
    """
    if workers is not None and workers < 1:
        raise InputError("workers", expected="at least 1", found=str(workers))
    if seed < 0:
        raise InputError("seed", expected="a whole number from 0", found=str(seed))
    if scheduler is not None:
        if workers is not None:
            raise InputError("workers", expected="none beside a scheduler, which has its own", found=str(workers))
        return _on_cluster(function, tasks, scheduler, progress, seed)
    count = min(workers or multiprocessing.cpu_count(), len(tasks))
    if count <= 1:
        answers = []
        for place, task in enumerate(tasks):
            answers.append(_answer(_seeded(function, task, seed, place)))
            if progress:
                progress(place + 1, len(tasks))
        return answers
    # Fresh processes: a forked one would inherit the threads of Polars and Numba in the middle of their work.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        futures = [pool.submit(_seeded, function, task, seed, place) for place, task in enumerate(tasks)]
        return _collected(futures, progress)


def _collected(futures: list[Future[Answer | _Refused]], progress: Progress | None) -> list[Answer]:
    try:
        for done, future in enumerate(as_completed(futures), start=1):
            _answer(future.result())
            if progress:
                progress(done, len(futures))
    except BaseException:
        for future in futures:
            future.cancel()
        raise
    return [_answer(future.result()) for future in futures]


def _on_cluster(
    function: Callable[[Task, Generator], Answer],
    tasks: Sequence[Task],
    address: str,
    progress: Progress | None,
    seed: int,
) -> list[Answer]:
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError as error:
        raise Refusal(
            'scheduler: expected the extra for clusters, found none installed; pip install "counterfoil[cluster]".',
            code="extra-missing",
        ) from error
    try:
        client = distributed.Client(address, timeout=_TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise Refusal(
            f"scheduler: expected a Dask scheduler at {address}, found {error or type(error).__name__}; "
            "check the address and that it is running.",
            code="no-scheduler",
        ) from error
    with client:
        # pure=False: a task is run even where an equal one was run before; its answer is then not somebody else's.
        futures = [client.submit(_seeded, function, task, seed, place, pure=False) for place, task in enumerate(tasks)]
        for done, future in enumerate(distributed.as_completed(futures, loop=client.loop), start=1):
            _answer(future.result())
            if progress:
                progress(done, len(futures))
        return [_answer(found) for found in client.gather(futures)]
