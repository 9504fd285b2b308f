"""What reaches each node of a graph."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.language.dataflow import Bits, Dataflow, members

NAMES = [f"n{number}" for number in range(9)]
LINKS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([*NAMES, "nobody"])), max_size=25)


def walked(links: list[tuple[str, str]], root: str, stops: set[str]) -> set[str]:
    """What a walk from `root` comes to, that goes on from all but `stops`; `root` itself only in a cycle."""
    seen: set[str] = set()
    todo = [root]
    while todo:
        current = todo.pop()
        for source, target in links:
            if source == current and target in NAMES and target not in seen:
                seen.add(target)
                if target not in stops:
                    todo.append(target)
    return seen


@given(links=LINKS, stops=st.sets(st.sampled_from(NAMES)))
def test_what_comes_from_behind_is_what_a_walk_finds(links: list[tuple[str, str]], stops: set[str]) -> None:
    bits = Bits()
    flow = Dataflow(NAMES, links)
    found = flow.from_behind(lambda name, behind: bits[name] | (0 if name in stops else behind))
    assert {name: set(bits.members(found[name])) for name in NAMES} == {
        name: walked(links, name, stops) for name in NAMES
    }


@given(links=LINKS)
def test_what_comes_from_before_is_the_same_against_the_links(links: list[tuple[str, str]]) -> None:
    against = [(target, source) for source, target in links]
    bits = {name: 1 << number for number, name in enumerate(NAMES)}

    def step(name: str, reaching: int) -> int:
        return reaching | bits[name]

    assert Dataflow(NAMES, links).from_before(step) == Dataflow(NAMES, against).from_behind(step)


@given(st.sets(st.integers(0, 200)), st.integers(0, 300))
def test_members_are_the_lowest_bits(numbers: set[int], most: int) -> None:
    assert members(sum(1 << number for number in numbers), most) == sorted(numbers)[:most]


def test_a_chain_of_ten_thousand_is_no_recursion() -> None:
    names = [str(number) for number in range(10_000)]
    flow = Dataflow(names, zip(names[1:], names, strict=False))
    assert flow.from_before(lambda name, before: before | (name == names[-1]))[names[0]] == 1
