"""YAML to dataclasses."""

import contextlib
import tempfile
import time
import unittest
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from voxlstm.lib.base.config import build, load_yaml, override, to_dict
from voxlstm.lib.base.errors import UserError


@dataclass(frozen=True)
class Inner:
    widths: tuple[int, ...]
    rate: float = 0.1


@dataclass(frozen=True)
class Outer:
    inner: Inner
    name: str = "net"
    fast: bool = False
    limit: Optional[float] = None
    drops: tuple[tuple[int, float], ...] = ()

    def __post_init__(self):
        if self.name == "":
            raise ValueError("name must not be empty")


def values(**changes):
    return {"inner": {"widths": [1, 2]}, **changes}


class Build(unittest.TestCase):
    def test_nested_with_defaults_and_back(self):
        outer = build(Outer, values(limit=2, drops=[[10, 0.1]]))
        self.assertEqual(outer, Outer(Inner((1, 2)), limit=2.0, drops=((10, 0.1),)))
        self.assertIsInstance(outer.limit, float)
        self.assertEqual(build(Outer, to_dict(outer)), outer)

    def test_refused_with_the_keys_path(self):
        refused = {
            "x.yaml: unknown key inner.depth; known here: widths, rate": values(
                inner={"widths": [], "depth": 1}
            ),
            "inner is missing": {},
            "inner.widths.1 must be a whole number, not 'a'": values(inner={"widths": [1, "a"]}),
            "inner.widths must be a list, not 3": values(inner={"widths": 3}),
            "inner must be a group of keys": {"inner": 3},
            "name must be text, not 3": values(name=3),
            "fast must be true or false, not 1": values(fast=1),
            "inner.rate must be a number, not True": values(inner={"widths": [], "rate": True}),
            "inner.widths.0 must be a whole number, not 1.5": values(inner={"widths": [1.5]}),
            "limit must be a number, not 'x'": values(limit="x"),
            "drops.0 must have 2 values, not 1": values(drops=[[1]]),
            "name must not be empty": values(name=""),
        }
        for sentence, mapping in refused.items():
            with self.subTest(sentence), self.assertRaises(UserError) as caught:
                build(Outer, mapping, "x.yaml")
            self.assertIn(sentence, str(caught.exception))


class Override(unittest.TestCase):
    def test_nested_value_read_as_yaml_and_the_source_untouched(self):
        source = values()
        changed = override(source, ["inner.rate=1e-4", "drops=[[1, 0.5]]", "name=a b"])
        self.assertEqual(changed["inner"], {"widths": [1, 2], "rate": 1e-4})
        self.assertEqual((changed["drops"], changed["name"]), ([[1, 0.5]], "a b"))
        self.assertEqual(source, values())

    def test_malformed(self):
        for text in ("rate", "=3", "name.x=3", "name=[1"):
            with self.subTest(text), self.assertRaisesRegex(UserError, "--set"):
                override({"name": "net"}, [text])


class LoadYaml(unittest.TestCase):
    def load(self, content):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "file.yaml")
            path.write_bytes(content)
            return load_yaml(path)

    def test_exponents_without_a_dot_are_numbers(self):
        self.assertEqual(self.load(b"rate: 1e-4\nother: -2E3\n"), {"rate": 1e-4, "other": -2e3})

    def test_refused(self):
        refused = {
            b"a: 1\na: 2\n": "'a' is given twice",
            b"- 1\n": "top level",
            b"a: [1\n": "not valid YAML",
            b"a: !!python/object/apply:os.getcwd []\n": "not valid YAML",
            b"\xff\xfe\xfa": "it is not text|not valid YAML",
        }
        for content, sentence in refused.items():
            with self.subTest(content), self.assertRaisesRegex(UserError, sentence):
                self.load(content)

    def test_every_kind_of_text_is_a_value_or_one_sentence(self):
        values = [
            "2001-99-99",
            "0x_",
            "0b_",
            "9" * 5000,
            "!!int",
            "!!float",
            "!!bool",
            "!!timestamp",
            "!!timestamp x",
            "!!int x",
            "!!binary \xe4",
            "{[a]: 1, [a]: 2}",
            "{{a: 1}: 2}",
            '"\\UFFFFFFFF"',
            "&a [*a]",
            "!!set [a]",
            "[" * 3000,
            "{a: " * 3000,
            "[" * 3000 + "]" * 3000,
            "- " * 3000,
            "!!omap [a]",
            "=",
            "<<: 3",
            "? " * 400,
        ]
        for value in values:
            for content in (f"a: {value}\n", f"{value}: 1\n"):
                with self.subTest(content[:40]), contextlib.suppress(UserError):
                    self.load(content.encode())
            with self.subTest(f"--set a={value[:40]}"), contextlib.suppress(UserError):
                override({}, [f"a={value}"])

    def test_names_for_more_and_more_parts_are_refused_at_once(self):
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 9)]
        merged = [
            "a0: &a0 {x: 1}",
            *(f"a{k}: &a{k} {{<<: [{', '.join([f'*a{k - 1}'] * 9)}]}}" for k in range(1, 9)),
        ]
        for text in ("\n".join(lines), "\n".join(merged), "a: &a {b: *a}"):
            start = time.process_time()
            with self.assertRaisesRegex(UserError, "too many values"):
                self.load(text.encode())
            self.assertLess(time.process_time() - start, 2)
        self.assertEqual(self.load(b"a: &a [1, 2]\nb: *a\n"), {"a": [1, 2], "b": [1, 2]})

    def test_a_long_file_takes_no_time_and_its_errors_are_short(self):
        start = time.process_time()
        for count, sentence in ((8000, "unknown key key0"), (40_000, "more than 100000 characters")):
            content = "".join(f"key{k}: 1\n" for k in range(count)).encode()
            with self.assertRaisesRegex(UserError, sentence):
                build(Outer, self.load(content), "x")
        self.assertLess(time.process_time() - start, 10)
        with self.assertRaises(UserError) as caught:
            build(Outer, {**values(), "name": list(range(100_000))})
        self.assertLess(len(str(caught.exception)), 300)

    def test_numbers_out_of_range(self):
        for value in (10**400, -(10**400), 2**63, float("nan")):
            with self.assertRaisesRegex(UserError, "rate is out of range"):
                build(Outer, {**values(), "inner": {"widths": [1, 2], "rate": value}})

    def test_missing_file(self):
        with self.assertRaisesRegex(UserError, "cannot read /nowhere.yaml: No such file"):
            load_yaml("/nowhere.yaml")
