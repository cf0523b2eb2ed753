"""The copy of the sources with the mutants in it, and its build: below build/mutants, never in the user's tree."""
import json
import os
import re
import shutil
import subprocess

import schemata
import sites

HERE = os.path.dirname(os.path.abspath(__file__))
ERROR = re.compile(r"^(\S+?):(\d+):(\d+): (?:fatal )?error:")
NEAR = re.compile(r"^(\S+?):(\d+):(\d+): +(?:required|note|in)")
FAILED = re.compile(r"^FAILED: ")


class DoesNotBuild(Exception):
    pass


class Copy:
    """`root` is the project, `work` the folder for the copy (source/) and its build (build/)."""

    def __init__(self, root, work, options=(), jobs=2, log=print):
        self.root, self.work, self.options, self.jobs, self.log = root, work, list(options), jobs, log
        self.source, self.build = os.path.join(work, "source"), os.path.join(work, "build")
        self.spans = {}

    def write(self, path, content, mode=None):
        """Only what changed is written, so that only what changed is compiled."""
        whole = os.path.join(self.source, path)
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        if not os.path.exists(whole) or sites.read(self.source, path) != content:
            with open(whole, "wb") as file:
                file.write(content)
        if mode is not None:
            os.chmod(whole, mode)

    def fill(self, numbered):
        """The copy of the tree, with all of `numbered` (number -> mutant) in it."""
        by_path = {}
        for number, mutant in numbered.items():
            by_path.setdefault(mutant.path, []).append((number, mutant))
        paths = sites.tracked(self.root)
        self.spans = {}
        for path in paths:
            content = sites.read(self.root, path)
            if path in by_path:
                text, self.spans[path] = schemata.render(content, by_path[path])
                content = text.encode()
            self.write(path, content, os.stat(os.path.join(self.root, path)).st_mode & 0o777)
        kept = set(paths)
        for at, _, names in os.walk(self.source):
            for name in names:
                whole = os.path.join(at, name)
                if os.path.relpath(whole, self.source) not in kept and "/.git" not in whole:
                    os.remove(whole)
        self.write("../mutant.hpp", sites.read(HERE, "mutant.hpp"))

    def configure(self):
        header = os.path.join(self.work, "mutant.hpp")
        command = ["cmake", "-S", self.source, "-B", self.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                   "-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG", f"-DCMAKE_CXX_FLAGS=-include {header} -w -Wno-narrowing"]
        if shutil.which("ccache"):
            command.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
        done = subprocess.run(command + self.options, capture_output=True, text=True)
        if done.returncode:
            raise DoesNotBuild("the copy cannot be configured: " + done.stderr.strip().split("\n")[0])
        with open(os.path.join(self.build, "mutation-options.json"), "w", encoding="utf-8") as file:
            json.dump(self.options, file)

    def configured(self):
        """The options of the build that is there; None where there is none."""
        path = os.path.join(self.build, "mutation-options.json")
        if not os.path.exists(path):
            return None
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def ninja(self, targets):
        done = subprocess.run(["ninja", "-C", self.build, "-k", "0", "-j", str(self.jobs), *targets],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        with open(os.path.join(self.work, "build.log"), "w", encoding="utf-8") as file:
            file.write(done.stdout)
        return done.returncode, done.stdout

    def blamed(self, output):
        """The mutants in the places that the compiler calls wrong; where none is there, those in the places it came by."""
        found, steps = set(), []
        for line in output.split("\n"):
            if FAILED.match(line):
                steps = []
            match = NEAR.match(line)
            if match:
                steps.append(self.at(match))
            match = ERROR.match(line)
            if match:
                found |= self.at(match) or next((step for step in steps if step), set())
                steps = []
        return found

    def at(self, match):
        path = os.path.relpath(os.path.join(self.build, match.group(1)), self.source)
        return schemata.at(self.spans.get(path, []), int(match.group(2)), int(match.group(3)))

    def change(self, mutant):
        """One source of the copy with this one mutant in it."""
        self.kept = (mutant.path, sites.read(self.source, mutant.path))
        self.write(mutant.path, schemata.alone(sites.read(self.root, mutant.path), mutant))

    def restore(self):
        self.write(*self.kept)

    def compile(self, numbered, targets):
        """Builds; returns the numbers that had to be left out because they do not compile beside the others."""
        left_out = set()
        while True:
            alive = {number: mutant for number, mutant in numbered.items() if number not in left_out}
            self.fill(alive)
            if self.configured() != self.options:
                self.configure()
            status, output = self.ninja(targets)
            if status == 0:
                return left_out
            wrong = self.blamed(output)
            if not wrong:
                wrong = self.of_failed_files(output)
            if not wrong:
                lines = [line for line in output.split("\n") if "error" in line] or output.strip().split("\n")
                raise DoesNotBuild("the copy does not build, and no mutant is to blame: " + lines[0][:300])
            self.log(f"{len(wrong)} mutants do not compile beside the others")
            left_out |= wrong

    def of_failed_files(self, output):
        """All mutants of the sources whose objects failed: the last resort."""
        failed = [line for line in output.split("\n") if FAILED.match(line)]
        return {span[2] for path, spans in self.spans.items() for span in spans
                if any(path in line or os.path.basename(path) + ".o" in line for line in failed)}
