"""Definitions and recipes: YAML in, frozen dataclasses out, nothing unknown let through."""

import dataclasses
import re
import reprlib
import types
import typing
from collections.abc import Iterable
from typing import Any, TypeVar

import yaml

from .errors import UserError, why
from .hints import StrPath
from .inputs import decode, read_given

Built = TypeVar("Built")


MOST = 100_000  # characters of a definition, and values in it where names for parts are resolved
DEEPEST = 50  # groups within groups
INTEGERS = 2**63


class _Loader(yaml.SafeLoader):
    """A safe loader that refuses a key given twice, and reads ``1e-4`` as a number.

    It is not held up either: by groups within groups, which cost it time by their square, or by
    names for parts that stand for more and more parts.
    """

    def construct_mapping(self, node, deep=False):
        keys = set()
        for name, _ in node.value:
            key = self.construct_object(name, deep=True)
            if not isinstance(key, typing.Hashable):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key is a list or a group", name.start_mark
                )
            if key in keys and name.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {_short(str(key))} is given twice", node.start_mark
                )
            keys.add(key)
        return super().construct_mapping(node, deep)

    def get_single_node(self):
        node = super().get_single_node()
        if node is not None:
            _check_size(node, {})
        return node

    def fetch_flow_collection_start(self, TokenClass):
        self._check_depth(self.flow_level)
        super().fetch_flow_collection_start(TokenClass)

    def add_indent(self, column):
        self._check_depth(len(self.indents))
        return super().add_indent(column)

    def _check_depth(self, depth):
        if depth >= DEEPEST:
            raise yaml.scanner.ScannerError(
                None, None, f"more than {DEEPEST} groups within groups", self.get_mark()
            )


def _check_size(node, sizes):
    """Return the number of values that a node stands for; raise YAMLError for too many, or no end."""
    if id(node) not in sizes:
        sizes[id(node)] = MOST  # as long as this is unknown: who holds itself has no end
        children = node.value if isinstance(node, yaml.SequenceNode) else ()
        if isinstance(node, yaml.MappingNode):
            children = (part for pair in node.value for part in pair)
        sizes[id(node)] = 1 + sum(_check_size(child, sizes) for child in children)
        if sizes[id(node)] > MOST:
            raise yaml.constructor.ConstructorError(
                None, None, "its aliases stand for too many values", node.start_mark
            )
    return sizes[id(node)]


def _parse(text):
    """Return the value of a YAML text; raise YAMLError for every other text."""
    if len(text) > MOST:
        raise yaml.YAMLError(f"it has more than {MOST} characters")
    try:
        return yaml.load(text, Loader=_Loader)
    except (ValueError, LookupError, AttributeError, TypeError, ArithmeticError, RecursionError) as error:
        # What PyYAML lets through: dates and numbers that there are not, tags on the wrong values.
        raise yaml.YAMLError(f"a value is not what it is marked as ({error})") from error


# YAML 1.1 wants a dot in a float; people write 1e-4.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+0123456789.")
)


def load_yaml(path: StrPath) -> dict[str, Any]:
    """Read a YAML file whose top level is a mapping.

    Raises
    ------
    UserError
        When the file cannot be read, is not YAML, or is not a mapping.
    """
    try:
        text = decode(read_given(path, 4 * (MOST + 1)))  # no character takes more bytes
    except OSError as error:
        raise UserError(f"cannot read {path}: {why(error)}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"cannot read {path}: it is not text") from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, where: str) -> dict[str, Any]:
    """Return the mapping that a YAML text is; errors as `load_yaml`, which name ``where``."""
    try:
        value = _parse(text)
    except yaml.YAMLError as error:
        raise UserError(f"{where} is not valid YAML: {' '.join(str(error).split())[:400]}") from error
    if not isinstance(value, dict):
        raise UserError(f"{where} must hold 'key: value' lines at its top level")
    return value


def override(mapping: dict[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """Return a copy of ``mapping`` with ``key=value`` assignments applied.

    Parameters
    ----------
    assignments : sequence of str
        ``"a.b=value"``; the value is read as YAML. The key must exist or be accepted later
        by `build`.
    """
    result = _copy(mapping)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key.strip():
            raise UserError(f"--set {assignment!r} is not of the form key=value")
        *parents, last = key.strip().split(".")
        target = result
        for name in parents:
            target = target.setdefault(name, {})
            if not isinstance(target, dict):
                raise UserError(f"--set {assignment!r}: {name!r} holds a value, not a group of keys")
        try:
            target[last] = _parse(text)
        except yaml.YAMLError as error:
            raise UserError(f"--set {assignment[:200]!r}: the value is not valid YAML") from error
    return result


def build(cls: type[Built], mapping: dict[str, Any], where: str = "") -> Built:
    """Make the dataclass ``cls`` from a mapping, checking every key and type.

    Parameters
    ----------
    cls : type
        A (frozen) dataclass. Fields may be int, float, bool, str, ``tuple[...]``, ``Optional`` or
        another dataclass; an int is taken where a float is wanted, nothing else is converted.
    mapping : dict
        The values.
    where : str
        What to name in an error, such as the file.

    Raises
    ------
    UserError
        For an unknown key, a missing key or a value of the wrong type, with the key's path.
    """
    return _build(cls, mapping, f"{where}: " if where else "", ())


def to_dict(value: Any) -> Any:
    """Return a dataclass as plain dicts and lists, as YAML and JSON store it."""
    if dataclasses.is_dataclass(value):
        return {f.name: to_dict(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (list, tuple)):
        return [to_dict(item) for item in value]
    return value


def _build(cls, mapping, where, path):
    if not isinstance(mapping, dict):
        raise UserError(f"{where}{_name(path)} must be a group of keys")
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for key in mapping:
        if key not in fields:
            known = ", ".join(fields)
            raise UserError(f"{where}unknown key {_name(path + (key,))}; known here: {known}")
    values = {}
    for name, field in fields.items():
        if name in mapping:
            values[name] = _convert(hints[name], mapping[name], where, path + (name,))
        elif _required(field):
            raise UserError(f"{where}the key {_name(path + (name,))} is missing")
    try:
        return cls(**values)
    except ValueError as error:
        raise UserError(f"{where}{error}") from error


def _convert(kind, value, where, path):
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _build(kind, value, where, path)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _convert(next(a for a in arguments if a is not type(None)), value, where, path)
    if origin is tuple and isinstance(value, (list, tuple)):
        return _convert_items(arguments, value, where, path)
    if isinstance(value, int) and abs(value) >= INTEGERS or value != value:  # NaN
        raise UserError(f"{where}{_name(path)} is out of range")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in (dict, list) and isinstance(value, kind):
        return value
    if isinstance(kind, type) and isinstance(value, kind):
        if not (isinstance(value, bool) and kind is not bool):
            return value
    raise UserError(f"{where}{_name(path)} must be {_kind_name(kind)}, not {_short(value)}")


def _convert_items(arguments, value, where, path):
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        arguments = (arguments[0],) * len(value)
    if len(arguments) != len(value):
        raise UserError(f"{where}{_name(path)} must have {len(arguments)} values, not {len(value)}")
    pairs = enumerate(zip(arguments, value))
    return tuple(_convert(kind, item, where, path + (i,)) for i, (kind, item) in pairs)


def _required(field):
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def _name(path):
    return ".".join(str(part)[:80] for part in path) or "the top level"


def _short(value):
    """Return a value as an error quotes it, however large it is."""
    return reprlib.repr(value)


def _kind_name(kind):
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    if typing.get_origin(kind) is tuple:
        return "a list"
    return names.get(kind, getattr(kind, "__name__", str(kind)))


def _copy(value):
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return list(value) if isinstance(value, list) else value
