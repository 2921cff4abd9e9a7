"""Parts: kernels that other kernels call, compiled to be linked into these and for nothing else.

Numba gives each function a wrapper for Python and machine code of its own, with all that it calls,
optimised over and over from the bottom of the calls to their top. A kernel that a kernel calls
needs none of this: its intermediate code, simplified, becomes part of its callers, and is inlined
and optimised once, in what Python calls. With states of twenty arrays, whose wrappers are long,
this saves half of the time to compile. When Python calls such a kernel, too, as tests do, it is
compiled once more as a whole.

A part is compiled for whole numbers of 64 bits and for truth values, whether its callers have these
or a constant or 32 bits: the code is the same, and the values are, as Numba computes with 64 bits.
"""

from __future__ import annotations

import contextlib
import functools
import gc
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import llvmlite.binding
from numba import types
from numba.core import dispatcher, sigutils
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, CompileResult, Flags, compile_result
from numba.core.compiler_lock import global_compiler_lock
from numba.core.environment import lookup_environment
from numba.core.registry import CPUDispatcher

KIND = "part"
_numba_dispatcher: Any = dispatcher


def passed_types(given: Iterable[Any]) -> tuple[Any, ...]:
    """The types that a part is compiled for when a kernel calls it with arguments of given types.

    Examples
    --------
    >>> passed_types([types.int32, types.literal(7), types.literal(True), types.uint8])
    (int64, int64, bool, uint8)
    """
    plain = [types.unliteral(each) for each in given]
    return tuple(types.int64 if each == types.int32 else each for each in plain)


class PartLibrary(JITCodeLibrary):
    """Intermediate code of simplified functions, without machine code."""

    def _optimize_final_module(self) -> None:
        """Nothing: what Python calls is optimised with its parts."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True

    @property
    def codegen(self) -> Any:
        """Nothing to set an environment in: that is done where the part is linked into."""
        return _NoMachineCode

    def get_pointer_to_function(self, name: str) -> int:
        """There is none."""
        return 0

    def serialize_using_object_code(self) -> tuple[str, str, bytes]:
        """What is kept of the part."""
        return self.name, KIND, self._get_module_for_linking().as_bitcode()


class _NoMachineCode:
    @staticmethod
    def set_env(name: str, environment: Any) -> None:
        """See Numba's ``CPUCodegen``."""


class KernelFlags(Flags):
    """Numba's flags, which are compared for every call that is typed: this way in a tenth of the
    time."""

    __slots__ = ()
    _defaults: ClassVar = {name: option.default for name, option in Flags.options.items()}
    _hash = hash(Flags())  # flags of all values have the same

    def values(self) -> dict[str, Any]:
        """All flags with their values."""
        given: Any = self
        return self._defaults | given._values

    def __hash__(self) -> int:
        return self._hash


class _FunctionCompiler(_numba_dispatcher._FunctionCompiler):
    def _customize_flags(self, flags: Flags) -> Flags:
        return KernelFlags(flags)


class _PartCompiler(Compiler):
    def compile_extra(self, function: Any) -> CompileResult:
        state: Any = self.state
        state.flags.no_cpython_wrapper = True
        state.library = PartLibrary(state.targetctx.codegen(), function.__qualname__)
        return super().compile_extra(function)


def is_part(result: CompileResult) -> bool:
    """Whether a result can be linked into others only."""
    found: Any = result
    return isinstance(found.library, PartLibrary)


def rebuild(target_context: Any, payload: tuple) -> CompileResult:
    """What was compiled, from what ``CompileResult._reduce`` had made of it."""
    (name, kind, code), *rest = payload
    if kind != KIND:
        whole: Any = CompileResult._rebuild
        return whole(target_context, *payload)
    function, environment, signature, objectmode, lifted, annotation, reload_init, referenced = rest
    library = PartLibrary(target_context.codegen(), name)
    library._final_module = llvmlite.binding.parse_bitcode(code)
    library._finalize_final_module()
    return compile_result(
        target_context=target_context,
        typing_context=target_context.typing_context,
        library=library,
        environment=environment,
        entry_point=target_context.get_executable(library, function, environment),
        fndesc=function,
        type_annotation=annotation,
        signature=signature,
        objectmode=objectmode,
        lifted=lifted,
        reload_init=reload_init,
        referenced_envs=referenced,
    )


@contextlib.contextmanager
def _rarely_collected() -> Iterator[None]:
    """Have Python look for circles of garbage rarely: the compiler makes millions of objects, and
    to go through all that are alive takes a tenth of the time."""
    before = gc.get_threshold()
    if before[0] > 0:
        gc.set_threshold(max(before[0], 50_000), max(before[1], 20), max(before[2], 100))
    try:
        yield
    finally:
        gc.set_threshold(*before)


class KernelDispatcher(CPUDispatcher):
    """Compiles a function as a whole when Python calls it, and as a part when a kernel does."""

    def __init__(self, py_func: Any, locals: Any = None, targetoptions: Any = None) -> None:
        super().__init__(py_func, locals or {}, targetoptions)  # Numba 0.61 knows no None
        make = functools.partial(
            _FunctionCompiler,
            py_func,
            self.targetdescr,
            self.targetoptions,
            self.locals,
        )
        self._called_by_kernel = False
        self._compilers = {False: make(Compiler), True: make(_PartCompiler)}

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """See Numba's ``Dispatcher``: a kernel calls this one, for which Numba compiles it."""
        this: Any = self
        before, self._called_by_kernel = self._called_by_kernel, True
        try:
            _, given = this._compiler.fold_argument_types(args, kws)
            return super().get_call_template(passed_types(given), {})
        finally:
            self._called_by_kernel = before

    def compile_part(self, args: Any) -> Any:
        """Compile for the types of arguments, to be called by kernels."""
        passed = passed_types(args)
        with global_compiler_lock:
            found: Any = self.overloads.get(passed)
            return self._compile(passed, part=True) if found is None else found.entry_point

    def compile(self, sig: Any) -> Any:
        """Compile for the types of arguments, to be called by Python; the compiled function."""
        with global_compiler_lock:
            args, _ = sigutils.normalize_signature(sig)
            if self._called_by_kernel:
                return self.compile_part(args)
            if tuple(args) in self.overloads and is_part(self.overloads[tuple(args)]):
                del self.overloads[tuple(args)]
            return self._compile(sig, part=False)

    def _compile(self, sig: Any, part: bool) -> Any:
        this: Any = self
        before = this._compiler, this._cache.wants_part, self._called_by_kernel
        this._compiler, this._cache.wants_part = self._compilers[part], part
        self._called_by_kernel = False
        try:
            with _rarely_collected():
                return super().compile(sig)
        finally:
            this._compiler, this._cache.wants_part, self._called_by_kernel = before

    def add_overload(self, cres: Any) -> None:
        """See Numba's ``Dispatcher``: Python never calls a part."""
        if is_part(cres):
            self.overloads[tuple(cres.signature.args)] = cres
            return
        for environment in _environments(cres):
            cres.codegen.set_env(environment.env_name, environment)
        super().add_overload(cres)


def _environments(result: Any) -> list[Any]:
    """The environments of a kernel's parts, which its machine code has places for."""
    names = [each.name for each in result.library._final_module.global_variables]
    found = [lookup_environment(each) for each in names if each.startswith("_ZN08NumbaEnv")]
    return [each for each in found if each is not None]
