"""Where a program takes its order from a set, which differs from run to run: for tests.purity."""

import ast
from collections.abc import Iterator

from tests.purity_names import Names, is_set_annotation

# In these the order of what goes in does not show in what comes out.
INSENSITIVE = frozenset({"all", "any", "frozenset", "len", "max", "min", "set", "sorted", "sum"})
LAZY = frozenset({"enumerate", "filter", "iter", "map", "reversed", "zip"})
SENSITIVE = LAZY | {"dict", "fromkeys", "join", "list", "next", "tuple"}
OF_SETS = frozenset({"copy", "difference", "intersection", "symmetric_difference", "union"})


def unordered(tree: ast.Module, names: Names, known: frozenset[str]) -> Iterator[ast.AST]:
    """Each node that lets the order of a set through. `known`: see purity_names.names_of_sets."""
    sets = _Sets(tree, names, known)
    for node in ast.walk(tree):
        if isinstance(node, ast.For) and sets.is_set(node.iter):
            yield node.iter
        elif isinstance(node, ast.ListComp | ast.DictComp | ast.GeneratorExp):
            swallowed = _swallowed(node, names)
            yield from (made.iter for made in node.generators if sets.is_set(made.iter) and not swallowed)
        elif isinstance(node, ast.Call):
            yield from _in_call(node, names, sets)
        elif isinstance(node, ast.Starred | ast.YieldFrom) and sets.is_set(node.value):
            if not isinstance(names.parent(node), ast.Set) and not _swallowed(node, names):
                yield node
        elif isinstance(node, ast.Assign) and _unpacks(node) and sets.is_set(node.value):
            yield node


def _in_call(call: ast.Call, names: Names, sets: "_Sets") -> Iterator[ast.AST]:
    name = _called(call)
    if name == "pop" and isinstance(call.func, ast.Attribute) and not call.args and sets.is_set(call.func.value):
        yield call
    if name in SENSITIVE and not (name in LAZY and _swallowed(call, names)):
        yield from (argument for argument in call.args if sets.is_set(argument))


def _unpacks(node: ast.Assign) -> bool:
    return any(isinstance(target, ast.Tuple | ast.List) for target in node.targets)


def _swallowed(node: ast.AST, names: Names) -> bool:
    """Whether what `node` gives goes into something where its order does not show."""
    above = names.parent(node)
    while isinstance(above, ast.Call) and isinstance(above.func, ast.Name) and above.func.id in LAZY:
        above = names.parent(above)
    if isinstance(above, ast.Call):
        return isinstance(above.func, ast.Name) and above.func.id in INSENSITIVE
    return isinstance(above, ast.comprehension) and isinstance(names.parent(above), ast.SetComp)


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


class _Sets:
    """Which expressions are sets, as far as the syntax tells."""

    def __init__(self, tree: ast.Module, names: Names, known: frozenset[str]) -> None:
        self._names = names
        self._known = known
        self._variables: dict[tuple[ast.AST, str], bool] = {}
        for _ in range(2):  # a variable may be made of another that is bound below it
            for node in ast.walk(tree):
                self._bind(node)

    def _bind(self, node: ast.AST) -> None:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            self._set(node.target, is_set_annotation(node.annotation))
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            self._set(node.targets[0], self.is_set(node.value))
        elif isinstance(node, ast.NamedExpr):
            self._set(node.target, self.is_set(node.value))
        elif isinstance(node, ast.arg):
            scope = self._names.function(node)
            if scope is not None:
                self._variables[scope, node.arg] = is_set_annotation(node.annotation)

    def _set(self, name: ast.Name, is_set: bool) -> None:
        self._variables[self._names.scope_of(name), name.id] = is_set

    def is_set(self, node: ast.expr) -> bool:
        """Whether an expression is a set."""
        match node:
            case ast.Set() | ast.SetComp():
                return True
            case ast.Name():
                return self._variables.get((self._names.scope_of(node), node.id), False)
            case ast.Attribute():
                return f".{node.attr}" in self._known
            case ast.BinOp(op=ast.BitOr() | ast.BitAnd() | ast.BitXor() | ast.Sub()):
                return any(self.is_set(side) or _is_keys(side) for side in (node.left, node.right))
            case ast.IfExp():
                return self.is_set(node.body) or self.is_set(node.orelse)
            case ast.NamedExpr():
                return self.is_set(node.value)
            case ast.Call(func=ast.Name(id=name)):
                return name in ("set", "frozenset") or f"{name}()" in self._known
            case ast.Call(func=ast.Attribute(value=value, attr=name)):
                return (name in OF_SETS and self.is_set(value)) or f"{name}()" in self._known
            case _:
                return False


def _is_keys(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and _called(node) in ("keys", "items")
