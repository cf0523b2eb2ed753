"""Format: no source deviates from .clang-format. Skipped (77) where clang-format 14, whose rules it is, is not installed.

With --fix the files are rewritten.
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys

import tree


def clang_format():
    """The program of version 14, or None."""
    for name in ("clang-format-14", "clang-format"):
        program = shutil.which(name)
        if program:
            version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
            if re.search(r"version 14\.", version):
                return program
    return None


def check(root, program, fix=False):
    sources = [path for path in tree.files(root) if path.endswith((".hpp", ".cpp", ".cu", ".cuh"))]

    def deviation(path):
        # Not --dry-run: version 14 reports replacements of a text by itself (the end of an inline namespace).
        done = subprocess.run([program, "--style=file", path], cwd=root, capture_output=True)
        if done.returncode:
            return f"{path}: {done.stderr.decode().splitlines()[0]}"
        with open(os.path.join(root, path), "rb") as file:
            before = file.read()
        if before == done.stdout:
            return None
        if fix:
            with open(os.path.join(root, path), "wb") as file:
                file.write(done.stdout)
            return None
        lines = zip(before.splitlines() + [b""], done.stdout.splitlines() + [b""])
        at = next((number for number, (old, new) in enumerate(lines, 1) if old != new), 1)
        return f"{path} deviates from .clang-format at line {at}"

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [found for found in pool.map(deviation, sources) if found]


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--fix"]
    found_program = clang_format()
    if not found_program:
        print("clang-format 14 is not installed: the format is not checked")
        sys.exit(77)
    found = check(arguments[0] if arguments else tree.ROOT, found_program, "--fix" in sys.argv)
    print(*found, f"{len(found)} findings", sep="\n")
    sys.exit(1 if found else 0)
