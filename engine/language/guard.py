"""Bounds on untrusted YAML, checked on the event stream before anything is built from it.

libyaml's events come from a state machine without recursion, so the pass itself is safe on any nesting; whatever is
built on top (a tree, Python values) only ever sees events that passed. An alias counts as many nodes as its anchor
expands to, so alias and merge bombs stop here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from engine.errors import YamlError
from engine.language.positions import LineIndex

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_NODES = 50_000
MAX_SCALAR = 200_000
BOM = "\ufeff"

# Characters that YAML forbids; libyaml would report them by byte offset, so they are looked for here.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FRIENDLY = {
    "found character that cannot start any token": "a value cannot start with this character"
    " (a tab as indentation, or an unquoted % @ `?)",
    "mapping values are not allowed in this context": "a ':' is not allowed here"
    " (quote the text, or check the indentation)",
    "could not find expected ':'": "a ':' is missing after the key",
    "did not find expected key": "the indentation does not fit the lines above, or a quote or bracket is not closed",
    "did not find expected '-' indicator": "a list item must start with '- ' in the same column as the others",
    "found unexpected end of stream": "a quote is opened and never closed",
}


class TooManyValues(YamlError):
    """The file holds more than can be read."""


def yaml_error(text: str, message: str, offset: int) -> YamlError:
    """A YamlError whose details hold line, column and offset."""
    line, column = LineIndex(text).position(min(offset, len(text)))
    return YamlError(message, line=line, column=column, offset=offset)


def check_bounds(text: str) -> None:
    """Raise YamlError (details: line, column) unless the text is YAML within the bounds."""
    for _ in bounded_events(text):
        pass


def without_forbidden(text: str) -> str:
    """The text with a replacement character for each one that YAML forbids."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def bounded_events(text: str, *, outer_depth: int = 0) -> Iterator[Any]:
    """The NodeEvents and CollectionEndEvents of a single YAML document.

    A leading byte order mark is skipped: the events' offsets do not count it (libyaml's habit). Raises YamlError at
    the first bound that is broken; what was yielded before is within the bounds. `outer_depth` is how deep the text
    lies in a larger one of which it is a part.
    """
    _check_characters(text)
    shift = 1 if text.startswith(BOM) else 0
    loader = _LOADER(text[shift:])
    try:
        yield from _checked(text, loader.get_event, shift, MAX_DEPTH - outer_depth)
    except yaml.MarkedYAMLError as err:
        mark = err.problem_mark or err.context_mark
        problem = err.problem or err.context or "not valid YAML"
        raise yaml_error(text, _FRIENDLY.get(problem, problem), mark.index + shift if mark else 0) from None
    except yaml.YAMLError as err:
        raise yaml_error(text, str(err).splitlines()[0], 0) from None
    finally:
        loader.dispose()


def _check_characters(text: str) -> None:
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise YamlError(f"the file is larger than {MAX_BYTES:,} bytes", line=1, column=1, offset=0)
    found = _FORBIDDEN.search(text)
    if found:
        raise yaml_error(text, f"character U+{ord(found.group()):04X} is not allowed in YAML", found.start())


def _checked(text: str, next_event: Callable[[], Any], shift: int, max_depth: int) -> Iterator[Any]:
    """Pass node events on while counting. `counts[-1]` is the expanded size of the innermost open collection.

    One loop without calls for the usual event, because it runs for every value of every file.
    """
    counts = [0]
    anchors: list[str | None] = [None]
    sizes: dict[str, int] = {}
    documents = 0
    while (event := next_event()) is not None:
        kind = type(event)
        if kind is ScalarEvent:
            if len(event.value) > MAX_SCALAR:
                raise _broken(text, f"a text is longer than {MAX_SCALAR:,} characters", event, shift)
            counts[-1] += 1
            if event.anchor is not None:
                sizes[event.anchor] = 1
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            size, anchor = counts.pop(), anchors.pop()
            counts[-1] += size
            if anchor is not None:
                sizes[anchor] = size
            yield event
            continue
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            if len(counts) > max_depth:
                raise _broken(text, f"nested deeper than {MAX_DEPTH} levels", event, shift)
            counts.append(1)
            anchors.append(event.anchor)
            sizes.pop(event.anchor, None)
        elif kind is AliasEvent:
            counts[-1] += _alias_size(text, event, sizes, anchors, shift)
        else:
            documents += _documents(text, event, documents, shift)
            continue
        if counts[-1] > MAX_NODES:
            raise TooManyValues(
                f"more than {MAX_NODES:,} values (aliases counted out)",
                **_broken(text, "", event, shift).details,
            )
        if kind is not AliasEvent and event.tag is not None:
            raise _broken(text, f"the tag {event.tag} is not allowed", event, shift)
        yield event


def _broken(text: str, message: str, event: Any, shift: int) -> YamlError:
    return yaml_error(text, message, event.start_mark.index + shift)


def _alias_size(text: str, event: Any, sizes: dict[str, int], open_anchors: list[str | None], shift: int) -> int:
    if event.anchor in open_anchors:
        raise _broken(text, f"the alias *{event.anchor} stands inside its own anchor", event, shift)
    if event.anchor not in sizes:
        raise _broken(text, f"the alias *{event.anchor} has no anchor before it", event, shift)
    return sizes[event.anchor]


def _documents(text: str, event: Any, seen: int, shift: int) -> int:
    """1 for a document start; a second document or a %TAG directive is refused."""
    if not isinstance(event, yaml.DocumentStartEvent):
        return 0
    if event.tags:
        raise _broken(text, "a %TAG directive is not allowed", event, shift)
    if seen:
        raise _broken(text, "only one document per file is allowed", event, shift)
    return 1
