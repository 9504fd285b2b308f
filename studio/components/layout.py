"""The frame of every page: rail, top bar, content.

@studio_page("/app/runs", title="Runs", on_load=RunsState.load)
def runs_page() -> rx.Component:
    return page(content, active="runs", crumbs=["Runs"], actions=[...])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import reflex as rx
from reflex.style import color_mode, set_color_mode
from reflex_components_core.core.banner import has_connection_errors
from reflex_components_core.react_router.dom import ReactRouterLink

from studio.components.behaviour import ticker
from studio.components.native import native_form
from studio.components.overlays import menu, menu_item, menu_line, tooltip
from studio.components.parts import empty
from studio.state import ShellState

NAME = "Heddle"

# Only pages that exist: (key, title, address, lucide icon, the permission without which it is not there, "" for none)
RAIL = (
    ("workflows", "Workflows", "/app/workflows", "workflow", ""),
    ("runs", "Runs", "/app/runs", "list", ""),
    ("approvals", "Approvals", "/app/approvals", "user_check", ""),
    ("prompts", "Prompts", "/app/prompts", "message_square_text", "workflows:read"),
    ("events", "Events", "/app/events", "webhook", "events:read"),
    ("audit", "Audit", "/app/audit", "scroll_text", "audit:read"),
)
COUNT_MS = 30_000

Page = TypeVar("Page", bound=Callable[[], rx.Component])


def studio_page(route: str, *, title: str, on_load: Any = None) -> Callable[[Page], Page]:
    """Register a page; the signed-in person is loaded before the page's own handlers."""
    own = on_load if isinstance(on_load, list) else [on_load] if on_load else []
    loads: list[Any] = [ShellState.load, *own]
    decorate: Callable[[Page], Page] = rx.page(route=route, title=f"{title} · {NAME}", on_load=loads)
    return decorate


def page(
    *content: rx.Component,
    active: str,
    crumbs: Sequence[rx.Component | str] = (),
    beside_crumbs: Sequence[rx.Component] = (),
    center: Sequence[rx.Component] = (),
    actions: Sequence[rx.Component] = (),
    needs: str = "",
    bare: bool = False,
    flush: bool = False,
) -> rx.Component:
    """A page in its frame. `bare` leaves the top bar to the content, `flush` takes the content's padding away.

    `needs`: the permission without which the page says that it is not for this person.
    """
    content = (not_for_you(rx.fragment(*content), needs),) if needs else content
    bar = [] if bare else [top_bar(crumbs, beside_crumbs, center, actions)]
    return rx.el.div(
        rail(active),
        *bar,
        *([] if bare else [ticker(every_ms=COUNT_MS, on_tick=ShellState.count_waiting)]),
        rx.el.main(*content, class_name="main flush" if flush or bare else "main", id="main"),
        class_name="frame bare" if bare else "frame",
    )


def allowed(permission: str, component: rx.Component) -> rx.Component:
    """The component for those who hold the permission; "" for everybody."""
    return rx.cond(ShellState.may.contains(permission), component) if permission else component


def not_for_you(content: rx.Component, permission: str) -> rx.Component:
    """The content, or why there is none. Until it is known who looks, the content: it waits for its rows itself."""
    refused = empty(
        "lock",
        "This page is not for your role",
        "Somebody who administers the tenant can see it, and can give you the role for it.",
        link("Open workflows", to="/app/workflows", class_name="btn"),
    )
    return rx.cond((ShellState.role == "") | ShellState.may.contains(permission), content, refused)


def top_bar(
    crumbs: Sequence[rx.Component | str],
    beside_crumbs: Sequence[rx.Component],
    center: Sequence[rx.Component],
    actions: Sequence[rx.Component],
) -> rx.Component:
    """48 px: where you are, what you search, what you can do."""
    return rx.el.header(
        rx.el.div(breadcrumb(*crumbs), *beside_crumbs, class_name="top-side"),
        *center,
        rx.el.div(demo_mark(), *actions, class_name="top-side end"),
        class_name="top",
    )


def demo_mark() -> rx.Component:
    """Says that no real model answers, and what to do about it."""
    return rx.cond(
        ShellState.demo_model,
        tooltip(
            rx.el.span(rx.icon("flask_conical", size=12), "Demo model", class_name="chip demo", tab_index=0),
            "No model key is set, so the built-in demo model answers. "
            "Start Heddle with a provider's key, for example OPENAI_API_KEY, to use real models.",
        ),
    )


def breadcrumb(*parts: rx.Component | str) -> rx.Component:
    """The last part is where you are; it stands bold."""
    shown: list[rx.Component] = []
    for part in parts[:-1]:
        shown += [rx.el.span(part) if isinstance(part, str) else part, rx.el.i("/")]
    if parts:
        shown.append(rx.el.h1(parts[-1], class_name="clip"))
    return rx.el.nav(*shown, class_name="crumb", aria_label="Breadcrumb")


def link(*content: rx.Component | str | rx.Var[str], to: str | rx.Var[str], **props: Any) -> rx.Component:
    """A link within the studio: no page load."""
    return ReactRouterLink.create(*content, to=to, **props)


def logo() -> rx.Component:
    """Three warp threads, one of them held by the heddle's eye."""
    return rx.el.span(
        rx.el.svg(
            rx.el.path(d="M5 4v16M12 4v6M12 14v6M19 4v16"), rx.el.circle(cx="12", cy="12", r="2"), view_box="0 0 24 24"
        ),
        class_name="logo",
    )


def rail(active: str) -> rx.Component:
    """56 px: the pages, and at the foot the person."""
    return rx.el.nav(
        link(logo(), to="/app/workflows", aria_label=NAME),
        *[
            allowed(permission, rail_link(key, title, to, icon, on=key == active))
            for key, title, to, icon, permission in RAIL
        ],
        rx.el.div(class_name="grow"),
        user_menu(),
        class_name="rail",
        aria_label="Pages",
    )


def rail_link(key: str, title: str, to: str, icon: str, *, on: bool) -> rx.Component:
    here = {"aria_current": "page"} if on else {}
    return tooltip(
        link(
            rx.icon(icon, size=16),
            *([waiting_mark()] if key == "approvals" else []),
            to=to,
            class_name="rail-button on" if on else "rail-button",
            aria_label=title,
            **here,
        ),
        title,
        side="right",
    )


def waiting_mark() -> rx.Component:
    """How many questions wait for this person."""
    waiting = ShellState.waiting
    text = rx.cond(waiting > 99, "99+", waiting.to_string())
    return rx.cond(waiting > 0, rx.el.span(text, rx.el.span(" waiting", class_name="sr-only"), class_name="rail-count"))


def user_menu() -> rx.Component:
    """Who you are, the theme, what programs use, and the way out."""
    return rx.fragment(
        native_form(id="sign-out", action="/auth/sign-out", method="post", hidden=True),
        menu(
            rx.el.button(
                rx.el.span(ShellState.initials, class_name="avatar"),
                class_name="rail-button",
                aria_label="Account and theme",
                type="button",
            ),
            rx.el.div(
                rx.el.b(ShellState.name),
                rx.el.div(ShellState.email),
                rx.el.div(ShellState.tenant_name, " · ", ShellState.role),
                class_name="menu-head",
            ),
            menu_line(),
            _theme_item("Light", "light", "sun"),
            _theme_item("Dark", "dark", "moon"),
            _theme_item("As the system", "system", "monitor"),
            allowed(
                "api_keys:read",
                rx.fragment(
                    menu_line(),
                    menu_item(rx.icon("key_round", size=14), "API keys", on_select=rx.redirect("/app/api-keys")),
                ),
            ),
            menu_line(),
            menu_item(
                rx.icon("log_out", size=14),
                "Sign out",
                on_select=rx.call_script("document.getElementById('sign-out').submit()"),
            ),
            side="right",
        ),
    )


def _theme_item(title: str, mode: str, icon: str) -> rx.Component:
    return menu_item(
        rx.icon(icon, size=14),
        title,
        rx.cond(color_mode == mode, rx.icon("check", size=14, class_name="at-end")),
        on_select=set_color_mode(mode),
    )


def offline_note() -> rx.Component:
    """Shown while the websocket is down; the page rebuilds itself from the database when it is back."""
    return rx.cond(
        has_connection_errors,
        rx.el.div(
            rx.icon("wifi_off", size=15),
            "Connection lost. Trying to reach the server…",
            class_name="offline",
            role="status",
        ),
    )
