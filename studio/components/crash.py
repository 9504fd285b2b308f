"""When a page breaks in the browser: it says so, in the studio's own look, and offers a way on.

Two things can break: what a page draws, which its error boundary catches (the server's log gets the details), and the
files of the build. A tab that was open while Heddle was upgraded asks for files that are gone; then the page is loaded
again, once, and takes the new ones.
"""

from __future__ import annotations

import reflex as rx
from reflex.event import noop
from reflex_components_core.base.error_boundary import ErrorBoundary

from studio.components.parts import empty

_DETAILS = rx.Var("event_args.error.name + ': ' + event_args.error.message + '\\n' + event_args.error.stack")
_RELOAD = rx.Var("() => location.reload()")  # of the browser alone: whatever broke, this works

# Loads the page again when one of its files is gone; where that did not help within ten seconds, it says so.
RELOAD_WHEN_A_FILE_IS_GONE = """
addEventListener("vite:preloadError", (event) => {
  let last = 0;
  try {
    last = Number(sessionStorage.getItem("heddle-reloaded"));
    sessionStorage.setItem("heddle-reloaded", Date.now());
  } catch {
    last = Date.now(); // a browser that keeps nothing would load the page again and again
  }
  if (Date.now() - last > 10_000) {
    event.preventDefault();
    location.reload();
  } else if (!document.getElementById("heddle-gone")) {
    const note = document.createElement("div");
    Object.assign(note, { id: "heddle-gone", className: "offline", role: "alert" });
    const again = Object.assign(document.createElement("a"), { href: location.href, textContent: "Try again" });
    note.append("A part of this page could not be loaded. ", again);
    document.body.append(note);
  }
});
"""


def crash_boundary(*, stateful: bool) -> rx.Component:
    """Around every page. `stateful` pages tell the server what broke."""
    told = {} if stateful else {"on_error": noop()}
    return ErrorBoundary.create(fallback_render=rx.Var.create(_crashed()), **told)


def _crashed() -> rx.Component:
    return rx.el.main(
        empty(
            "cloud_alert",
            "This page stopped working",
            "It is a fault in Heddle, not in what you did. What was saved is safe.",
            rx.el.div(
                rx.el.button("Load the page again", class_name="btn primary", custom_attrs={"onClick": _RELOAD}),
                rx.el.a("Go to the workflows", href="/app/workflows", class_name="btn"),
                class_name="row",
            ),
            rx.el.details(
                rx.el.summary("What broke"),
                rx.el.pre(_DETAILS, class_name="json framed", tab_index=0),
                class_name="crash-details",
            ),
            whole_page=True,
        ),
        class_name="sign-in-page",
        role="alert",
    )
