"""What forms in dialogs share: which dialog is open, what is wrong with what stands in it, and how that is shown."""

from __future__ import annotations

import reflex as rx

from engine.errors import AppError
from studio.components.parts import note

THIS_PAGE = rx.Var("performance.timeOrigin", _var_type=float)  # when it was loaded: tells pages of one tab apart


class DialogForms(rx.State, mixin=True):
    """The dialogs of a page, of which one at most is open. What opens one is told THIS_PAGE by the browser.

    A dialog stays over a broken connection; in a page that was loaded anew it is closed.
    """

    opened: str = ""  # which dialog; none when empty
    page: float = 0.0  # when the page was loaded in which it was opened
    wrong: dict[str, str] = {}  # noqa: RUF012  # field -> what to mend
    attempts: int = 0  # how often what stands in a form was looked through
    fault: str = ""  # what went wrong, when it is no field's fault

    def _open_dialog(self, dialog: str, page: float) -> None:
        self.opened, self.page, self.wrong, self.fault = dialog, page, {}, ""

    def _close_dialog(self) -> None:
        self.opened, self.wrong, self.fault = "", {}, ""

    def _look_through(self) -> None:
        """What stands in the form is looked through once more: what was wrong before counts no longer."""
        self.wrong, self.fault, self.attempts = {}, "", self.attempts + 1

    def _blame(self, error: AppError, field: str) -> None:
        """Say what is wrong at the field that the error names, or at `field`."""
        self.wrong = {str(error.details.get("field", field)): error.public_message}


def is_open(forms: type[DialogForms], dialog: str) -> rx.Var[bool]:
    opened: rx.Var[bool] = (forms.opened == dialog) & (forms.page == THIS_PAGE)
    return opened


def wrong_with(forms: type[DialogForms], field: str) -> rx.Var[str]:
    """What to mend about a field, or nothing."""
    found: rx.Var[str] = rx.cond(forms.wrong.contains(field), forms.wrong[field], "")
    return found


def problem(forms: type[DialogForms]) -> rx.Component:
    """What went wrong, when it is no field's fault; it stands above the buttons at the foot."""
    return rx.cond(forms.fault != "", note(forms.fault, kind="error"))
