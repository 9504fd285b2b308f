"""What an address without a page shows."""

from __future__ import annotations

import reflex as rx

from studio.components.layout import NAME, link
from studio.components.parts import empty


@rx.page(route="404", title=f"Not found · {NAME}")
def not_found_page() -> rx.Component:
    return rx.el.main(
        empty(
            "map_pin_off",
            "There is no page here",
            "The address may be mistyped, or what it named was archived.",
            link("Go to the workflows", to="/app/workflows", class_name="btn"),
            whole_page=True,
        ),
        class_name="sign-in-page",
    )
