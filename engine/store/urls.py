"""Database addresses of the two login roles.

The owner's address is what the operator gives (`DATABASE_URL`) or the embedded server makes; it is used for
migrations only. Everything else connects as the app role, whose password is derived from the installation's secret,
so that no second secret has to be kept.
"""

from __future__ import annotations

import hashlib
import hmac

from sqlalchemy.engine import make_url

APP_ROLE = "heddle_app"
SYSTEM_ROLE = "heddle_system"


def app_password(secret: str) -> str:
    """Password of the app role: HMAC-SHA256 of a fixed label under the installation's secret, in hex."""
    return hmac.new(secret.encode(), b"database role heddle_app", hashlib.sha256).hexdigest()


def app_url(owner_url: str, secret: str) -> str:
    """The owner's address with the app role's name and password in it."""
    url = make_url(owner_url).set(username=APP_ROLE, password=app_password(secret))
    return url.render_as_string(hide_password=False)


def sqlalchemy_url(url: str) -> str:
    """The address with the psycopg driver named, as SQLAlchemy wants it."""
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def libpq_url(url: str) -> str:
    """The address without a driver name, as psycopg itself wants it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
