"""`matches`: our own linear-time regular expressions, compared with Python's where that is safe."""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

import re
import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.language.patterns import MAX_TEXT, Pattern, PatternError, compile_pattern


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("", "", True),
        ("a", "cat", True),
        ("^a", "cat", False),
        ("t$", "cat", True),
        ("^$", "", True),
        ("^$", "a", False),
        ("^ORD-[0-9]{8}$", "ORD-10000007", True),
        ("^ORD-[0-9]{8}$", "ORD-1000000", False),
        ("a|b", "xb", True),
        ("^(a|b)+c?$", "abab", True),
        ("(?:ab){2,3}$", "ababab", True),
        ("^(?:ab){2,3}$", "abababab", False),
        ("[^a-c]", "abc", False),
        ("[]x]", "]", True),
        ("[a-]", "-", True),
        (r"\d+\.\d\d", "12.50", True),
        (r"^\w+@\w+\.\w+$", "a@b.de", True),
        (r"\s", "a b", True),
        (r"^\S+$", "a b", False),
        (r"\$", "5$", True),
        (".", "\n", False),
        ("a.c", "abc", True),
        ("(?i)FAQ", "a faq", True),
        ("(?i)[a-f]", "F", True),
        ("a*?b", "aab", True),
        ("ü+", "grüün", True),
        ("a{0}b", "b", True),
        ("x{2,}", "axx", True),
        (r"[\d,]+$", "1,000", True),
        (r"\[x\]", "[x]", True),
    ],
)  # fmt: skip
def test_a_pattern_is_found_or_not(pattern: str, text: str, found: bool) -> None:
    assert compile_pattern(pattern).search(text) is found
    assert (re.search(pattern, text) is not None) is found


@pytest.mark.parametrize(
    "pattern",
    ["(", ")", "a)", "[", "[a", "*", "a**", "a{2", "a{x}", "a{3,2}", "a{999}", r"\1", r"\b", "(?=a)", "(?P<n>a)", "[z-a]", "\\",
     "(" * 40 + ")" * 40, "a" * 501, "(a{100}){100}", "((a{50}){50}){2}"],
)  # fmt: skip
def test_what_is_not_supported_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "(a*)*b", "(a|aa)+$", "^(a?){30}a{30}$", "a*a*a*a*a*a*b"])
def test_what_kills_other_engines_is_linear_here(pattern: str) -> None:
    began = time.process_time()
    assert compile_pattern(pattern).search("a" * 30 + "!") is False
    assert time.process_time() - began < 0.5
    Pattern(pattern).search("a" * 50_000 + "!")
    assert time.process_time() - began < 2


def test_text_and_work_are_bounded() -> None:
    with pytest.raises(PatternError, match="at most"):
        compile_pattern("a").search("x" * (MAX_TEXT + 1))
    random = Random(1)
    text = "".join(random.choice("ab") for _ in range(60_000))
    began = time.process_time()
    try:
        Pattern("a[ab]{150}a[ab]{150}c").search(text)
    except PatternError as err:
        assert "too costly" in str(err)  # noqa: PT017 - finishing is right too
    assert time.process_time() - began < 5


PIECES = st.sampled_from(
    ["a", "b", "c", ".", "[ab]", "[^a]", "(a|bc)", "(ab)", "a?", "b*", "c+", "(a|b)*", "[a-b]{1,2}", "^", "$"]
)


@given(st.lists(PIECES, max_size=5), st.text("abc\n", max_size=12))
@settings(max_examples=600, deadline=None)
def test_it_agrees_with_python(pieces: list[str], text: str) -> None:
    pattern = "".join(pieces)
    expected = re.search(pattern.replace("$", r"\Z"), text) is not None
    assert Pattern(pattern).search(text) is expected
