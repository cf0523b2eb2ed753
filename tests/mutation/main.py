"""scripts/mutate: plants mutants in a copy of the sources and says which tests see them. See docs/testing.md."""
import json
import os
import sys
import time
import zlib

import arguments
import build
import coverage
import report
import run
import sites

HERE = os.path.dirname(os.path.abspath(__file__))


def sample(whole, chosen):
    """Number -> mutant. The folders share the count evenly; what a small one cannot fill goes to the others."""
    paths = chosen.files if chosen.files is not None else sites.tracked(whole.root)
    moments = ("run",) if chosen.no_rebuild else ("run", "build")
    drawn = {}
    for folder in chosen.folder or [name for name in whole.folders if chosen.quick or name != "viewer"]:
        drawn[folder] = sites.draw(sites.in_folder(whole.root, folder, paths), chosen.count, f"{chosen.seed}:{folder}", moments)
    left, numbered = chosen.count, {}
    for index, folder in enumerate(sorted(drawn, key=lambda name: len(drawn[name]))):
        part = drawn[folder][:left // (len(drawn) - index)]
        left -= len(part)
        for mutant in part:
            numbered[len(numbered) + 1] = mutant
    return numbered


class Session:
    """One sample with what is known of it, kept in build/mutants/state.json."""

    def __init__(self, whole, chosen):
        self.whole, self.chosen = whole, chosen
        self.work = os.path.join(whole.root, "build", "mutants")
        self.path = os.path.join(self.work, "state.json")
        self.map = os.path.join(self.work, "coverage.json")
        self.end = time.monotonic() + 60 * chosen.minutes if chosen.minutes else None
        self.results, self.left_out, self.failing, self.measured = {}, set(), [], False
        os.makedirs(self.work, exist_ok=True)
        if chosen.resume:
            self.load()
        else:
            self.numbered = sample(whole, chosen)
        self.folders = sorted({mutant.path.split("/")[0] for mutant in self.numbered.values()})

    def load(self):
        if not os.path.exists(self.path):
            raise arguments.BadArgument("--resume: there is no earlier run; build/mutants/state.json is missing")
        with open(self.path, encoding="utf-8") as file:
            state = json.load(file)
        self.numbered = {int(number): sites.Mutant(*fields) for number, fields in state["sample"].items()}
        for path in {mutant.path for mutant in self.numbered.values()}:
            if state["sums"][path] != self.sum_of(path):
                raise arguments.BadArgument(f"--resume: {path} changed since; start a new run")
        self.left_out, self.failing, self.measured = set(state["left out"]), state["failing"], state["measured"]
        self.chosen.seed = state["seed"]
        self.results = {int(number): run.Verdict(*fields) for number, fields in state["results"].items()}

    def sum_of(self, path):
        whole = os.path.join(self.whole.root, path)
        return zlib.crc32(sites.read(self.whole.root, path)) if os.path.exists(whole) else -1

    def save(self):
        report.write(self.path, {
            "seed": self.chosen.seed,
            "sample": {number: list(mutant) for number, mutant in self.numbered.items()},
            "sums": {mutant.path: self.sum_of(mutant.path) for mutant in self.numbered.values()},
            "left out": sorted(self.left_out), "failing": self.failing, "measured": self.measured,
            "results": {number: [v.state, v.by, v.left_out, v.seconds] for number, v in self.results.items()}})

    def late(self):
        return self.end is not None and time.monotonic() > self.end

    def prepare(self):
        """Builds the copy and measures the tests, as far as an earlier run has not."""
        programs = self.whole.tests_of(self.folders)
        self.copy = build.Copy(self.whole.root, self.work, self.whole.configuration(self.folders), self.chosen.jobs)
        living = {number: mutant for number, mutant in self.numbered.items()
                  if mutant.when == "run" and number not in self.left_out}
        begin = time.monotonic()
        self.left_out |= self.copy.compile(living, programs)
        for number in self.left_out:
            self.results[number] = run.Verdict(run.NOT_COMPILED)
        print(f"built {len(living)} mutants together in {time.monotonic() - begin:.0f} s", flush=True)
        if self.measured and not self.chosen.only:
            self.tests = coverage.kept(self.map)
        else:
            begin = time.monotonic()
            tests = coverage.find(self.copy.build, programs, self.chosen.cases)
            for test in tests:
                test.environment.update(self.whole.environment())
            self.tests, self.failing = coverage.measure(tests, self.work, self.chosen.jobs)
            coverage.keep(self.tests, self.map)
            self.measured = True
            print(f"measured {len(self.tests)} tests in {time.monotonic() - begin:.0f} s", flush=True)
        for label in self.failing:
            print(f"left out, because it fails without a mutant: {label}")
        self.save()

    def judge(self):
        """All run-time mutants that have no verdict yet, a few at a time, so that a stopped run has lost little."""
        waiting = [number for number, mutant in sorted(self.numbered.items()) if mutant.when == "run" and
                   number not in self.left_out and (number not in self.results or number in (self.chosen.only or ()))]
        if self.chosen.only:
            waiting = [number for number in waiting if number in self.chosen.only]
        step = 5 * self.chosen.jobs
        for begin in range(0, len(waiting), step):
            if self.late():
                break
            run.run(waiting[begin:begin + step], self.tests, self.work, self.chosen.jobs, self.chosen.budget,
                    self.results.__setitem__)
            self.save()
            print(f"{min(begin + step, len(waiting))} of {len(waiting)}", flush=True)

    def rebuild(self):
        """Mutants in constants, one build each: against the tests that reach any mutant of their folder, or all."""
        begun = False
        for number, mutant in sorted(self.numbered.items()):
            if mutant.when != "build" or number in self.results or self.chosen.only or self.late():
                continue
            begun = True
            self.results[number] = self.alone(mutant)
            self.save()
        if begun:
            self.copy.compile({n: m for n, m in self.numbered.items() if m.when == "run" and n not in self.left_out}, [])

    def alone(self, mutant):
        programs = self.whole.programs[mutant.path.split("/")[0]]
        self.copy.change(mutant)
        status, _ = self.copy.ninja(programs)
        try:
            if status:
                return run.Verdict(run.NOT_COMPILED)
            return run.judge(0, [test for test in self.tests if test.program in programs], self.work, self.chosen.budget)
        finally:
            self.copy.restore()

    def line_of(self, mutant):
        source = sites.read(self.whole.root, mutant.path)
        return source.split(b"\n")[source.count(b"\n", 0, mutant.start)].decode()

    def entries(self):
        missing = run.Verdict(run.NOT_BUILT)
        return [report.entry(number, mutant, self.results.get(number, missing), self.line_of(mutant))
                for number, mutant in sorted(self.numbered.items())]


def tell(session, complaints, entries):
    for complaint in complaints:
        print(complaint)
    print(report.survivors(entries))
    print()
    print(report.markdown([found for found in entries if found["state"] != run.NOT_BUILT]))
    pending = sum(found["state"] == run.NOT_BUILT for found in entries)
    if pending:
        print(f"\n{pending} mutants were not tried: the time was up, or each needs a build of its own")
    failing = {found["by"] for found in entries if found.get("by")}
    silent = sorted({test.label() for test in session.tests if test.reaches} - failing)
    if session.chosen.json:
        report.write(session.chosen.json, {"seed": session.chosen.seed, "mutants": entries, "failing without a mutant":
                                           session.failing, "tests that saw nothing first": silent})


def main(root, words):
    sys.setrecursionlimit(10000)
    try:
        whole, chosen = arguments.parse(root, words)
        session = Session(whole, chosen)
        if not session.numbered:
            print("nothing to mutate: no source of ours has changed" if chosen.quick else "nothing to mutate")
            return 0
        known = report.equivalents(os.path.join(root, "tests", "mutation", "equivalent.txt"))
        session.prepare()
        session.judge()
        if not chosen.no_rebuild:
            session.rebuild()
        entries = session.entries()
        complaints = report.review(entries, known)
        tell(session, complaints, entries)
    except (arguments.BadArgument, report.BadList, build.DoesNotBuild) as problem:
        return arguments.fail(str(problem))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(os.environ.get("LLSA_MUTATE_ROOT") or os.path.dirname(os.path.dirname(HERE)), sys.argv[1:]))
