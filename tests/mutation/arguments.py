"""The command line of scripts/mutate; what is wrong with it is one line."""
import argparse
import os
import subprocess
import sys

import project


class BadArgument(Exception):
    pass


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise BadArgument(message)


def positive(text):
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number of 1 or more")
    return value


def changed(root, reference):
    """The files that differ from a commit, those not yet added included."""
    shown = subprocess.run(["git", "-C", root, "diff", "--name-only", reference, "--"], capture_output=True, text=True)
    if shown.returncode:
        raise BadArgument(f"--against: git knows no commit '{reference}'")
    new = subprocess.run(["git", "-C", root, "ls-files", "--others", "--exclude-standard"], capture_output=True, text=True)
    return sorted(set(shown.stdout.split("\n") + new.stdout.split("\n")) - {""})


def parse(root, words):
    whole = project.Project(root)
    parser = Parser(prog="scripts/mutate", description="Plants small bugs in a copy of the sources, and sees which tests fail.")
    parser.add_argument("--seed", type=positive, default=1, help="one seed is one sample (1)")
    parser.add_argument("--count", type=positive, default=400, help="mutants, spread evenly over the folders (400)")
    parser.add_argument("--folder", action="append", metavar="FOLDER", help="only this one; may be given again")
    parser.add_argument("--quick", action="store_true", help="30 mutants of changed files, ten minutes at most")
    parser.add_argument("--against", metavar="COMMIT", help="with --quick: changed against this commit (HEAD, else the one before)")
    parser.add_argument("--jobs", type=positive, default=os.cpu_count() or 1, help="compilers and tests at a time")
    parser.add_argument("--cases", type=positive, default=25, help="RapidCheck's cases of a property (25)")
    parser.add_argument("--budget", type=positive, default=60, help="seconds for one mutant; no further test is begun then (60)")
    parser.add_argument("--minutes", type=positive, help="after this time no further mutant is tried")
    parser.add_argument("--no-rebuild", action="store_true", help="leave out mutants that need a build of their own")
    parser.add_argument("--only", metavar="NUMBERS", help="with --resume: judge these once more, for example 3,17")
    parser.add_argument("--json", metavar="FILE", help="write all results there")
    parser.add_argument("--resume", action="store_true", help="go on with the sample of the last run")
    chosen = parser.parse_args(words)
    for folder in chosen.folder or []:
        if folder not in whole.folders:
            raise BadArgument(f"--folder: there is no folder '{folder}'; there are {', '.join(whole.folders)}")
    if chosen.against and not chosen.quick:
        raise BadArgument("--against needs --quick")
    if chosen.quick and chosen.resume:
        raise BadArgument("--quick and --resume cannot go together")
    if chosen.only is not None:
        if not chosen.resume:
            raise BadArgument("--only needs --resume")
        if not all(part.isdigit() for part in chosen.only.split(",")):
            raise BadArgument(f"--only: '{chosen.only}' is no list of numbers")
        chosen.only = {int(part) for part in chosen.only.split(",")}
    if chosen.json and not os.path.isdir(os.path.dirname(os.path.abspath(chosen.json))):
        raise BadArgument(f"--json: there is no folder for '{chosen.json}'")
    chosen.files = None
    if chosen.quick:
        chosen.files = changed(root, chosen.against or "HEAD")
        if not chosen.files and not chosen.against:
            chosen.files = changed(root, "HEAD~1")
        chosen.count, chosen.minutes, chosen.no_rebuild = min(chosen.count, 30), chosen.minutes or 9, True
    return whole, chosen


def fail(message):
    print(f"scripts/mutate: {message}", file=sys.stderr)
    return 2
