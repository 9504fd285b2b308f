"""What opens over the page: menus, dialogs, and the words that a pointer brings up.

Radix's primitives do what is easy to get wrong (focus, keys, roles, where there is room); the look is in studio.css.
"""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx
from reflex.constants.compiler import MemoizationMode
from reflex.event import no_args_event_spec

from studio.components.native import styled

# A part that lends its behaviour to its child (as_child) needs that very element: it may not be memoized apart from it.
_WITH_ITS_CHILD = MemoizationMode(recursive=False)


class _Menu(rx.Component):
    library = "@radix-ui/react-dropdown-menu@2.2.1"


class _MenuRoot(_Menu):
    tag = "Root"
    alias = "MenuRoot"


class _MenuTrigger(_Menu):
    tag = "Trigger"
    alias = "MenuTrigger"
    as_child: rx.Var[bool]
    _memoization_mode: ClassVar[MemoizationMode] = _WITH_ITS_CHILD


class _MenuPortal(_Menu):
    tag = "Portal"
    alias = "MenuPortal"


class _MenuContent(_Menu):
    tag = "Content"
    alias = "MenuContent"
    side: rx.Var[str]
    align: rx.Var[str]
    side_offset: rx.Var[int]
    collision_padding: rx.Var[int]


class _MenuItem(_Menu):
    tag = "Item"
    alias = "MenuItem"
    on_select: rx.EventHandler[no_args_event_spec]


class _MenuSeparator(_Menu):
    tag = "Separator"
    alias = "MenuSeparator"


def menu(trigger: rx.Component, *content: rx.Component, side: str = "bottom") -> rx.Component:
    """A button and the menu that it opens."""
    shown = _MenuContent.create(*content, side=side, align="end", side_offset=4, collision_padding=8, class_name="menu")
    return _MenuRoot.create(_MenuTrigger.create(trigger, as_child=True), _MenuPortal.create(shown))


def menu_item(*content: rx.Component | str, on_select: Any, kind: str = "") -> rx.Component:
    """`kind` "danger" for what takes something away."""
    return _MenuItem.create(*content, on_select=on_select, class_name=f"menu-item {kind}".strip())


def menu_line() -> rx.Component:
    return _MenuSeparator.create(class_name="menu-line")


class _Tip(rx.Component):
    library = "@radix-ui/react-tooltip@1.4.1"


class _TipProvider(_Tip):
    tag = "Provider"
    alias = "TipProvider"
    delay_duration: rx.Var[int]


class _TipRoot(_Tip):
    tag = "Root"
    alias = "TipRoot"


class _TipTrigger(_Tip):
    tag = "Trigger"
    alias = "TipTrigger"
    as_child: rx.Var[bool]
    _memoization_mode: ClassVar[MemoizationMode] = _WITH_ITS_CHILD


class _TipPortal(_Tip):
    tag = "Portal"
    alias = "TipPortal"


class _TipContent(_Tip):
    tag = "Content"
    alias = "TipContent"
    side: rx.Var[str]
    side_offset: rx.Var[int]
    collision_padding: rx.Var[int]


def tooltip(trigger: rx.Component, text: str, side: str = "bottom") -> rx.Component:
    """Words beside what the pointer rests on or the keys have reached."""
    shown = _TipContent.create(text, side=side, side_offset=6, collision_padding=8, class_name="tip")
    return _TipProvider.create(
        _TipRoot.create(_TipTrigger.create(trigger, as_child=True), _TipPortal.create(shown)), delay_duration=300
    )


class _Dialog(rx.Component):
    library = "@radix-ui/react-dialog@1.3.1"


class _DialogRoot(_Dialog):
    tag = "Root"
    alias = "DialogRoot"
    open: rx.Var[bool]


class _DialogPortal(_Dialog):
    tag = "Portal"
    alias = "DialogPortal"


class _DialogOverlay(_Dialog):
    tag = "Overlay"
    alias = "DialogOverlay"


class _DialogContent(_Dialog):
    tag = "Content"
    alias = "DialogContent"
    on_escape_key_down: rx.EventHandler[no_args_event_spec]
    on_pointer_down_outside: rx.EventHandler[no_args_event_spec]


class _DialogTitle(_Dialog):
    tag = "Title"
    alias = "DialogTitle"


class _DialogDescription(_Dialog):
    tag = "Description"
    alias = "DialogDescription"


def modal(*body: rx.Component, opened: rx.Var[bool], on_close: Any, width: str, stays: bool = False) -> rx.Component:
    """A surface over the darkened page. Esc and a click outside call `on_close`, an event handler without arguments.

    `stays`: a click outside does nothing.
    """
    outside = {} if stays else {"on_pointer_down_outside": on_close}
    shown = _DialogContent.create(
        *body,
        class_name="dialog",
        custom_attrs=styled(width=width),
        on_escape_key_down=on_close,
        **outside,
    )
    over = _DialogOverlay.create(shown, class_name="dialog-over")
    return _DialogRoot.create(_DialogPortal.create(over), open=opened)


def modal_title(text: str, class_name: str) -> rx.Component:
    return _DialogTitle.create(text, class_name=class_name)


def modal_text(text: str, class_name: str) -> rx.Component:
    return _DialogDescription.create(text, class_name=class_name)
