"""/login. A native form, because only an HTTP response can set the session's cookie."""

from __future__ import annotations

import reflex as rx

from studio.auth.guard import signed_in
from studio.auth.permissions import public
from studio.auth.places import HOME
from studio.components.behaviour import kept_email, way_on
from studio.components.layout import NAME, logo
from studio.components.native import native_form
from studio.components.parts import note

REASONS = {
    "wrong": ("error", "The e-mail address or the password is not right."),
    "locked": ("error", "Too many attempts for this account. Try again in five minutes."),
    "no_tenant": ("error", "You are not a member of any tenant. Ask an admin to add you."),
    "origin": ("error", "The form came from another site. Sign in here."),
    "unavailable": ("error", "Signing in does not work right now. Try again in a moment."),
    "ended": ("info", "Your session has ended. Sign in again."),
    "signed_out": ("info", "You are signed out."),
}


class SignInState(rx.State):
    """Why the form is shown."""

    kind: str = ""
    message: str = ""

    @rx.event
    @public
    def load(self) -> rx.event.EventSpec | None:
        """Who is signed in already has no business here."""
        if signed_in():
            return rx.redirect(HOME)
        self.kind, self.message = REASONS.get(self.router.url.query_parameters.get("reason", ""), ("", ""))
        return None


def field(label: str, name: str, kind: str, autocomplete: str, *, focus: bool = False) -> rx.Component:
    return rx.el.div(
        rx.el.label(label, html_for=name, class_name="caption"),
        rx.el.div(
            rx.el.input(
                id=name,
                name=name,
                type=kind,
                auto_complete=autocomplete,
                required=True,
                auto_focus=focus,
                max_length=320,
            ),
            class_name="field big",
        ),
        class_name="stack tight",
    )


def form() -> rx.Component:
    return native_form(
        rx.el.input(type="hidden", name="next", id="next", default_value=HOME),
        field("E-mail address", "email", "email", "username", focus=True),
        field("Password", "password", "password", "current-password"),
        rx.el.button("Sign in", type="submit", class_name="btn primary big"),
        action="/auth/sign-in",
        method="post",
        class_name="stack loose",
    )


@rx.page(route="/login", title=f"Sign in · {NAME}", on_load=SignInState.load)
def sign_in_page() -> rx.Component:
    return rx.el.main(
        rx.el.div(
            rx.el.div(
                logo(),
                rx.el.h1("Sign in to Heddle"),
                rx.el.p("AI workflows that you can see, change and trust."),
                class_name="sign-in-head",
            ),
            # The place of the message is kept free, so that the form does not jump.
            rx.el.div(
                rx.match(
                    SignInState.kind,
                    ("error", note(SignInState.message, kind="error")),
                    ("info", note(SignInState.message)),
                    rx.fragment(),
                ),
                class_name="sign-in-message",
            ),
            rx.el.div(form(), kept_email(), way_on(), class_name="card sign-in-card"),
            class_name="sign-in",
        ),
        class_name="sign-in-page",
    )


@rx.page(route="/", title=NAME, on_load=rx.redirect(HOME, replace=True))
def home_page() -> rx.Component:
    """The address without a path: on to the workflows."""
    return rx.el.main(class_name="sign-in-page", aria_busy="true")
