"""Runs real code of several processes under every order of their steps on disk, to a stated bound.

Each process is a greenlet that stops before each step that others can see. From each stop the explorer takes every way
on: the same process goes on, another one does (a preemption, where the first is in the middle of a job and could have
gone on), a process is killed, or a training fails (faults). It goes depth first by running from the start again, and
turns back where it has been before: same disk, same locks, and every process with the same things seen since its job
began. Preemptions and faults are bounded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from greenlet import getcurrent, greenlet
from model_disk import Calls, ModelDisk
from steps import Rules, Step

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
        """All that decides what it does next, besides the disk."""
        return (self.at, self.tries, self.seen, self.over, self.pending and self.pending.label)


Choice = tuple[str, str]
"""What is done next: `run`, `kill and retry`, `kill` or `fail`, and whom it is done to."""


@dataclass
class Found:
    """A law broken, and how it came to that."""

    message: str
    choices: list[Choice]
    steps: list[str]

    def __str__(self) -> str:
        return "\n".join([self.message, *self.steps])


@dataclass
class Tally:
    """What an exploration went through."""

    executions: int = 0
    states: int = 0
    kills: int = 0
    failures: int = 0
    ends: int = 0
    steps: int = 0
    complete: bool = True
    outcomes: set[int] = field(default_factory=set)
    found: list[Found] = field(default_factory=list)


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
        """Every way on, the one without preemption or fault first."""
        ready = [actor for actor in self.actors.values() if self._is_ready(actor)]
        current = self.running if self.running in ready else None
        ways: list[Choice] = []
        if current is not None and current.pending is not None and not current.pending.stops:
            ways = [("run", current.name)]
        else:
            ways = [("run", current.name)] if current else []
            ways += [("run", actor.name) for actor in ready if actor is not current]
        for actor in [current] if current is not None and not current.pending.stops else self.actors.values():
            if actor.over or actor.pending is None:
                continue
            if actor.pending.changes and actor.machine:
                ways += [("kill and retry", actor.name), ("kill", actor.name)]
            if actor.pending.name == "train":
                ways.append(("fail", actor.name))
        return ways

    def ways_of(self, name: str) -> list[Choice]:
        """What this actor can do next."""
        return [("run", name)] if self._is_ready(self.actors[name]) else []

    def cost(self, choice: Choice) -> tuple[int, int]:
        """Preemptions and faults that a choice takes."""
        verb, name = choice
        current = self.running
        if verb != "run":
            return 0, 1
        in_the_middle = current is not None and current.pending is not None and current.pending.name != "start"
        return int(in_the_middle and current is not None and current.name != name and self._is_ready(current)), 0

    def key(self) -> tuple[Any, ...]:
        """Everything that decides what can come."""
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
        """A training, which may fail; whether it went well."""
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


class Explorer:
    """Depth first through every choice of a world, within bounds.

    Args:
        make: Builds the world anew: same start, same actors. It is given the execution, for the trainer to ask.
        preemptions, faults: How many of each at most in one execution; None is without bound.
        executions: Give up, and say so, after so many.
    """

    def __init__(
        self,
        calls: Calls,
        make: Callable[[], World],
        *,
        preemptions: int | None,
        faults: int,
        executions: int = 1_000_000_000,
        rules: Rules | None = None,
    ) -> None:
        self.calls, self.make = calls, make
        self.budget = (1_000_000 if preemptions is None else preemptions, faults)
        self.bounded = preemptions is not None
        self.limit = executions
        self.rules = rules or Rules()
        self.been: dict[Any, list[tuple[int, int]]] = {}
        self.started: Callable[[Execution], None] = lambda execution: None

    def explore(self, *, stop_at_first: bool = True) -> Tally:
        """Try every way; what was found stands in the tally."""
        tally = Tally()
        todo: list[list[Choice]] = [[]]
        while todo and not (stop_at_first and tally.found):
            if tally.executions >= self.limit:
                tally.complete = False
                break
            trusted = self.rules.discipline
            self._run(todo.pop(), tally, todo)
            if (
                self.rules.discipline != trusted
            ):  # somebody did not keep to the locks: begin again, trusting them no more
                todo, self.been = [[]], {}
        tally.states = len(self.been)
        return tally

    def replay(self, choices: list[Choice]) -> Found | None:
        """Go exactly this way again; what is found on it."""
        tally = Tally()
        self._run(choices, tally, None)
        return tally.found[0] if tally.found else None

    def follow(self, stops: list[tuple[str, str]]) -> Found | None:
        """Run each actor named until it is about to make a step of that name, or waits; then all others to their ends.

        Args:
            stops: Who goes on, and the end of the step before which it stops; an empty one is its own end, and `kill`
                kills it where it stands.
        """
        world = self.make()
        execution = Execution(world, self.calls, self.rules)
        self.started(execution)
        try:
            for name, words in [*stops, *[(actor.name, "") for _ in range(3) for actor in world.actors]]:
                if words == "kill":
                    execution.take(("kill", name))
                    continue
                while ("run", name) in execution.ways_of(name):
                    pending = execution.actors[name].pending
                    if words and pending is not None and pending.label.endswith(words):
                        break
                    execution.take(("run", name))
            if not execution.over:
                raise ViolationError("nobody can go on: a deadlock")
            execution.finish()
            world.check_end()
        except ViolationError as error:
            return Found(str(error), execution.choices, execution.steps)
        finally:
            execution.finish()
        return None

    def _run(self, prefix: list[Choice], tally: Tally, todo: list[list[Choice]] | None) -> None:
        world = self.make()
        execution = Execution(world, self.calls, self.rules)
        self.started(execution)
        preemptions, faults = self.budget
        tally.executions += 1
        try:
            while not execution.over:
                ways = execution.options()
                if not any(verb == "run" for verb, _ in ways):
                    raise ViolationError("nobody can go on: a deadlock")
                done = len(execution.choices)
                if done < len(prefix):
                    choice = prefix[done]
                else:
                    if todo is not None and len(ways) > 1:
                        if self._was_here(execution, (preemptions, faults)):
                            return
                        for way in reversed(ways[1:]):
                            cost = execution.cost(way)
                            if cost[0] <= preemptions and cost[1] <= faults:
                                todo.append([*execution.choices, way])
                    choice = ways[0]
                cost = execution.cost(choice)
                preemptions, faults = preemptions - cost[0], faults - cost[1]
                if done == len(prefix) - 1:
                    tally.kills += choice[0].startswith("kill")
                    tally.failures += choice[0] == "fail"
                execution.take(choice)
            execution.finish()
            tally.ends += 1
            tally.outcomes.add(hash(self.rules.visible(world.disk)[0]))
            world.check_end()
        except ViolationError as error:
            tally.found.append(Found(str(error), execution.choices, execution.steps))
        finally:
            tally.steps += len(execution.steps)
            execution.finish()

    def _was_here(self, execution: Execution, left: tuple[int, int]) -> bool:
        key = execution.key()
        before = self.been.setdefault(key if self.bounded else key[1:], [])
        if any(was[0] >= left[0] and was[1] >= left[1] for was in before):
            return True
        before[:] = [was for was in before if not (was[0] <= left[0] and was[1] <= left[1])]
        before.append(left)
        return False
