"""A choice among some: what was chosen is shown at once and stays, however late the server answers.

A control that shows what the server says shows the old choice until then, and a second arrow key counts from that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import reflex as rx
from reflex.event import passthrough_event_spec
from reflex_base.utils.imports import ImportDict

# `value` is what the server says. An answer to what was chosen first does not take away what was chosen since; only a
# value that is no such answer (from an address, from a button that clears it) is taken over.
_CHOSEN = """
function useChosen(value, onChoose) {
  const [chosen, setChosen] = useState(value);
  const sent = useRef([]);
  useEffect(() => {
    const answered = sent.current.indexOf(value);
    if (answered >= 0) sent.current.splice(0, answered + 1);
    else { sent.current = []; setChosen(value); }
  }, [value]);
  const choose = (next) => {
    if (next === chosen && next === value) return; // what the server has refused, or not heard, may be chosen again
    sent.current.push(next);
    setChosen(next);
    onChoose(next);
  };
  return [chosen, choose];
}
"""
_SELECT = """
function ChosenOption({ value, onChoose, ...rest }) {
  const [chosen, choose] = useChosen(value, onChoose);
  return jsx("select", { ...rest, value: chosen, onChange: (event) => choose(event.target.value) });
}
"""
_SEGMENTS = """
function ChosenSegment({ value, onChoose, options, ...rest }) {
  const [chosen, choose] = useChosen(value, onChoose);
  const button = ([key, title, count]) => jsx("button", {
    key, type: "button", className: key === chosen ? "on" : "", "aria-pressed": key === chosen,
    onClick: () => choose(key),
  }, title, count ? jsx("span", { className: "tab-count" }, count) : null);
  return jsx("div", { ...rest, role: "group" }, options.map(button));
}
"""


class _Chosen(rx.Component):
    value: rx.Var[str]
    on_choose: rx.EventHandler[passthrough_event_spec(str)]

    def add_imports(self) -> ImportDict:
        return {"react": [rx.ImportVar(tag=tag) for tag in ("useEffect", "useRef", "useState")]}


class _Select(_Chosen):
    tag = "ChosenOption"

    def add_custom_code(self) -> list[str]:
        return [_CHOSEN, _SELECT]


class _Segments(_Chosen):
    tag = "ChosenSegment"
    options: rx.Var[list[Any]]

    def add_custom_code(self) -> list[str]:
        return [_CHOSEN, _SEGMENTS]


def select(
    options: Sequence[tuple[str, str]], value: rx.Var[str], on_change: Any, label: str, more: rx.Var[Any] | None = None
) -> rx.Component:
    """A native select: `options` are (value, title) pairs; `more` a Var of such pairs, after these."""
    shown = [rx.el.option(title, value=key) for key, title in options]
    if more is not None:
        shown.append(rx.foreach(more, lambda o: rx.el.option(o[1], value=o[0])))
    return _Select.create(
        *shown, value=value, on_choose=on_change, class_name="select", custom_attrs={"aria-label": label}
    )


def filters(*controls: rx.Component, loading: rx.Var[bool]) -> rx.Component:
    """What a list is narrowed by. While the page has not read its address, nothing can be chosen: it would be undone by
    what the address says."""
    return rx.el.fieldset(*controls, disabled=loading, class_name="filters")


def segmented(
    options: Sequence[tuple[str, str] | tuple[str, str, rx.Var[str]]], value: rx.Var[str], on_change: Any, label: str
) -> rx.Component:
    """A choice among few, all of them seen: `options` are (value, title), or with how many wait behind it."""
    return _Segments.create(
        options=list(options),
        value=value,
        on_choose=on_change,
        class_name="seg",
        custom_attrs={"aria-label": label},
    )
