# SPDX-License-Identifier: Apache-2.0
"""Functions of the registry, and user-defined ones: `@pxt.udf`."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

from intarsia import _async_calls, _native, _udf_calls
from intarsia.exceptions import ErrorCode, RequestError, invalid_argument
from intarsia.exprs import Expr, add_udf_method, call
from intarsia.types import ColumnType, annotation_type


class _BatchOf:
    def __init__(self, item: Any) -> None:
        self.item = item


if TYPE_CHECKING:
    import inspect

    Batch = list
else:

    class Batch:
        """`Batch[T]`: the parameter or result of a batched UDF, a list with one T for each row."""

        def __class_getitem__(cls, item: Any) -> _BatchOf:
            return _BatchOf(item)


class Function:
    """A function that makes expressions: `pxt.functions.string.upper(t.name)`."""

    def __init__(
        self,
        name: str,
        py_fn: Callable[..., Any] | None = None,
        policy: _async_calls.CallPolicy | None = None,
    ) -> None:
        self._name = name
        self.py_fn = py_fn
        self._policy = policy
        if py_fn is not None:
            self.__module__ = py_fn.__module__
            self.__wrapped__ = py_fn

    @property
    def name(self) -> str:
        return self._name.removeprefix('py:').rpartition('.')[2]

    @property
    def self_path(self) -> str:
        """Name in the registry."""
        return self._name

    @property
    def info(self) -> _native.FunctionInfo:
        info = _native.find_function(self._name)
        if info is None:
            raise RequestError(ErrorCode.INVALID_STATE, f'function {self._name!r} is gone from the registry')
        return info

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._name,)

    def __call__(self, *args: Any, **kwargs: Any) -> Expr:
        _finish_fingerprints()
        return call(self._name, *args, **kwargs)

    def resource_pool(self, fn: Callable[..., str | None]) -> Callable[..., str | None]:
        """Decorator of what names the pool of a call: it takes some of the function's parameters, by their names."""
        self._async_policy('resource_pool').resource_pool = fn
        return fn

    def resource_estimator(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Decorator of what estimates the tokens of a call, as a number or `{'requests': 1, 'tokens': 300}`: it takes
        some of the function's parameters, by their names."""
        self._async_policy('resource_estimator').tokens = fn
        return fn

    def _async_policy(self, what: str) -> _async_calls.CallPolicy:
        if self._policy is None:
            raise invalid_argument(f"{what}: '{self.name}' is no async UDF of this process")
        return self._policy

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        return f'{self.info.doc}\n\nExample: {self.info.example}' if self.info.example else self.info.doc

    @property
    def __signature__(self) -> inspect.Signature:
        import inspect

        parameters = []
        for name, type_, has_default, default, keyword_only in self.info.parameters:
            kind = inspect.Parameter.KEYWORD_ONLY if keyword_only else inspect.Parameter.POSITIONAL_OR_KEYWORD
            value = default if has_default else inspect.Parameter.empty
            parameters.append(inspect.Parameter(name, kind, default=value, annotation=str(type_)))
        return inspect.Signature(parameters, return_annotation=str(self.info.return_type))

    def __repr__(self) -> str:
        return f'<function {self._name}{self.__signature__}>'


class _Signature:
    """What a Python function's code and annotations say, without `inspect`, which is slow to import."""

    def __init__(self, fn: Callable[..., Any], first: ColumnType | None, result: ColumnType | None) -> None:
        self.fn = fn
        code = fn.__code__
        if code.co_flags & 0x0C:  # *args, **kwargs
            raise self.error('takes *args or **kwargs; its parameters must be named')
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        values = fn.__defaults__ or ()
        defaults = dict(zip(names[code.co_argcount - len(values) : code.co_argcount], values, strict=True))
        defaults.update(fn.__kwdefaults__ or {})
        self.in_lists: list[bool] = []
        self.parameters: list[tuple[str, ColumnType, bool, Any, bool]] = []
        for i, name in enumerate(names):
            type_ = first if first is not None and i == 0 else self.type_of(name)
            if type_ is None:
                raise self.error(f"has no type for parameter '{name}', or one that no column has")
            self.parameters.append((name, type_, name in defaults, defaults.get(name), i >= code.co_argcount))
        self.returns_list = False
        self.result = result or self.result_type()

    def error(self, what: str) -> RequestError:
        return invalid_argument(f"UDF '{self.fn.__name__}' {what}; annotate it: def f(x: int, y: str | None) -> float")

    def annotation(self, name: str) -> Any:
        annotation = self.fn.__annotations__.get(name)
        if not isinstance(annotation, str):
            return annotation
        cells = zip(self.fn.__code__.co_freevars, self.fn.__closure__ or (), strict=True)
        try:
            return eval(annotation, self.fn.__globals__, {name: cell.cell_contents for name, cell in cells})
        except Exception as failure:
            raise self.error(f"has an annotation that cannot be evaluated, '{annotation}' ({failure})") from failure

    def type_of(self, name: str) -> ColumnType | None:
        annotation = self.annotation(name)
        self.in_lists.append(isinstance(annotation, _BatchOf))
        return annotation_type(annotation.item if self.in_lists[-1] else annotation)

    def result_type(self) -> ColumnType:
        annotation = self.annotation('return')
        self.returns_list = isinstance(annotation, _BatchOf)
        result = annotation_type(annotation.item if self.returns_list else annotation)
        if result is None:
            raise self.error('has no result type, or one that no column has')
        return result


def _register(
    fn: Callable[..., Any],
    name: str,
    signature: _Signature,
    batch_size: int | None = None,
    is_method: bool = False,
    is_property: bool = False,
    is_deterministic: bool = True,
    cheap: bool = False,
    resource_pool: str | None = None,
    tokens: float | Callable[..., Any] | None = None,
    retry_seconds: float | None = None,
    processes: int | None = None,
) -> Function:
    batched = batch_size is not None
    if batched != any(signature.in_lists) or batched != signature.returns_list:
        raise signature.error(
            'needs batch_size=, and Batch[...] for its list parameters and its result, or none of them'
        )
    if batch_size is not None and (not isinstance(batch_size, int) or batch_size < 1):
        raise invalid_argument(f"UDF '{fn.__name__}': batch_size is a positive number, got {batch_size!r}")
    is_async = bool(fn.__code__.co_flags & 0x80)
    if not is_async and any(given is not None for given in (resource_pool, tokens, retry_seconds)):
        raise signature.error('is not async: only calls of `async def` have resource_pool=, tokens= and retry_seconds=')
    if processes is not None and (is_async or not isinstance(processes, int) or processes < 0):
        raise signature.error(
            f'has processes={processes!r}: a number of worker processes, 0 for one per core, and not for `async def`'
        )
    policy = None
    called: Callable[..., Any] = fn
    keyword_only = [p[0] for p in signature.parameters if p[4]]
    if processes is not None:
        called = functools.partial(_fly_in_processes, fn, processes, keyword_only)
    if is_async:
        names = [p[0] for p in signature.parameters]
        seconds = None if retry_seconds is None else float(retry_seconds)
        policy = _async_calls.CallPolicy(fn.__name__, name, names, resource_pool, tokens, seconds)
        called = functools.partial(_async_calls.AsyncFlight, fn, policy, keyword_only)
    _native.register_udf(
        name,
        signature.parameters,
        signature.result,
        called,
        is_async or processes is not None,
        batched,
        batch_size or 1,
        signature.in_lists,
        is_method,
        is_property,
        fn.__doc__ or '',
        _udf_calls.fingerprint(fn),
        is_deterministic,
        cheap,
    )
    _unfinished[name] = fn
    if is_method or is_property:
        add_udf_method(signature.parameters[0][1].kind, fn.__name__, name)
    return Function(name, fn, policy)


_worker_functions: dict[Any, Any] = {}


def _fly_in_processes(fn: Callable[..., Any], processes: int, keyword_only: list[str]) -> Any:
    from intarsia._worker_processes import WorkerFunction

    if fn not in _worker_functions:
        _worker_functions[fn] = WorkerFunction(fn, processes, keyword_only)
    return _worker_functions[fn].flight()


# UDFs whose fingerprint was taken when their module was not there as a whole.
_unfinished: dict[str, Callable[..., Any]] = {}


def _finish_fingerprints() -> None:
    while _unfinished:
        name, fn = _unfinished.popitem()
        _native.set_fingerprint(name, _udf_calls.fingerprint(fn))


@overload
def udf(fn: Callable[..., Any], /) -> Function: ...
@overload
def udf(
    *,
    batch_size: int | None = None,
    is_method: bool = False,
    is_property: bool = False,
    is_deterministic: bool = True,
    cheap: bool = False,
    resource_pool: str | None = None,
    tokens: float | Callable[..., Any] | None = None,
    retry_seconds: float | None = None,
    processes: int | None = None,
) -> Callable[[Callable[..., Any]], Function]: ...
def udf(
    fn: Callable[..., Any] | None = None,
    /,
    *,
    batch_size: int | None = None,
    is_method: bool = False,
    is_property: bool = False,
    is_deterministic: bool = True,
    cheap: bool = False,
    resource_pool: str | None = None,
    tokens: float | Callable[..., Any] | None = None,
    retry_seconds: float | None = None,
    processes: int | None = None,
) -> Function | Callable[[Callable[..., Any]], Function]:
    """Makes a Python function usable in expressions: `@pxt.udf`, or `@pxt.udf(batch_size=32)` with Batch[...] types.

    Types come from the annotations. Plain functions are called row by row, batched ones with lists, async ones with
    many calls in flight. A stored column finds its function by module and name: one that is defined in a module that
    other processes can import works there too.

    What a call that takes time returned is kept, and used wherever the same function is called with the same arguments
    again: after a crash, an abort, in another column. `is_deterministic=False`: every call is made. `cheap=True`: also
    of a slow call nothing is kept.

    Calls of an async function that its service refuses (429) are repeated for `retry_seconds`
    (600 by default). Those of one `resource_pool` keep together to the limits of `set_rate_limit(pool, ...)`, in all
    processes of the instance; `tokens`: what a call takes of them, a number or a function of some of the parameters.

    `processes=4`: calls run in so many worker processes (0: one per core), since one process runs Python code on one
    core. They import the function's module; one of `__main__` or a notebook is sent if cloudpickle is installed.
    """

    def decorate(fn: Callable[..., Any]) -> Function:
        if not hasattr(fn, '__code__'):
            raise invalid_argument(f'@udf takes a Python function, got {fn!r}')
        if (is_method or is_property) and not fn.__code__.co_argcount:
            raise invalid_argument(f"UDF '{fn.__name__}': a method or property has a parameter for its value")
        name = f'py:{fn.__module__}.{fn.__qualname__}'
        signature = _Signature(fn, None, None)
        return _register(
            fn,
            name,
            signature,
            batch_size,
            is_method,
            is_property,
            is_deterministic,
            cheap,
            resource_pool,
            tokens,
            retry_seconds,
            processes,
        )

    return decorate if fn is None else decorate(fn)


def udf_of_apply(fn: Callable[..., Any], argument: ColumnType, result: ColumnType | None) -> Function:
    """The UDF of `expr.apply(fn)`: named after its code, so that the same lambda is the same function."""
    if not hasattr(fn, '__code__'):  # str, len, ...
        inner, builtin = fn, getattr(fn, '__name__', 'function')

        def fn(value: Any) -> Any:
            return inner(value)

        fn.__qualname__ = fn.__name__ = builtin
        fn.__module__ = '__main__'
        if result is None:
            result = annotation_type(inner)
    if result is None and 'return' not in fn.__annotations__:
        raise invalid_argument(f'apply(): column type of {fn.__name__}() is not known; give col_type=')
    signature = _Signature(fn, argument, result)
    if len(signature.parameters) - sum(p[2] for p in signature.parameters) != 1:
        raise invalid_argument(f'apply() calls a function with one argument; {fn.__name__}() takes another number')
    name = f'py:{fn.__module__}.{fn.__qualname__}-{_udf_calls.fingerprint(fn)[:12]}'
    signature.in_lists = [False] * len(signature.parameters)
    return _register(fn, name, signature)


def _restored(name: str) -> Function:
    """A function that comes from another process: of a UDF, what its module defines."""
    if _native.find_function(name) is None:
        raise RequestError(ErrorCode.INVALID_STATE, f'function {name!r} is not there: make its module importable')
    return Function(name)


def _load(name: str) -> None:
    """Imports the module that a function's name begins with; its @udf registers the function."""
    if not name.startswith('py:'):
        return
    parts = name.removeprefix('py:').split('.')
    for n in range(len(parts) - 1, 0, -1):
        module = '.'.join(parts[:n])
        if module == '__main__' or module in sys.modules:
            return
        if _udf_calls.import_module(module, name):
            _finish_fingerprints()
            return


_native.set_function_loader(_load)
