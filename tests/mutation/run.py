"""Runs: each mutant against the tests that reach it, cheapest first, until one fails."""
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

import coverage

SEEN, SURVIVED, TIME_OUT, NOT_REACHED = "seen", "survived", "time-out", "not reached"
NOT_COMPILED, NOT_BUILT = "did not compile", "not built"


class Verdict:
    """What became of a mutant: `by` is the test that saw it, `left_out` how many tests there was no time for."""

    def __init__(self, state, by="", left_out=0, seconds=0.0):
        self.state, self.by, self.left_out, self.seconds = state, by, left_out, seconds


def allowed(test):
    """The time after which a test is taken to hang: many times what it needs without a mutant."""
    return 5 + 10 * test.seconds


def judge(number, tests, work, budget):
    """`tests` reach the mutant. `budget` is the time, in seconds, after which no further test is begun."""
    if not tests:
        return Verdict(NOT_REACHED)
    begin = time.monotonic()
    ordered = sorted(tests, key=lambda test: test.seconds)
    for index, test in enumerate(ordered):
        if index and time.monotonic() - begin + test.seconds > budget:
            return Verdict(SURVIVED, left_out=len(ordered) - index, seconds=time.monotonic() - begin)
        status = coverage.execute(test.command, {**test.environment, "LLSA_MUTANT": str(number)}, allowed(test), work)
        if status != 0:
            state = TIME_OUT if status is None else SEEN
            return Verdict(state, test.label(), seconds=time.monotonic() - begin)
    return Verdict(SURVIVED, seconds=time.monotonic() - begin)


def run(numbers, tests, work, jobs, budget, done):
    """Judges all of `numbers`; `done(number, verdict)` hears of each as it is judged."""
    with ThreadPoolExecutor(jobs) as pool:
        reaching = {number: [test for test in tests if number in test.reaches] for number in numbers}
        waiting = {pool.submit(judge, number, reaching[number], work, budget): number for number in numbers}
        for future in as_completed(waiting):
            done(waiting[future], future.result())
