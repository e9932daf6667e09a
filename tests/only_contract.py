"""A contract for import-linter that says what modules *may* import, and forbids the rest.

A list of what is forbidden lets in whatever nobody thought of; purity needs the other list. Names are matched
segment by segment, `*` standing for any one segment; a name stands for the module and all below it.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OnlyContract(Contract):
    """`source_modules` may import `allowed_modules`, and what is below the same first `own_depth` names.

    - `except_modules`: not held to it (optional)
    - `private_modules`: not to be imported, though they are among one's own (optional)
    - `any_external`: whether modules outside the project are free (optional, no by default)
    """

    type_name = "only"

    source_modules: Any = fields.ListField(subfield=fields.StringField())
    allowed_modules: Any = fields.ListField(subfield=fields.StringField())
    except_modules: Any = fields.ListField(subfield=fields.StringField(), required=False, default=[])
    private_modules: Any = fields.ListField(subfield=fields.StringField(), required=False, default=[])
    own_depth: Any = fields.IntegerField(required=False, default=0)
    any_external: Any = fields.BooleanField(required=False, default=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Whether every direct import is allowed; the others are what `render_broken_contract` lists."""
        ours = {module for module in graph.modules if not graph.is_module_squashed(module)}
        held = {m for m in ours if _among(m, self.source_modules) and not _among(m, self.except_modules)}
        output.verbose_print(verbose, f"{len(held)} modules are held to it")
        wrong = [
            f"{importer} imports {imported} (line {_line(graph, importer, imported)})"
            for importer in sorted(held)
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if not self._may(importer, imported, imported in ours)
        ]
        if not held:
            wrong.append(f"no module is named {', '.join(map(str, self.source_modules))}")
        return ContractCheck(kept=not wrong, metadata={"wrong": wrong})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """One line for each import that is not allowed."""
        for line in check.metadata["wrong"]:
            output.print_error(line)

    def _may(self, importer: str, imported: str, ours: bool) -> bool:
        if _among(imported, self.private_modules):
            return False
        own = importer.split(".")[: self.own_depth]
        if own and imported.split(".")[: self.own_depth] == own:
            return True
        return (self.any_external and not ours) or _among(imported, self.allowed_modules)


def _among(module: str, names: Iterable[Any]) -> bool:
    """Whether `module` is one of these or below one of them."""
    parts = module.split(".")
    for name in names:
        wanted = str(name).split(".")
        if len(wanted) <= len(parts) and all(map(fnmatchcase, parts, wanted)):
            return True
    return False


def _line(graph: ImportGraph, importer: str, imported: str) -> int:
    details = graph.get_import_details(importer=importer, imported=imported)
    return min(detail["line_number"] for detail in details)
