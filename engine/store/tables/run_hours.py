"""What happened to runs, added up by the hour (by `heddle_roll_up`, which alone writes here)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from engine.store.tables.base import TenantRow


def _moment(*, primary_key: bool = False) -> Any:
    return Field(sa_type=sa.DateTime(timezone=True), primary_key=primary_key, nullable=False)


def _numbers(kind: Any) -> Any:
    return Field(sa_type=ARRAY(kind), nullable=False)


class RunHour(TenantRow, table=True):
    """One workflow in one hour of UTC: runs that began in it, and runs that ended in it, whenever they had begun.

    Of the succeeded ones, `class_runs[i]` took from 1.05^classes[i] microseconds to 5 % more, `class_us[i]`
    microseconds in all. `cost_usd_micros` is of all that ended. An hour in which nothing happened has no row.
    """

    __tablename__ = "run_hours"
    hour: datetime = _moment(primary_key=True)
    workflow_name: str = Field(primary_key=True)
    began: int = Field(sa_type=sa.BigInteger)
    failed: int = Field(sa_type=sa.BigInteger)
    cancelled: int = Field(sa_type=sa.BigInteger)
    cost_usd_micros: int = Field(sa_type=sa.BigInteger)
    classes: list[int] = _numbers(sa.SmallInteger)
    class_runs: list[int] = _numbers(sa.BigInteger)
    class_us: list[int] = _numbers(sa.BigInteger)


class RunHoursUntil(TenantRow, table=True):
    """The end of the last hour of a tenant that has been added up. Without a row, none has."""

    __tablename__ = "run_hours_until"
    until: datetime = _moment()
