# SPDX-License-Identifier: Apache-2.0
"""The errors that a user meets. Each has an `error_code`; the code's thousands decide the class."""

from __future__ import annotations

import enum
from typing import Any


class ErrorCode(enum.Enum):
    """What went wrong, by number."""

    INTERNAL_ERROR = 0
    GENERIC_USER_ERROR = 1
    COLUMN_NOT_FOUND = 1000
    PATH_NOT_FOUND = 1001
    TABLE_NOT_FOUND = 1002
    DIRECTORY_NOT_FOUND = 1003
    INDEX_NOT_FOUND = 1004
    FUNCTION_NOT_FOUND = 1005
    ROW_NOT_FOUND = 1006
    COLUMN_ALREADY_EXISTS = 2000
    PATH_ALREADY_EXISTS = 2001
    INDEX_ALREADY_EXISTS = 2002
    FUNCTION_ALREADY_EXISTS = 2003
    INVALID_COLUMN_NAME = 3000
    INVALID_PATH = 3001
    INVALID_EXPRESSION = 3002
    INVALID_TYPE = 3003
    INVALID_SCHEMA = 3004
    INVALID_ARGUMENT = 3005
    INVALID_DATA_FORMAT = 3006
    MISSING_REQUIRED = 3007
    TYPE_MISMATCH = 3008
    CONSTRAINT_VIOLATION = 3009
    UNSUPPORTED_OPERATION = 3010
    INVALID_STATE = 3011
    INVALID_CONFIGURATION = 3013
    INSUFFICIENT_PRIVILEGES = 4000
    MISSING_CREDENTIALS = 4001
    PROVIDER_ERROR = 5000
    RATE_LIMITED = 5001
    DATABASE_UNAVAILABLE = 6000
    STORE_UNAVAILABLE = 6001
    SERIALIZATION_FAILURE = 7000
    CONCURRENT_MODIFICATION = 7001

    @property
    def is_retryable(self) -> bool:
        """The same call may succeed later."""
        return self.value >= 5000

    @property
    def http_status(self) -> int:
        return _HTTP_STATUS.get(self.value, _HTTP_STATUS_OF_CLASS[self.value // 1000])


_HTTP_STATUS_OF_CLASS = {0: 500, 1: 404, 2: 409, 3: 422, 4: 403, 5: 502, 6: 503, 7: 409}
_HTTP_STATUS = {1: 400, 3010: 400, 3011: 400, 5001: 429}


class Error(Exception):
    """Base of all errors of the engine: `error_code`, `message`, and `detail` for a log."""

    def __init__(
        self, error_code: ErrorCode, message: str = '', *, detail: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.error_code = error_code
        self.detail = detail
        self.retry_after = retry_after

    @property
    def message(self) -> str:
        return str(self.args[0])

    @property
    def http_status(self) -> int:
        return self.error_code.http_status

    @property
    def is_retryable(self) -> bool:
        return self.error_code.is_retryable

    def to_dict(self, with_detail: bool = False) -> dict[str, Any]:
        """For an answer in JSON."""
        fields = {'error_code': self.error_code.name, 'message': self.message, 'retryable': self.is_retryable}
        return {**fields, 'detail': self.detail} if with_detail and self.detail else fields

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (type(self), self.error_code, self.message, self.detail)


def _revive(kind: type[Error], code: ErrorCode, message: str, detail: str | None) -> Error:
    return kind(code, message, detail=detail)


class InternalError(Error):
    """A bug of ours."""


class UserError(Error):
    """A user's mistake that has no class of its own."""


class NotFoundError(Error):
    """A column, path, table, directory, function or row is not there."""


class AlreadyExistsError(Error):
    """A name is taken."""


class RequestError(Error):
    """What was asked for cannot be done, or not like this."""


class AuthorizationError(Error):
    """Credentials are missing or do not suffice."""


class ExternalServiceError(Error):
    """A service that the engine called failed."""


class ServiceUnavailableError(Error):
    """The database or a store cannot be reached."""


class ConcurrencyError(Error):
    """Another process changed the same thing."""


_CLASSES: dict[int, type[Error]] = {
    1: NotFoundError,
    2: AlreadyExistsError,
    3: RequestError,
    4: AuthorizationError,
    5: ExternalServiceError,
    6: ServiceUnavailableError,
    7: ConcurrencyError,
}


def _error_from_engine(code: int, message: str, detail: str = '') -> Error:
    error_code = ErrorCode(code)
    kind = _CLASSES.get(code // 1000) or (UserError if code else InternalError)
    return kind(error_code, message, detail=detail or None)


def unsupported(message: str) -> RequestError:
    """What this version cannot do."""
    return RequestError(ErrorCode.UNSUPPORTED_OPERATION, message)


def invalid_argument(message: str) -> RequestError:
    return RequestError(ErrorCode.INVALID_ARGUMENT, message)


def refuse_arguments(call: str, **arguments: object) -> None:
    """Arguments that the peer's interface has and this version does not: an error when one is given."""
    for name, value in arguments.items():
        if value is not None and value is not False and value != '':
            raise unsupported(f'{call}: {name}= is not supported yet')
