"""Every error that Heddle raises on purpose.

    AppError(public_message, code, retryable)
      DefinitionError              a workflow file that cannot be used as it stands
        YamlError, SchemaError, GraphError, NotImportable
      StepError                    one attempt of one step failed
        StepTimeout (Unanswered), InputError (InputMismatch), ExpressionError, BudgetExceeded, OutputTooLarge,
        SchemaMismatch, DefinitionMissing, RunAbandoned, SagaFailed, CompensationFailed, GuardrailBlocked, CodeFailed
      ConnectorError               the outside world refused or failed
        AuthError, RateLimited, TransientError (Unavailable), PermanentError, CircuitOpen, EgressBlocked
      AccessError                  NotFound (also another tenant's object), Forbidden, Unauthenticated, Conflict
      ConfigError                  the operator has to mend something
    ControlSignal(BaseException)   RunCancelled, LeaseLost, ShutdownRequested

Callers decide by `code` and `retryable`, never by the text. `to_dict` is what is stored and sent: plain JSON without
traceback, secret or path of the machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar


class AppError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "app_error"
    retryable: ClassVar[bool] = False

    def __init__(self, public_message: str | None = None, **details: Any) -> None:
        self.public_message = public_message or (type(self).__doc__ or self.code).strip().splitlines()[0]
        self.details = details
        super().__init__(self.public_message)

    @property
    def error_type(self) -> str:
        """The name that `on_error`, `retry.on` and `error_handling[].error_type` match against (LANGUAGE.md)."""
        return str(self.details.get("error_type", self.code))

    def to_dict(self) -> dict[str, Any]:
        """`{"code", "type", "message", "retryable", "details"?}`; the only form in which an error is stored."""
        shown = {k: v for k, v in self.details.items() if k != "error_type" and v is not None}
        out: dict[str, Any] = {
            "code": self.code,
            "type": self.error_type,
            "message": self.public_message,
            "retryable": self.retryable,
        }
        return out | ({"details": shown} if shown else {})


class DefinitionError(AppError):
    """The workflow cannot be used as it stands."""

    code = "definition_error"


class YamlError(DefinitionError):
    """The text is not YAML that Heddle accepts."""

    code = "yaml_error"


class SchemaError(DefinitionError):
    """The file does not follow the workflow language."""

    code = "schema_error"


class GraphError(DefinitionError):
    """The nodes and edges do not form a workflow that can run."""

    code = "graph_error"


class NotImportable(DefinitionError):
    """The file is not one that can be imported."""

    code = "not_importable"


class StepError(AppError):
    """The step failed."""

    code = "step_error"


class StepTimeout(StepError):
    """The step took longer than its limit."""

    code = "timeout"
    retryable = True


class Unanswered(StepTimeout):
    """Nobody answered in time. Asking once more takes as long again, so only who says so has it done."""

    retryable = False


class InputError(StepError):
    """The step was given values that it cannot use."""

    code = "validation_error"


class Unstorable(InputError):
    """A text with a NUL character, or a number out of range, cannot be looked up or stored."""


class InputMismatch(InputError):
    """The run's input is not what the workflow asks for."""

    code = "input_mismatch"

    def __init__(self, found: Sequence[str]) -> None:
        super().__init__(f"the run's input does not fit: {'; '.join(found)}", error_type=InputError.code)


class ExpressionError(StepError):
    """An expression could not be evaluated."""

    code = "expression_error"


class BudgetExceeded(StepError):
    """The run has used up its budget."""

    code = "budget_exceeded"


class OutputTooLarge(StepError):
    """The step produced more than may be stored."""

    code = "output_too_large"


class SchemaMismatch(StepError):
    """The model's answer does not follow the schema it was given."""

    code = "schema_error"
    retryable = True


class DefinitionMissing(StepError):
    """The workflow that this step calls does not exist."""

    code = "definition_missing"


class RunAbandoned(StepError):
    """The run stopped its worker again and again."""

    code = "run_abandoned"


class SagaFailed(StepError):
    """A step of the saga failed, and what was done before it is undone."""

    code = "saga_failed"


class CompensationFailed(StepError):
    """A step of the saga failed, and a person has to undo what was done before it."""

    code = "compensation_failed"


class GuardrailBlocked(StepError):
    """A guardrail stopped the text."""

    code = "guardrail_blocked"


class CodeFailed(StepError):
    """The code of the step failed."""

    code = "code_error"


class ConnectorError(AppError):
    """The outside world refused or failed."""

    code = "tool_failure"


class AuthError(ConnectorError):
    """The credential was refused."""

    code = "auth_error"


class RateLimited(ConnectorError):
    """The other side asks to slow down."""

    code = "rate_limit"
    retryable = True

    def __init__(self, public_message: str | None = None, *, retry_after_s: float | None = None, **details: Any):
        super().__init__(public_message, retry_after_s=retry_after_s, **details)
        self.retry_after_s = retry_after_s


class TransientError(ConnectorError):
    """The other side failed in a way that may pass."""

    code = "tool_failure"
    retryable = True


class Unavailable(TransientError):
    """The database does not answer. Try again in a moment."""

    code = "unavailable"
    retry_after_s: ClassVar[float] = 2.0


class PermanentError(ConnectorError):
    """The other side refused, and asking again will not help."""

    code = "tool_failure"


class ModelError(ConnectorError):
    """The model provider failed."""

    code = "agent_failure"


class CircuitOpen(ConnectorError):
    """The connector failed too often and rests for a while."""

    code = "circuit_open"
    retryable = True


class EgressBlocked(ConnectorError):
    """The address is not one that a workflow may call."""

    code = "egress_blocked"


class AccessError(AppError):
    """Not allowed."""

    code = "forbidden"


class NotFound(AccessError):
    """Not found."""

    code = "not_found"


class Forbidden(AccessError):
    """Your role does not allow this."""

    code = "forbidden"


class Unauthenticated(AccessError):
    """Sign in first."""

    code = "unauthenticated"


class Conflict(AccessError):
    """Somebody else changed this in the meantime."""

    code = "conflict"


class PublishedMeanwhile(Conflict):
    """Another version was published since somebody looked, or the name is another workflow's. Look again."""


class KeyReused(Conflict):
    """This idempotency key was used for another input."""

    code = "idempotency_key_reused"


class ConfigError(AppError):
    """The installation is not set up right."""

    code = "config_error"


class ControlSignal(BaseException):
    """Not a failure: the reason why a run loop stops. Outside Exception so that nobody swallows it."""


class RunCancelled(ControlSignal):
    """A person or a rule cancelled the run."""


class LeaseLost(ControlSignal):
    """Another worker has taken the run over; nothing more may be written."""


class ShutdownRequested(ControlSignal):
    """The process is asked to end; the run is handed over."""
