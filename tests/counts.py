"""A nose2 plugin that closes the run with one line of counts, for people and for scripts."""

import sys
from collections import Counter

from nose2.events import Plugin


class Counts(Plugin):
    """Count outcomes as nose2 reports them; a test with a failing sub-test is a failed one."""

    configSection = "counts"
    alwaysOn = True

    def __init__(self):
        self.outcomes = {}

    def testOutcome(self, event):
        """Note one test's outcome; the worst one of its sub-tests stays."""
        name = event.test.id().split(" ", 1)[0]
        outcome = self._outcome(event)
        order = ["passed", "skipped", "failed"]
        self.outcomes[name] = max(self.outcomes.get(name, "passed"), outcome, key=order.index)

    @staticmethod
    def _outcome(event):
        if event.outcome == "skipped":
            return "skipped"
        # A sub-test that passes is reported with no expectation and no exception.
        good = event.expected or (event.outcome == "subtest" and event.exc_info is None)
        return "passed" if good else "failed"

    def afterSummaryReport(self, event):
        """Print the line."""
        total = Counter(self.outcomes.values())
        sys.stderr.flush()
        line = f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped"
        print(line, flush=True)
