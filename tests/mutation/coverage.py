"""Coverage: which test reaches which mutant and how long it takes, from one run of each test with no mutant alive."""
import json
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

MOST = 1 << 16  # as in mutant.hpp
MEMORY = 8 << 30  # a loop that never ends must not take the machine with it


class Test:
    """One test of one program, or a program as a whole where its tests cannot be run one by one."""

    def __init__(self, program, name, command, environment):
        self.program, self.name, self.command, self.environment = program, name, command, environment
        self.seconds, self.reaches = 0.0, frozenset()

    def label(self):
        return f"{self.program}: {self.name}" if self.name else self.program


def limits():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def execute(command, environment, seconds, folder):
    """The exit status, or None where the time ran out; everything that it started ends with it."""
    own = tempfile.mkdtemp(dir=folder)  # two tests at a time must not meet in one
    places = {"TMPDIR": own, "TEST_TMPDIR": own + "/"}
    process = subprocess.Popen(command, env={**os.environ, **places, **environment}, stdout=subprocess.DEVNULL, cwd=folder,
                               stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=limits)
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        shutil.rmtree(own, ignore_errors=True)


def listed(program, environment):
    """The names of a GoogleTest program's tests; none where it is no such program."""
    try:
        done = subprocess.run([program, "--gtest_list_tests"], env={**os.environ, **environment}, capture_output=True, text=True,
                              timeout=60)
    except subprocess.TimeoutExpired:
        return []
    names, suite = [], None
    for line in done.stdout.split("\n"):
        line = line.split("#")[0].rstrip()
        if line.endswith(".") and not line.startswith(" "):
            suite = line
        elif suite and line.startswith("  "):
            if "DISABLED_" not in suite + line:
                names.append(suite + line.strip())
    return names


def find(build, wanted, cases):
    """The tests that CTest knows of the wanted programs, with RapidCheck's number of cases set to `cases`."""
    done = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], capture_output=True, text=True, check=True)
    tests = []
    for entry in json.loads(done.stdout)["tests"]:
        command = entry.get("command")
        if not command or entry["name"] not in wanted:
            continue
        environment = {}
        for item in entry.get("properties", []):
            if item["name"] == "ENVIRONMENT":
                environment = dict(value.split("=", 1) for value in item["value"])
        asked = environment.get("RC_PARAMS", "")
        kept = [word for word in asked.split() if not word.startswith(("max_success", "noshrink"))]
        environment["RC_PARAMS"] = " ".join(kept + [f"max_success={cases}", "noshrink=1"])
        names = listed(command[0], environment)
        for name in names:
            tests.append(Test(entry["name"], name, [*command, f"--gtest_filter={name}"], environment))
        if not names:
            tests.append(Test(entry["name"], "", command, environment))
    return tests


def measure(tests, work, jobs, seconds=300):
    """Fills in `seconds` and `reaches`; returns the tests that pass, and the labels of those that do not."""

    def one(numbered):
        index, test = numbered
        path = os.path.join(work, f"reached-{index}")
        with open(path, "wb") as file:
            file.truncate(MOST)
        before = time.monotonic()
        status = execute(test.command, {**test.environment, "LLSA_MUTANT_MAP": path}, seconds, work)
        test.seconds = time.monotonic() - before
        with open(path, "rb") as file:
            reached = file.read()
        os.remove(path)
        test.reaches = frozenset(number for number in range(MOST) if reached[number]) if any(reached) else frozenset()
        return status

    with ThreadPoolExecutor(jobs) as pool:
        states = list(pool.map(one, enumerate(tests)))
    good = [test for test, status in zip(tests, states) if status == 0]
    return good, [test.label() for test, status in zip(tests, states) if status != 0]


def keep(tests, path):
    """What was measured, in a file, so that --resume does not measure it again."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump([{"program": test.program, "name": test.name, "command": test.command, "environment": test.environment,
                    "seconds": test.seconds, "reaches": sorted(test.reaches)} for test in tests], file)


def kept(path):
    tests = []
    with open(path, encoding="utf-8") as file:
        for entry in json.load(file):
            test = Test(entry["program"], entry["name"], entry["command"], entry["environment"])
            test.seconds, test.reaches = entry["seconds"], frozenset(entry["reaches"])
            tests.append(test)
    return tests
