"""What the database's errors mean, and what callers are told of them."""

from __future__ import annotations

import psycopg

from engine.errors import AppError, TransientError, Unavailable, Unstorable

_PROGRAM_LIMIT = "54"  # the class of SQLSTATE

# What a lost, refused or hanging connection raises (a deadlock is one, too: psycopg counts it as operational).
LOST_CONNECTION = (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError, OSError)


def is_lost(error: BaseException) -> bool:
    """Whether the same may work over a new connection."""
    return isinstance(error, LOST_CONNECTION) and not _is_too_much(error)


def as_ours(error: BaseException) -> AppError:
    """The error of ours that says the same, without the database's text (it may hold data)."""
    if isinstance(error, psycopg.DataError) or _is_too_much(error):
        ours: AppError = Unstorable()
    elif is_lost(error):
        ours = Unavailable()
    else:
        ours = TransientError("The database refuses the data.")
    ours.__cause__ = error
    return ours


def _is_too_much(error: BaseException) -> bool:
    """What is too long for an index, or nested too deeply, is refused for good, though psycopg counts it among the
    operational errors."""
    return isinstance(error, psycopg.Error) and (error.sqlstate or "").startswith(_PROGRAM_LIMIT)
