"""Runs real code of several processes under every order of their steps on disk, to a stated bound.

An execution stops before each step that others can see. From each stop the explorer takes every way on: the same one
goes on, another does (a preemption, where the first is in the middle of a job and could have gone on), a process is
killed, or a training fails (faults). It goes depth first by running from the start again, and turns back where it has
been before: same disk, same locks, and every process with the same things seen since its job began. Preemptions and
faults are bounded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.robustness.protocol.disk_calls import Calls
from tests.robustness.protocol.execution import Choice, Execution, ViolationError, World
from tests.robustness.protocol.steps import Rules


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
            ):  # an actor did not keep to the locks: begin again, trusting them no more
                todo, self.been = [[]], {}
        tally.states = len(self.been)
        return tally

    def replay(self, choices: list[Choice]) -> Found | None:
        """Go exactly this way again; return what is found on it."""
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
                raise ViolationError("no actor can go on: a deadlock")
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
                    raise ViolationError("no actor can go on: a deadlock")
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
