"""Parts: kernels that other kernels call, compiled to be linked into these and for nothing else.

Numba gives each function a wrapper for Python and machine code of its own, with all that it calls.
A kernel that a kernel calls needs neither: its optimised intermediate code becomes part of its
callers, and is optimised with them as it always was. With states of twenty arrays, whose wrappers
are long, this saves two fifths of the time to compile. When Python calls such a kernel, too, as
tests do, it is compiled once more as a whole.
"""

from __future__ import annotations

import functools
from typing import Any

import llvmlite.binding
from numba.core import dispatcher, sigutils
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, CompileResult, compile_result
from numba.core.compiler_lock import global_compiler_lock
from numba.core.environment import lookup_environment
from numba.core.registry import CPUDispatcher

KIND = "part"
_numba_dispatcher: Any = dispatcher


class PartLibrary(JITCodeLibrary):
    """Optimised intermediate code without machine code."""

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


class KernelDispatcher(CPUDispatcher):
    """Compiles a function as a whole when Python calls it, and as a part when a kernel does."""

    def __init__(self, py_func: Any, locals: Any = None, targetoptions: Any = None) -> None:
        super().__init__(py_func, locals, targetoptions)
        make = functools.partial(
            _numba_dispatcher._FunctionCompiler,
            py_func,
            self.targetdescr,
            self.targetoptions,
            self.locals,
        )
        self._called_by_kernel = False
        self._compilers = {False: make(Compiler), True: make(_PartCompiler)}

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """See Numba's ``Dispatcher``: a kernel calls this one, for which Numba compiles it."""
        before, self._called_by_kernel = self._called_by_kernel, True
        try:
            return super().get_call_template(args, kws)
        finally:
            self._called_by_kernel = before

    def compile_part(self, args: Any) -> Any:
        """Compile for the types of arguments, to be called by kernels."""
        with global_compiler_lock:
            found: Any = self.overloads.get(tuple(args))
            return self._compile(tuple(args), part=True) if found is None else found.entry_point

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
