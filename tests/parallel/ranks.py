"""What a group does, tried by every process of it; the first one prints it as JSON."""

import json
import sys
import time

import numpy as np

from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.parallel import group
from voxlstm.lib.parallel.group import join


def verbs(ranks):
    numbers = np.full(5, ranks.rank + 1, "float32")
    ranks.add(numbers)
    made = []
    ranks.in_turn(lambda: made.append(time.monotonic()) or time.sleep(0.2))
    return {
        "shared": ranks.gather(ranks.share("of the first" if ranks.first else "of another")),
        "ranks": ranks.gather(ranks.rank),
        "local": ranks.gather(ranks.local_rank),
        "parts": ranks.gather(ranks.part(list(range(8)))),
        "sums": ranks.gather(numbers.tolist()),
        "devices": ranks.gather([ranks.device("cuda"), ranks.device("cpu"), ranks.device(None)]),
        "made": sum(ranks.gather(made), []),
        "exchanged": ranks.exchanged,
        "about": ranks.about(),
    }


def late(ranks, who=1):
    """One comes too late to a sum."""
    group.PATIENCE, group.LIMIT = 0.2, 0.5
    if ranks.rank == who:
        time.sleep(30)
    ranks.meet(group.LIMIT)


def first_is_late(ranks):
    late(ranks, 0)


def one_fails(ranks):
    if ranks.rank == 1:
        raise UserError("rank 1 alone has found something")
    ranks.meet()


def one_has_another(ranks):
    ranks.check_same({"the colour": "red"}, "paint it")
    ranks.check_same({"the colour": "red", "the size": min(ranks.rank, 1)}, "mend it")


def all_fail(ranks):
    raise UserError("every one has found something")


def one_breaks(ranks):
    if ranks.rank == 1:
        raise ZeroDivisionError("a mistake")
    ranks.meet()


def main():
    with join() as ranks:
        found = globals()[sys.argv[1]](ranks)
        if ranks.first:
            print(json.dumps(found))


if __name__ == "__main__":
    run_tool(main, together=True)
