"""The tables of results of `bench`; prints the sections of ``docs/speed.rst``.

``cpu_tables.py FILE ...`` takes the files of ``results/cpu``.
"""

import argparse

from voxlstm.lib.backend.precision import BFLOAT16, FLOAT32
from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.base.files import read_json

from cpu_cases import label
from cpu_contenders import QUIET, compared

COLUMNS = {"ours": "{:.3f}", "pytorch": "{:.3f}", "ratio": "{:.2f}"}
HEADS = ["ours, s", "PyTorch, s", "ratio"]
BFLOAT16_HEADS = ["ours bf16, s", "PyTorch bf16, s", "ratio bf16"]


def cells(found):
    """Return ours, PyTorch's and the ratio of one precision as texts."""
    return [form.format(found[key]) for key, form in COLUMNS.items()]


def rows(result):
    """Return the table of all cases as texts."""
    table = []
    for case in result["cases"]:
        found = compared(case["seconds"])
        product = case["arithmetic"] / case["seconds"]["voxlstm"] / case["matrix_product_rate"]
        table.append([label(case), *cells(found[FLOAT32]), f"{product:.2f}"])
        table[-1] += cells(found[BFLOAT16]) if BFLOAT16 in found else []
    heads = ["case", *HEADS, "matrix", *BFLOAT16_HEADS]
    return [heads[: len(table[0])], *table]


def busy_rows(result):
    """Return the table of the quiet and the busy machine as texts; empty where it was not measured."""
    if "busy" not in result:
        return []
    machines = {name: compared(seconds) for name, seconds in result["busy"]["seconds"].items()}
    return [["training, batch 4, 3 views", *HEADS]] + [
        [f"{precision}, {name}", *cells(found[precision])]
        for precision in machines[QUIET]
        for name, found in machines.items()
    ]


def form_rows(result):
    """Return the table of every contender in the reference's training and prediction, as texts."""
    training, prediction = result["cases"][0], next((c for c in result["cases"] if not c["train"]), None)
    table = [["contender", "training, s", "prediction, s", "peak, GB"]]
    for name, seconds in training["seconds"].items():
        predicted = (prediction or {"seconds": {}})["seconds"].get(name)
        peak = result["peak_bytes"][name] / 1e9
        table.append([name, f"{seconds:.3f}", f"{predicted:.3f}" if predicted else "", f"{peak:.2f}"])
    return table


def sentences(result, tuned=False):
    """Return the least and the largest ratio of trainings and of predictions, in words."""
    found = [(case["train"], compared(case["seconds"], tuned)) for case in result["cases"]]
    text = []
    for precision in found[0][1]:
        for train, name in ((True, "Training"), (False, "Prediction")):
            values = [pairs[precision]["ratio"] for chosen, pairs in found if chosen == train]
            if values:
                text.append(f"{name} in {precision}: {min(values):.2f} to {max(values):.2f}.")
    return " ".join(text)


def as_text(table, rule=""):
    """Return a table with aligned columns, and with rules as reStructuredText wants them."""
    widths = [max(len(row[place]) for row in table) for place in range(len(table[0]))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in table]
    if rule:
        line = "  ".join(rule * width for width in widths)
        lines = [line, lines[0], line, *lines[1:], line]
    return "\n".join(lines)


def tables(result):
    """Return the tables of a result, those that it has."""
    return [table for table in (rows(result), form_rows(result), busy_rows(result)) if table]


def section(result):
    """Return a result as a section of ``docs/speed.rst``."""
    about = result["machine"]
    title = f"{about['model']}: {about['kind']}"
    where = f"{about['cores']} cores, {result['date']} (``results/cpu/{about['kind']}.json``)."
    tuned = sentences(result, tuned=True)
    beside = [f"Beside PyTorch that keeps its memory: {tuned}"] if tuned else []
    notes = [f"{name} is missing: {reason}." for name, reason in result.get("missing", {}).items()]
    if result.get("disturbed_turns"):
        turns = sum(1 + times for case in result["cases"] for times in case["rounds"].values())
        notes.append(f"Other programs disturbed {result['disturbed_turns']} of {turns} turns.")
    words = [f"{title}\n{'~' * len(title)}", f"{where} {sentences(result)}", *beside]
    words += [*result.get("notes", []), *notes]
    return "\n\n".join([*words, *(as_text(table, "=") for table in tables(result))]) + "\n"


def main(argv=None):
    """Print the section of each file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", metavar="FILE", help="a result of make bench")
    for path in parser.parse_args(argv).files:
        try:
            print(section(read_json(path)))
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path} is no result of make bench ({error})") from error


if __name__ == "__main__":
    run_tool(main)
