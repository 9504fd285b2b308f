"""Workflow files in every formatting that YAML allows: data -> text, the way many different people would write it.

`Scribe` writes JSON data as YAML with random choices of block or flow style, quotes, indentation, comments, blank
lines, line breaks, anchors and `? key`. What it writes always means the data it was given.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

WORDS = [
    "faq", "order", "a b", "no", "22:22", "1.10", "",
    "it's", 'say "hi"', "x: y", "a # b", "tab\there", "ünï😀", "- dash",
    "true", "null", "{message}", "[x]", "*star", "&amp", "%", "line one\nline two\n",
    "\n lead\n", "a\n\nb", "trail \nx",
    "C:\\temp\\new", "0o17", "1e3", "~", "yes", "long " * 60, "context.intent", "${context.a + 1}", "? q", "end\n\n",
]  # fmt: skip


class Scribe:
    """One way of writing. `plain_only` leaves out anchors, merges and `? key`, where edits may rightly be refused."""

    def __init__(self, random: Random, *, plain_only: bool = False) -> None:
        self.random = random
        self.plain_only = plain_only
        self.newline = random.choice(["\n", "\n", "\n", "\r\n"])
        self.step = random.choice([2, 2, 2, 3, 4, 1])
        self.dash = random.choice([0, 2, 2, self.step])
        self.comments = random.choice([0.0, 0.1, 0.4])
        self.flow = random.choice([0.0, 0.1, 0.5, 1.0])
        self.anchors = 0

    def file(self, data: dict[str, Any]) -> str:
        """A whole file: perhaps with a byte order mark, a comment or `---` first, or without a final line break."""
        head = self.random.choice(["", "", "# head\n", "---\n", "%YAML 1.2\n---\n", "\n\n", "# a\n\n# b\n"])
        body = self.mapping(data, 0) if self.random.random() > 0.03 else self.flow_value(data)
        tail = self.random.choice(["\n", "\n", "", "\n\n", "\n# the end", "\n# the end\n", "\n...\n"])
        if body.endswith("\n"):
            tail = tail.lstrip("\n")
        text = (head + body + tail).replace("\n", self.newline)
        return "\ufeff" + text if self.random.random() < 0.05 else text

    def maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    def note(self, *, tabs: bool = True) -> str:
        """A comment at the end of a line, or nothing. libyaml takes a tab before it only behind a value."""
        if not self.maybe(self.comments):
            return ""
        return (
            self.random.choice(["  ", " ", "\t" if tabs else " ", "          "])
            + f"# note {self.random.randint(0, 99)}: - [x] {{y}}"
        )

    def lines_between(self, pad: int) -> str:
        """Comment lines and blank lines of their own."""
        out = ""
        while self.maybe(self.comments):
            out += self.random.choice(
                ["\n", " " * self.random.randint(0, pad) + "# own line, 'quoted'\n", " " * pad + "#\n"]
            )
        return out

    def break_after(self, out: str, pad: int, *, gap: bool = False) -> str:
        """The end of a line and what may stand before the next; nothing behind `|+`, whose blank lines count."""
        return "" if out.endswith("\n") else "\n" + ("\n" if gap else "") + self.lines_between(pad)

    def mapping(self, data: dict[str, Any], pad: int) -> str:
        """Block mapping at column `pad`; the first line is not indented. Ends without a line break (mostly)."""
        out = ""
        for at, (key, value) in enumerate(data.items()):
            if at:
                out += self.break_after(out, pad) + " " * pad
            out += self.entry(key, value, pad)
        return out

    def entry(self, key: str, value: Any, pad: int) -> str:
        name = self.key(key)
        if not self.plain_only and self.maybe(0.02):
            return f"? {name}\n{' ' * pad}:{self.value(value, pad)}"
        return f"{name}{self.random.choice(['', '', '', ' '])}:{self.value(value, pad)}"

    def value(self, value: Any, pad: int) -> str:
        """What follows the colon."""
        anchor = self.anchor()
        if isinstance(value, dict) and value and not self.maybe(self.flow):
            inner = pad + self.step
            return (
                f"{anchor}{self.note(tabs=False)}\n{self.lines_between(inner)}{' ' * inner}{self.mapping(value, inner)}"
            )
        if isinstance(value, list) and value and not self.maybe(self.flow):
            inner = pad + self.dash
            head = f"{anchor}{self.note(tabs=False)}\n{self.lines_between(inner)}"
            return f"{head}{' ' * inner}{self.sequence(value, inner)}"
        if isinstance(value, dict | list):
            return f"{anchor} {self.flow_value(value, pad + 1)}{self.note()}"
        if isinstance(value, str) and self.maybe(0.4) and (block := self.block(value, pad)):
            return f"{anchor} {block}"
        if value is None and self.maybe(0.3):
            return f"{anchor}{self.note(tabs=False)}"
        below = (
            f"\n{' ' * (pad + 1)}" if self.maybe(0.03) and value is not None else self.random.choice([" ", " ", "  "])
        )
        return f"{anchor}{below}{self.scalar(value)}{self.note()}"

    def anchor(self) -> str:
        if self.plain_only or not self.maybe(0.05):
            return ""
        self.anchors += 1
        return f" &a{self.anchors}"

    def sequence(self, data: list[Any], pad: int) -> str:
        out = ""
        gap = self.maybe(0.5)
        for at, item in enumerate(data):
            if at:
                out += self.break_after(out, pad, gap=gap) + " " * pad
            out += "-" + self.item(item, pad)
        return out

    def item(self, item: Any, pad: int) -> str:
        if isinstance(item, dict) and item and not self.maybe(self.flow):
            if self.maybe(0.05):
                inner = pad + self.random.choice([1, 2, 4])
                return f"{self.note(tabs=False)}\n{' ' * inner}{self.mapping(item, inner)}"
            gap = self.random.choice([1, 1, 1, 3])
            return " " * gap + self.mapping(item, pad + 1 + gap)
        if isinstance(item, dict | list):
            return f" {self.flow_value(item, pad + 1)}{self.note()}"
        if isinstance(item, str) and self.maybe(0.2) and (block := self.block(item, pad)):
            return f" {block}"
        return f" {self.scalar(item)}{self.note()}"

    def flow_value(self, value: Any, pad: int = 1) -> str:
        """Flow style, sometimes over several lines with comments."""
        space = self.random.choice(["", " "])
        wide = self.maybe(0.15)
        comma = f",\n{' ' * (pad + 2)}" if wide else self.random.choice([", ", ",", " , "])
        if wide and self.maybe(self.comments):
            comma = f", # in flow\n{' ' * (pad + 2)}"
        if isinstance(value, dict):
            parts = [f"{self.flow_key(k)}: {self.flow_value(v, pad + 2)}" for k, v in value.items()]
            return self.enclosed("{", "}", parts, comma, space)
        if isinstance(value, list):
            return self.enclosed("[", "]", [self.flow_value(v, pad + 2) for v in value], comma, space)
        return self.scalar(value, in_flow=True)

    def enclosed(self, opening: str, closing: str, parts: list[str], comma: str, space: str) -> str:
        trailing = "," if parts and self.maybe(0.1) else ""
        return opening + space + comma.join(parts) + trailing + space + closing

    def flow_key(self, key: str) -> str:
        return key if key.replace("_", "").isalnum() else json.dumps(key)

    def key(self, key: str) -> str:
        if not key.replace("_", "").replace("-", "").isalnum():
            return json.dumps(key)
        return self.random.choice([key, key, key, f'"{key}"', f"'{key}'"])

    def scalar(self, value: Any, *, in_flow: bool = False) -> str:
        if value is None:
            return self.random.choice(["null", "null", "~", "Null"])
        if isinstance(value, bool):
            return self.random.choice(["true", "True", "TRUE"] if value else ["false", "False", "FALSE"])
        if isinstance(value, int | float):
            return json.dumps(value)
        forms = [self.double(value)]
        if all(c.isprintable() for c in value):
            forms.append("'" + value.replace("'", "''") + "'")
        if (
            value
            and value.replace("_", "").isascii()
            and value.replace("_", "").isalpha()
            and value not in ("true", "null")
        ):
            forms += [value, value]
        if value == "a b" and not in_flow:
            forms.append("a\n" + " " * 40 + "b")
        return self.random.choice(forms)

    def double(self, value: str) -> str:
        return json.dumps(value, ensure_ascii=self.maybe(0.3) and all(ord(c) < 0x10000 for c in value)).replace(
            "\x7f", "\\x7f"
        )

    def block(self, value: str, pad: int) -> str | None:
        """`|` or `>` where they can carry the text."""
        body = value.rstrip("\n")
        if not body or body != body.strip() or any(ord(c) < 32 and c not in "\n\t" for c in value):
            return None
        lines = body.split("\n")
        if any(line != line.strip() and line for line in lines):
            return None
        breaks = len(value) - len(body)
        chomp = {0: "-", 1: ""}.get(breaks, "+")
        inner = " " * (pad + self.random.choice([self.step, 1, 4]))
        style = "|"
        if len(lines) == 1 and self.maybe(0.3):
            style = ">"
        text = "\n".join(inner + line if line else "" for line in lines)
        return f"{style}{chomp}{self.random.choice(['', '', '  # head'])}\n{text}" + "\n" * breaks * (breaks > 1)
