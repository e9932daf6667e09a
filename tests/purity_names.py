"""What the names of a Python file stand for, as far as its syntax tells: for tests.purity."""

import ast
from collections.abc import Iterable, Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_NAMED = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.MatchAs | ast.MatchStar | ast.ExceptHandler
SETS = frozenset({"set", "frozenset", "Set", "AbstractSet", "MutableSet", "FrozenSet"})


class Names:
    """The names that each scope of a file binds, and what encloses what."""

    def __init__(self, tree: ast.Module) -> None:
        self._parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        self._bound: dict[ast.AST, set[str]] = {tree: set()}
        self._tree = tree
        for node in ast.walk(tree):
            for name in _bound_by(node):
                self._bound.setdefault(self._scope(node), set()).add(name)

    def parent(self, node: ast.AST) -> ast.AST | None:
        """What directly encloses `node`."""
        return self._parents.get(node)

    def function(self, node: ast.AST) -> Function | None:
        """The innermost function around `node`."""
        above = self._parents.get(node)
        while above is not None and not isinstance(above, Function):
            above = self._parents.get(above)
        return above

    def functions(self, node: ast.AST) -> Iterator[Function]:
        """The functions around `node`, from within."""
        around = self.function(node)
        while around is not None:
            yield around
            around = self.function(around)

    def is_builtin(self, name: ast.Name) -> bool:
        """Whether a name that is read means Python's own."""
        scopes = (*self.functions(name), self._tree)
        return isinstance(name.ctx, ast.Load) and not any(name.id in self._bound.get(s, ()) for s in scopes)

    def is_of_the_module(self, name: ast.Name) -> bool:
        """Whether a name used in a function is bound by the module, by assignment, import or definition."""
        if any(name.id in self._bound.get(scope, ()) for scope in self.functions(name)):
            return False
        return name.id in self._bound[self._tree]

    def scope_of(self, name: ast.Name) -> ast.AST:
        """The function that binds a name, else the module."""
        return next((s for s in self.functions(name) if name.id in self._bound.get(s, ())), self._tree)

    def _scope(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.arg):
            return self.function(node) or self._tree
        around = self._parents.get(node)
        while around is not None and not isinstance(around, Function | ast.ClassDef):
            around = self._parents.get(around)
        return around or self._tree


def _bound_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
        yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
    elif isinstance(node, _NAMED) and node.name is not None:
        yield node.name


def is_set_annotation(annotation: ast.expr | None) -> bool:
    """Whether an annotation says that the value is a set."""
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    if isinstance(annotation, ast.Attribute):
        return annotation.attr in SETS
    return isinstance(annotation, ast.Name) and annotation.id in SETS


def names_of_sets(trees: Iterable[ast.Module]) -> frozenset[str]:
    """The attributes and functions that are sets wherever these files annotate them: `.name` and `name()`."""
    sets: set[str] = set()
    others: set[str] = set()
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                for field in node.body:
                    if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                        (sets if is_set_annotation(field.annotation) else others).add(f".{field.target.id}")
                    if isinstance(field, ast.FunctionDef) and _is_property(field):
                        (sets if is_set_annotation(field.returns) else others).add(f".{field.name}")
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                (sets if is_set_annotation(node.returns) else others).add(f"{node.name}()")
    return frozenset(sets - others)


def _is_property(function: ast.FunctionDef) -> bool:
    return any(ast.unparse(decorator).endswith("property") for decorator in function.decorator_list)
