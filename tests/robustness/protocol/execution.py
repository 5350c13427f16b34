"""One execution of several processes, choice by choice.

Each process is a greenlet that stops before each step that others can see, and goes on when it is chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from greenlet import getcurrent, greenlet
from tests.robustness.protocol.disk_calls import Calls
from tests.robustness.protocol.model_disk import ModelDisk
from tests.robustness.protocol.steps import Rules, Step

RETRIES = 2


class Killed(BaseException):
    """The process is gone: whatever it would still do on disk does not happen."""


class ViolationError(AssertionError):
    """A law does not hold."""


@dataclass(eq=False)
class Actor:
    """One process after another with the same run id: the jobs of a DAG run, or a person's deeds.

    Args:
        name: Who it is.
        jobs: What it does, in order; each is a process of its own. A job answers the number of jobs to pass over.
        retryable: Errors after which a job is tried again, twice at most.
        expected: Errors that end the run, as they should.
    """

    name: str
    jobs: list[tuple[str, Callable[[], int | None]]]
    retryable: tuple[type[BaseException], ...] = ()
    expected: tuple[type[BaseException], ...] = ()
    machine: bool = True
    at: int = 0
    tries: int = 0
    seen: int = 0
    pending: Step | None = None
    over: bool = False
    killed: bool = False
    thread: greenlet | None = None

    def key(self) -> tuple[Any, ...]:
        """Return all that decides what it does next, besides the disk."""
        return (self.at, self.tries, self.seen, self.over, self.pending and self.pending.label)


Choice = tuple[str, str]
"""What is done next: `run`, `kill and retry`, `kill` or `fail`, and whom it is done to."""


@dataclass
class World:
    """One execution: a disk, actors, and the laws that hold at each step and at the end."""

    disk: ModelDisk
    actors: list[Actor]
    check_step: Callable[[Actor, Step], None]
    check_end: Callable[[], None]


class Execution:
    """Runs one world, choice by choice."""

    def __init__(self, world: World, calls: Calls, rules: Rules) -> None:
        self.world, self.calls, self.rules = world, calls, rules
        self.actors = {actor.name: actor for actor in world.actors}
        self.running: Actor | None = None
        self.choices: list[Choice] = []
        self.steps: list[str] = []
        calls.disk = world.disk
        calls.around = self._around
        self._main = getcurrent()
        self._threads: dict[Any, Actor] = {}
        self._broken: ViolationError | None = None
        for actor in world.actors:
            actor.pending = Step("start", actor.jobs[0][0], changes=False, stops=True)

    def options(self) -> list[Choice]:
        """List every way on, the one without preemption or fault first."""
        ready = [actor for actor in self.actors.values() if self._is_ready(actor)]
        current = self.running if self.running in ready else None
        ways: list[Choice] = []
        goes_on = current is not None and current.pending is not None and not current.pending.stops
        if goes_on and current is not None:
            ways = [("run", current.name)]
        else:
            ways = [("run", current.name)] if current else []
            ways += [("run", actor.name) for actor in ready if actor is not current]
        for actor in [current] if goes_on and current is not None else self.actors.values():
            if actor.over or actor.pending is None:
                continue
            if actor.pending.changes and actor.machine:
                ways += [("kill and retry", actor.name), ("kill", actor.name)]
            if actor.pending.name == "train":
                ways.append(("fail", actor.name))
        return ways

    def ways_of(self, name: str) -> list[Choice]:
        """List what this actor can do next."""
        return [("run", name)] if self._is_ready(self.actors[name]) else []

    def cost(self, choice: Choice) -> tuple[int, int]:
        """Count the preemptions and faults that a choice takes."""
        verb, name = choice
        current = self.running
        if verb != "run":
            return 0, 1
        in_the_middle = current is not None and current.pending is not None and current.pending.name != "start"
        return int(in_the_middle and current is not None and current.name != name and self._is_ready(current)), 0

    def key(self) -> tuple[Any, ...]:
        """Return everything that decides what can come."""
        who = self.running.name if self.running is not None and self._is_ready(self.running) else ""
        return (who, self.rules.visible(self.world.disk), tuple(actor.key() for actor in self.actors.values()))

    def take(self, choice: Choice) -> None:
        """Go that way, up to the next stop."""
        self.choices.append(choice)
        verb, name = choice
        actor = self.actors[name]
        if verb.startswith("kill"):
            self.steps.append(f"  {name}: killed before: {actor.pending and actor.pending.label}")
            self._end(actor)
            if verb == "kill":
                actor.over = True
            else:
                self._begin(actor)
            return
        if verb == "fail":
            self.steps.append(f"  {name}: the training fails")
            assert actor.pending is not None
            actor.pending.fails = True
        self.running = actor
        if actor.thread is None:
            actor.thread = greenlet(lambda: self._work(actor), parent=self._main)
            self._threads[actor.thread] = actor
        actor.thread.switch()
        if self._broken is not None:
            raise self._broken

    def finish(self) -> None:
        """Throw away what still runs."""
        for actor in self.actors.values():
            self._end(actor)
        self.calls.around = None

    @property
    def over(self) -> bool:
        return all(actor.over for actor in self.actors.values())

    def _is_ready(self, actor: Actor) -> bool:
        step = actor.pending
        waits = step is not None and step.handle is not None and self.world.disk.is_locked_against(step.handle)
        return not actor.over and not waits

    def _begin(self, actor: Actor) -> None:
        actor.thread, actor.killed, actor.seen = None, False, 0
        actor.pending = Step("start", actor.jobs[actor.at][0], changes=False, stops=True)

    def _end(self, actor: Actor) -> None:
        actor.killed = True
        self.world.disk.close_all_of(actor.name)
        self.world.disk.opened.pop(actor.name, None)
        if actor.thread is not None and not actor.thread.dead:
            actor.thread.throw(Killed())
            assert actor.thread.dead
        actor.thread = None

    def _work(self, actor: Actor) -> None:
        name, job = actor.jobs[actor.at]
        try:
            passed = job()
            self.stop(actor, Step("end", name, changes=True, stops=False))
        except Killed:
            return
        except actor.retryable as error:
            self.steps.append(f"  {actor.name}: {name} is told to try again: {error}")
            actor.tries += 1
            actor.over = actor.tries > RETRIES
            passed = -1
        except actor.expected as error:
            self.steps.append(f"  {actor.name}: {name} fails: {error}")
            actor.over = True
            passed = 0
        except BaseException as error:
            raise ViolationError(f"{actor.name}: {name} broke: {type(error).__name__}: {error}") from error
        else:
            actor.tries = 0
        actor.at += 1 + (passed or 0)
        actor.over |= actor.at >= len(actor.jobs)
        self.world.disk.close_all_of(actor.name)
        self.world.disk.opened.pop(actor.name, None)
        if actor.over:
            actor.pending, actor.seen = None, 0
        else:
            self._begin(actor)

    def stop(self, actor: Actor, step: Step) -> Step:
        """Let the explorer choose before this step is made."""
        if actor.killed:
            raise Killed
        if step.stops or step.changes:
            actor.pending = step
            self._main.switch()
            if actor.killed:
                raise Killed
        return step

    def train(self) -> bool:
        """Train, which may fail; return whether it went well."""
        step = self.stop(self._me(), Step("train", "", changes=False, stops=True))
        self.steps.append(f"  {self._me().name}: trains")
        self._me().seen = hash((self._me().seen, step.fails))
        return not step.fails

    def _me(self) -> Actor:
        return self._threads[getcurrent()]

    def _around(self, name: str, args: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        actor, disk = self._threads.get(getcurrent()), self.world.disk
        if actor is None:
            return make()
        if actor.killed:
            raise Killed
        self.rules.people = sum(not each.machine and not each.over for each in self.actors.values())
        step = self.stop(actor, self.rules.step(disk, actor, name, args))
        disk.owner = actor.name
        try:
            answer = make()
        except OSError as error:
            actor.seen = hash((actor.seen, step.label, error.errno))
            self._trace(actor, step, f" -> {type(error).__name__}")
            raise
        actor.seen = hash((actor.seen, step.label, self.rules.digest(name, answer)))
        self._trace(actor, step, self.rules.words(name, answer))
        if step.changes:
            try:
                self.world.check_step(actor, step)
            except ViolationError as error:  # not here, where the job's own handlers would meet it
                self._broken = self._broken or error
        return answer

    def _trace(self, actor: Actor, step: Step, answer: str) -> None:
        if step.stops or step.changes:
            self.steps.append(f"  {actor.name}: {step.label}{answer}")
