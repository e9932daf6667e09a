"""Every reason that the code can give for a dead letter, read from its source: where a reason is made of values, an `x`
stands for each."""

import ast
import inspect
from collections.abc import Iterator
from itertools import product
from types import ModuleType

from contracts import envelope
from services.runtime import reading
from services.runtime.core import admission, fold

Function = ast.FunctionDef | ast.AsyncFunctionDef
A_HEADER = "ce_x"


def given() -> set[tuple[str, str]]:
    """(where, why) of each place in the code."""
    found = set(_raised(envelope, "Malformed", 0)) | set(_raised(reading, "Unreadable", 1))
    found |= {("case x", why) for why in (*_refusals(admission), *_buried(fold))}
    return found


def _raised(module: ModuleType, name: str, first: int) -> Iterator[tuple[str, str]]:
    """The two arguments from `first` on of each call that makes a reason."""
    for function, call in _calls(module, name):
        where, why = _pair(call.args[first:])
        yield from product(_texts(where, function, module) or {A_HEADER}, _texts(why, function, module))


def _pair(arguments: list[ast.expr]) -> tuple[ast.expr, ast.expr]:
    if isinstance(arguments[0], ast.Starred):  # (where, why) of a field, from pydantic
        return ast.Constant("value/x"), ast.Constant("x")
    return arguments[0], arguments[1]


def _refusals(module: ModuleType) -> Iterator[str]:
    """Why a speaker is not admitted: the second of the two that its functions return."""
    for function in _functions(module):
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
                yield from (why for why in _texts(node.value.elts[1], function, module) if why)


def _buried(module: ModuleType) -> Iterator[str]:
    """Why a letter is dead in the fold itself."""
    for function, call in _calls(module, "DeadLetter"):
        yield from _texts(call.args[1], function, module)


def _functions(module: ModuleType) -> Iterator[Function]:
    tree = ast.parse(inspect.getsource(module))
    yield from (node for node in ast.walk(tree) if isinstance(node, Function))


def _calls(module: ModuleType, name: str) -> Iterator[tuple[Function, ast.Call]]:
    for function in _functions(module):
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield function, node


def _texts(node: ast.expr, function: Function, module: ModuleType) -> set[str]:
    """What an expression can say; nothing where it only hands on another reason, which is found where it is made."""
    match node:
        case ast.Constant(str(text)):
            return {text}
        case ast.JoinedStr(parts):
            return {"".join(str(p.value) if isinstance(p, ast.Constant) else "x" for p in parts)}
        case ast.IfExp(_, one, other):
            return _texts(one, function, module) | _texts(other, function, module)
        case ast.Name(name):
            return _named(name, function, module, node.lineno)
        case ast.Call(func=ast.Name(name)) if name != "str":
            returns = (
                r for f in _functions(module) if f.name == name for r in ast.walk(f) if isinstance(r, ast.Return)
            )
            said = (_texts(r.value, function, module) for r in returns if r.value is not None)
            return {text for texts in said for text in texts if text}
        case ast.Call(func=ast.Name("str")):
            return {"x"}
        case _:
            return set()


def _named(name: str, function: Function, module: ModuleType, line: int) -> set[str]:
    """What a name stands for in a line: what it was given last before it."""
    given_to = [n for n in ast.walk(function) if isinstance(n, ast.Assign) and n.lineno < line and _binds(n, name)]
    last = max(given_to, key=lambda assignment: assignment.lineno, default=None)
    return _texts(last.value, function, module) if last is not None else set()


def _binds(assignment: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in assignment.targets)
