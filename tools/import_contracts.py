"""A contract for import-linter: each third-party library is imported where it is allowed."""

from __future__ import annotations

import sys

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class ThirdPartyContract(Contract):
    """Every library that is neither the project's nor the standard one has a line that says which
    modules import it.

    Configuration options:
        - packages: The project's packages that this is about.
        - allowed:  Lines ``library: module, module``; with a module, all that are in it.
    """

    type_name = "third_party"

    packages = fields.ListField(subfield=fields.StringField())
    allowed = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Look for imports that no line allows, and for lines that allow what nobody imports."""
        packages: list[str] = self.packages  # type: ignore[assignment]
        lines: list[str] = self.allowed  # type: ignore[assignment]
        unused = {
            (library.strip(), module.strip())
            for library, _, modules in (line.partition(":") for line in lines)
            for module in modules.split(",")
        }
        allowed = set(unused)
        broken = []
        for importer in sorted(graph.modules):
            if not _is_in(importer, packages):
                continue
            for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                library = imported.partition(".")[0]
                if library in sys.stdlib_module_names or _is_in(library, packages):
                    continue
                fits = {
                    (name, at) for name, at in allowed if name == library and _is_in(importer, [at])
                }
                unused -= fits
                if not fits:
                    broken.append(f"{importer} imports {library}")
        broken += [f"no module of {module} imports {library}" for library, module in sorted(unused)]
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print what is wrong, a line each."""
        for line in check.metadata["broken"]:
            output.print_error(f"- {line}")


def _is_in(module: str, packages: list[str]) -> bool:
    return any(module == each or module.startswith(f"{each}.") for each in packages)
