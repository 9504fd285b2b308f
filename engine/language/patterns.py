"""Regular expressions for `matches`, in time linear in the text: Thompson's construction, run as a lazily built DFA.

Supported: literals, `.`, classes `[a-z]` and `[^...]`, `\\d \\w \\s \\D \\W \\S`, groups `( )` and `(?: )`, `|`,
`* + ?` and `{m,n}` (also lazy: it makes no difference to whether something matches), `^`, `$`, a leading `(?i)`.
No back references, no look-around: these make other engines exponential. `.` does not match a line feed.
See https://swtch.com/~rsc/regexp/regexp1.html for the construction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

MAX_PATTERN = 500
MAX_STATES = 2_000
MAX_TEXT = 200_000
MAX_CACHED = 200_000  # NFA states in all cached DFA states together
MAX_DEPTH = 32
MAX_REPEAT = 200
WORK = 300_000  # NFA states visited while building DFA states for one text

Test = Callable[[str], bool]


class PatternError(Exception):
    """The pattern is not one that `matches` understands, or it is too costly."""


class State(NamedTuple):
    """`kind`: char (one character that passes `test`), split, start (`^`), end (`$`), match."""

    kind: str
    test: Test | None
    to: tuple[int, ...]


_CLASSES: dict[str, Test] = {
    "d": lambda c: "0" <= c <= "9",
    "w": lambda c: c.isalnum() or c == "_",
    "s": str.isspace,
    "D": lambda c: not "0" <= c <= "9",
    "W": lambda c: not (c.isalnum() or c == "_"),
    "S": lambda c: not c.isspace(),
}
_CONTROL = {"n": "\n", "t": "\t", "r": "\r"}


@lru_cache(maxsize=256)
def compile_pattern(source: str) -> Pattern:
    """Raises PatternError."""
    return Pattern(source)


class Pattern:
    """A compiled pattern; `search` may be called from any thread (the cache only ever gains equal entries)."""

    def __init__(self, source: str) -> None:
        states, self._first = _Compiler(source).compile()
        self._states = states
        self._ignore_case = source.startswith("(?i)")
        self._next: dict[tuple[frozenset[int], str], frozenset[int]] = {}
        self._cached = 0

    def search(self, text: str) -> bool:
        """Does the pattern occur anywhere in the text?"""
        if len(text) > MAX_TEXT:
            raise PatternError(f"`matches` takes a text of at most {MAX_TEXT:,} characters")
        if self._ignore_case:
            text = text.casefold()
        current = self._closure((self._first,), at_start=True)
        work = 0
        for char in text:
            if -1 in current:
                return True
            following = self._next.get((current, char))
            if following is None:
                work += len(current)
                if work > WORK:
                    raise PatternError("the pattern is too costly for this text")
                following = self._step(current, char)
            current = following
        return -1 in current or -1 in self._closure(current, at_start=not text, at_end=True)

    def _step(self, current: frozenset[int], char: str) -> frozenset[int]:
        moved = {self._first}
        for index in current:
            state = self._states[index]
            if state.test is not None and state.test(char):
                moved.add(state.to[0])
        following = self._closure(moved)
        self._cached += len(following) + 1
        if self._cached > MAX_CACHED:
            self._next.clear()
            self._cached = 0
        self._next[current, char] = following
        return following

    def _closure(self, indexes: Iterable[int], *, at_start: bool = False, at_end: bool = False) -> frozenset[int]:
        """States reachable without a character: those that wait for one or for the end, and -1 for a match."""
        found: set[int] = set()
        seen: set[int] = set()
        todo = [i for i in indexes if i >= 0]
        while todo:
            index = todo.pop()
            if index in seen:
                continue
            seen.add(index)
            state = self._states[index]
            if state.kind == "match":
                found.add(-1)
            elif state.kind == "char" or (state.kind == "end" and not at_end):
                found.add(index)
            elif state.kind != "start" or at_start:
                todo.extend(state.to)
        return frozenset(found)


Build = Callable[[int], int]  # given the state that follows, adds the part's states and returns its first


class _Compiler:
    """Recursive descent over the pattern; every part is a function that builds its states in front of a next one."""

    def __init__(self, source: str) -> None:
        if len(source) > MAX_PATTERN:
            raise PatternError(f"the pattern is longer than {MAX_PATTERN} characters")
        self.ignore_case = source.startswith("(?i)")
        self.source = source
        self.at = 4 if self.ignore_case else 0
        self.depth = 0
        self.states: list[State] = []

    def compile(self) -> tuple[list[State], int]:
        build = self.alternatives()
        if self.at < len(self.source):
            raise self.error("unexpected `)`")
        first = build(self.add(State("match", None, ())))
        return self.states, first

    def add(self, state: State) -> int:
        if len(self.states) >= MAX_STATES:
            raise PatternError("the pattern is too large")
        self.states.append(state)
        return len(self.states) - 1

    def error(self, message: str) -> PatternError:
        return PatternError(f"pattern: {message} at position {self.at + 1}")

    def peek(self) -> str:
        return self.source[self.at : self.at + 1]

    def alternatives(self) -> Build:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error("too many nested groups")
        branches = [self.sequence()]
        while self.peek() == "|":
            self.at += 1
            branches.append(self.sequence())
        self.depth -= 1
        if len(branches) == 1:
            return branches[0]
        return lambda after: self.add(State("split", None, tuple(branch(after) for branch in branches)))

    def sequence(self) -> Build:
        parts: list[Build] = []
        while self.peek() not in ("", "|", ")"):
            parts.append(self.repeated(self.atom()))

        def build(after: int) -> int:
            for part in reversed(parts):
                after = part(after)
            return after

        return build

    def repeated(self, part: Build) -> Build:
        char = self.peek()
        if char not in ("*", "+", "?", "{"):
            return part
        low, high = self.bounds(char)
        if self.peek() == "?":  # lazy
            self.at += 1
        if self.peek() in ("*", "+", "?", "{"):
            raise self.error("a repetition of a repetition")

        def build(after: int) -> int:
            if high is None:
                after = self.loop(part, after)
            for _ in range((high or low) - low):
                after = self.add(State("split", None, (part(after), after)))
            for _ in range(low):
                after = part(after)
            return after

        return build

    def loop(self, part: Build, after: int) -> int:
        split = self.add(State("split", None, (after,)))
        self.states[split] = State("split", None, (part(split), after))
        return split

    def bounds(self, char: str) -> tuple[int, int | None]:
        self.at += 1
        if char != "{":
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[char]
        closing = self.source.find("}", self.at)
        low, comma, high = self.source[self.at : closing].partition(",")
        if closing < 0 or not low.isdecimal() or (high and not high.isdecimal()):
            raise self.error("a repetition must look like {2}, {2,} or {2,5}")
        self.at = closing + 1
        most = int(high) if high else (None if comma else int(low))
        if int(low) > MAX_REPEAT or (most is not None and not int(low) <= most <= MAX_REPEAT):
            raise self.error(f"a repetition must run from low to high and to {MAX_REPEAT} at most")
        return int(low), most

    def atom(self) -> Build:
        char = self.peek()
        self.at += 1
        if char == "(":
            return self.group()
        if char == "[":
            return self.char(self.char_class())
        if char == ".":
            return self.char(lambda c: c != "\n")
        if char in "^$":
            kind = "start" if char == "^" else "end"
            return lambda after: self.add(State(kind, None, (after,)))
        if char == "\\":
            return self.char(self.escape())
        if char in "*+?{":
            self.at -= 1
            raise self.error(f"nothing to repeat before `{char}`")
        return self.char(self.one(char))

    def group(self) -> Build:
        if self.peek() == "?":
            if not self.source.startswith("?:", self.at):
                raise self.error("look-around and named groups are not supported")
            self.at += 2
        build = self.alternatives()
        if self.peek() != ")":
            raise self.error("`)` is missing")
        self.at += 1
        return build

    def char(self, test: Test) -> Build:
        return lambda after: self.add(State("char", test, (after,)))

    def one(self, char: str) -> Test:
        wanted = char.casefold() if self.ignore_case else char
        return wanted.__eq__

    def escape(self) -> Test:
        char = self.peek()
        self.at += 1
        if char in _CLASSES:
            return _CLASSES[char]
        if char in _CONTROL:
            return self.one(_CONTROL[char])
        if not char or char.isalnum():
            raise self.error(f"the escape `\\{char}` is not supported")
        return self.one(char)

    def char_class(self) -> Test:
        negated = self.peek() == "^"
        self.at += negated
        tests: list[Test] = []
        first = True
        while first or self.peek() != "]":
            if not self.peek():
                raise self.error("`]` is missing")
            first = False
            tests.append(self.class_item())
        self.at += 1
        return (lambda c: not any(t(c) for t in tests)) if negated else (lambda c: any(t(c) for t in tests))

    def class_item(self) -> Test:
        char = self.peek()
        self.at += 1
        if char == "\\":
            if self.peek() in _CLASSES:
                return self.escape()
            char = _CONTROL.get(self.peek(), self.peek())
            self.at += 1
        if self.peek() == "-" and self.source[self.at + 1 : self.at + 2] not in ("", "]"):
            self.at += 1
            high = self.peek()
            self.at += 1
            if high == "\\":
                high = self.peek()
                self.at += 1
            if not high or high < char:
                raise self.error("a range in a class runs backwards")
            return self.range(char, high)
        return self.one(char)

    def range(self, low: str, high: str) -> Test:
        if not self.ignore_case:
            return lambda c: low <= c <= high
        return lambda c: low <= c <= high or low <= c.upper() <= high or low <= c.lower() <= high
