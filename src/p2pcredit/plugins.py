"""Registries: what this package and others bring, by group and name, loaded when it is asked for.

Another package adds to a group with an entry point in its `pyproject.toml`. Listing names reads the metadata of what is
installed and imports nothing. A plugin that cannot be imported, has not the shape that its group asks for, or bears a
name that is taken is refused in one line with the name of its package.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.metadata import EntryPoint, EntryPoints
from typing import Generic, TypeVar, cast

from p2pcredit.errors import P2PCreditError, PluginError, SettingsError
from p2pcredit.names import no_such
from p2pcredit.text import one_line

Brought = TypeVar("Brought")


@cache
def entry_points(group: str) -> EntryPoints:
    """Find the entry points of a group. What is installed is read once in a process: it takes 10 ms each time."""
    return metadata.entry_points(group=group)


def package_of(point: EntryPoint) -> str:
    """Name the package of an entry point with its version; its module where no package is known.

    Examples:
        >>> package_of(EntryPoint("rank", "credit_extras.metrics:rank", "p2pcredit.metrics"))
        'credit_extras.metrics'
    """
    distribution = getattr(point, "dist", None)
    return point.module if distribution is None else f"{distribution.name} {distribution.version}"


@dataclass(frozen=True)
class Registry(Generic[Brought]):
    """One group of things that a package may bring.

    Args:
        group: The group of entry points, such as `p2pcredit.families`.
        what: One of them in words, such as `family`.
        built_in: Name -> `module:attribute`, in the order in which they are listed.
        needs: The attributes that one must have; `__call__` for a function.
        unknown: The error for a name that does not exist.
        chosen_later: Names that may be asked for and stand for one of the others, chosen elsewhere; none can be loaded.
    """

    group: str
    what: str
    built_in: Mapping[str, str]
    needs: tuple[str, ...] = ()
    unknown: type[P2PCreditError] = SettingsError
    chosen_later: tuple[str, ...] = ()

    def names(self) -> tuple[str, ...]:
        """List the names: built-in ones first, then those of other packages by name. Imports nothing."""
        return (*self.built_in, *(name for name in self._added() if name not in self.built_in))

    def require(self, name: str) -> None:
        """Check that a name exists and that one package alone brings it. Imports nothing.

        Raises:
            PluginError: If two packages bring it, or one brings a name that is built in.
            P2PCreditError: Of the type `unknown` if nothing has that name, with the similar one and all there are.
        """
        points = self._added().get(name, [])
        reserved = name in self.built_in or name in self.chosen_later
        if reserved and points:
            raise PluginError(
                f"the package {package_of(points[0])} adds the {self.what} '{name}' to {self.group}, and that name is "
                "built in; give it another name there, or uninstall the package"
            )
        if len(points) > 1:
            raise PluginError(
                f"the packages {' and '.join(package_of(point) for point in points)} both add the {self.what} '{name}' "
                f"to {self.group}; uninstall one of them"
            )
        if not reserved and not points:
            raise self.unknown(no_such(self.what, name, (*self.names(), *self.chosen_later)))

    def load(self, name: str) -> Brought:
        """Import what bears a name. A built-in one is imported without a look at other packages.

        Raises:
            PluginError: As `require`, or if it cannot be imported or has not the shape that the group asks for.
            P2PCreditError: Of the type `unknown` if nothing has that name.
        """
        if name in self.built_in:
            return cast(Brought, EntryPoint(name, self.built_in[name], self.group).load())
        self.require(name)
        point = self._added()[name][0]
        try:
            found = point.load()
        except (Exception, SystemExit) as error:  # a module may also end the program as it is imported
            raise PluginError(
                one_line(f"{self._described(point)} cannot be imported ({type(error).__name__}: {error}); {_MEND}")
            ) from error
        self.check(name, found)
        return cast(Brought, found)

    def check(self, name: str, found: object, needs: Iterable[str] | None = None) -> None:
        """Check the shape of what another package brought under a name.

        Raises:
            PluginError: If it lacks an attribute, with the package.
        """
        lacking = [need for need in (self.needs if needs is None else needs) if not hasattr(found, need)]
        if lacking:
            raise PluginError(f"{self.describe(name)} has no {', '.join(repr(need) for need in lacking)}; {_MEND}")

    def describe(self, name: str) -> str:
        """Say what a name is and which package brings it, as a subject of a sentence."""
        points = self._added().get(name, [])
        return f"the {self.what} '{name}'" if not points else self._described(points[0])

    def distribution(self, name: str) -> tuple[str, str] | None:
        """Give name and version of the package that brings what has a name; None for a built-in or unknown one."""
        points = [] if name in self.built_in else self._added().get(name, [])
        found = getattr(points[0], "dist", None) if points else None
        return None if found is None else (str(found.name), str(found.version))

    def _described(self, point: EntryPoint) -> str:
        return f"the {self.what} '{point.name}' of the package {package_of(point)}"

    def _added(self) -> dict[str, list[EntryPoint]]:
        found: dict[str, list[EntryPoint]] = {}
        for point in sorted(entry_points(group=self.group), key=lambda p: (p.name, p.value)):
            known = found.setdefault(point.name, [])
            if all((package_of(one), one.value) != (package_of(point), point.value) for one in known):
                known.append(point)  # a package that is installed twice, here and in another directory, counts once
        return found


_MEND = "mend that package, or uninstall it"


__all__ = ["Registry", "entry_points", "package_of"]
