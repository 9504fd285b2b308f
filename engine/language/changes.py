"""What an edit does to the data, beside what it does to the text: each change knows both.

`patches` are on the document before the edit; `apply` changes a copy of the data in place. All changes of one edit
refer to the same document, so those that shift indexes (insert, remove, move) come last, at most one for a sequence.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from engine.errors import SchemaError
from engine.language.positions import Patch, Path
from engine.language.writer import Writer


class Change(Protocol):
    @property
    def path(self) -> Path: ...

    def patches(self, writer: Writer) -> list[Patch]: ...

    def apply(self, data: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Set:
    path: Path
    value: Any

    def patches(self, writer: Writer) -> list[Patch]:
        return writer.set(self.path, self.value)

    def apply(self, data: Any) -> None:
        container = data
        for step, following in zip(self.path, self.path[1:], strict=False):
            container = _enter(container, step, [] if isinstance(following, int) else {})
        last = self.path[-1]
        if isinstance(container, list) and last == len(container):
            container.append(self.value)
        elif _fits(container, last):
            container[last] = self.value
        else:
            raise SchemaError(f"`{last}` cannot be set here")


@dataclass(frozen=True, slots=True)
class Unset:
    path: Path  # of the mapping
    keys: tuple[str, ...]

    def patches(self, writer: Writer) -> list[Patch]:
        return writer.remove_entries(self.path, self.keys)

    def apply(self, data: Any) -> None:
        container = at(data, self.path)
        for key in self.keys:
            del container[key]


@dataclass(frozen=True, slots=True)
class Insert:
    path: Path  # of the sequence
    index: int
    value: Any

    def patches(self, writer: Writer) -> list[Patch]:
        return writer.insert(self.path, self.index, self.value)

    def apply(self, data: Any) -> None:
        container = at(data, self.path[:-1])
        if container.get(self.path[-1]) is None:
            container[self.path[-1]] = []
        container[self.path[-1]].insert(self.index, self.value)


@dataclass(frozen=True, slots=True)
class Remove:
    path: Path  # of the sequence
    indexes: frozenset[int]
    with_comments: bool = False  # those directly above and below too

    def patches(self, writer: Writer) -> list[Patch]:
        return writer.remove_items(self.path, self.indexes, with_comments=self.with_comments)

    def apply(self, data: Any) -> None:
        container = at(data, self.path)
        container[:] = [item for index, item in enumerate(container) if index not in self.indexes]


@dataclass(frozen=True, slots=True)
class Move:
    path: Path  # of the sequence
    index: int
    to: int

    def patches(self, writer: Writer) -> list[Patch]:
        return writer.move(self.path, self.index, self.to)

    def apply(self, data: Any) -> None:
        container = at(data, self.path)
        container.insert(self.to, container.pop(self.index))


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Replace stretches of a text value, `(start, end, text)` in its decoded form, leaving its quoting alone."""

    path: Path
    pieces: tuple[tuple[int, int, str], ...]
    value: str  # the text that comes out

    def patches(self, writer: Writer) -> list[Patch]:
        node = writer.document.find(self.path)
        if node is not None:
            found: list[Patch] = []
            for start, end, text in self.pieces:
                first = writer.document.offset_in_scalar(node, start)
                if first is None:
                    break
                found.append(Patch(first, first + end - start, text))
            else:
                return found
        return writer.set(self.path, self.value)

    def apply(self, data: Any) -> None:
        Set(self.path, self.value).apply(data)


@dataclass(frozen=True, slots=True)
class RenameKey:
    path: Path
    name: str

    def patches(self, writer: Writer) -> list[Patch]:
        return writer.rename_key(self.path, self.name)

    def apply(self, data: Any) -> None:
        container = at(data, self.path[:-1])
        container[self.name] = container.pop(self.path[-1])


def at(data: Any, path: Sequence[str | int]) -> Any:
    """The value at a path that must exist."""
    for step in path:
        if not _fits(data, step):
            raise SchemaError(f"there is no `{step}` here")
        data = data[step]
    return data


def touched(changes: Collection[Change]) -> list[Path]:
    return [change.path for change in changes]


def copied(data: Any, paths: Collection[Path]) -> Any:
    """A copy of the data that shares everything except the containers on these paths and the values at their ends."""
    if not paths or not isinstance(data, dict | list):
        return data
    here = any(not path for path in paths)
    below: dict[str | int, list[Path]] = {}
    for path in paths:
        if path:
            below.setdefault(path[0], []).append(path[1:])
    if isinstance(data, list):
        new_list = list(data)
        for step, rest in below.items():
            if isinstance(step, int) and 0 <= step < len(new_list):
                new_list[step] = copied(new_list[step], rest)
        return new_list
    new = dict(data)
    for key, rest in below.items():
        if key in new:
            new[str(key)] = copied(new[str(key)], rest)
    return new if here or below else data


def _fits(container: Any, step: str | int) -> bool:
    if isinstance(step, int):
        return isinstance(container, list) and 0 <= step < len(container)
    return isinstance(container, dict)


def _enter(container: Any, step: str | int, empty: Any) -> Any:
    """The container below, made when it is missing or null."""
    if isinstance(container, list) and step == len(container):
        container.append(empty)
    elif isinstance(container, dict) and container.get(str(step)) is None and isinstance(step, str):
        container[step] = empty
    if not _fits(container, step):
        raise SchemaError(f"there is no `{step}` here")
    return container[step]
