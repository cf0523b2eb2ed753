"""Headers: every one compiles alone. Arguments: the source folder and the build folder with compile_commands.json.

A header that is the first thing its source includes has proved that by being built, unless the source was given precompiled
headers; every other one is compiled by itself here, with the flags of a source of its folder. What needs the CUDA toolkit is
left out, and counted, where there is none.
"""
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys

import tree

TOOLKIT = ("cuda_runtime.h", "cuda_runtime_api.h", "cuda_fp16.h", "cuda_bf16.h", "nvtx3/nvToolsExt.h")
NO_TOOLKIT = re.compile("fatal error: (" + "|".join(map(re.escape, TOOLKIT)) + "): No such file")
FIRST = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', re.MULTILINE)


def commands(build):
    """Source -> its compiler's arguments, for the C++ sources of the build."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    found = {}
    for entry in entries:
        if entry["file"].endswith(".cpp"):
            found.setdefault(os.path.realpath(entry["file"]), shlex.split(entry["command"]))
    return found


def alone(arguments, header):
    """The same command, for the header alone: nothing is written, nothing precompiled is put before it."""
    kept, skip = [], False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in ("-o", "-include"):
            skip = True
        elif argument in ("-c", "-Winvalid-pch") or argument.endswith((".cpp", ".o")) or argument == "ccache":
            continue
        else:
            kept.append(argument)
    return kept + ["-O0", "-fsyntax-only", "-x", "c++", "-include", header, os.devnull]


def check(root, build):
    root = os.path.realpath(root)
    sources = commands(build)
    proved, of_folder = set(), {}
    for source, arguments in sorted(sources.items()):
        if not source.startswith(root + os.sep) or not os.path.exists(source):
            continue
        path = os.path.relpath(source, root)
        of_folder.setdefault(os.path.dirname(path), arguments)
        of_folder.setdefault(path.split("/")[0], arguments)
        first = FIRST.search(tree.text(root, path))
        if first and not any("cmake_pch" in argument for argument in arguments):
            proved.add(first.group(1))
    todo = []
    for header in tree.files(root):
        folder = header.split("/")[0]
        if header.endswith(".hpp") and header not in proved and folder != "tests":
            arguments = of_folder.get(os.path.dirname(header)) or of_folder.get(folder)
            if arguments:
                todo.append((header, alone(arguments, os.path.join(root, header))))

    left_out = []

    def compiled(item):
        done = subprocess.run(item[1], cwd=build, capture_output=True, text=True, errors="replace")
        lines = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
        if NO_TOOLKIT.search(done.stderr):
            left_out.append(item[0])
            return []
        return [] if done.returncode == 0 else [f"{item[0]} does not compile alone: {lines[0] if lines else 'no message'}"]

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        findings = [finding for each in pool.map(compiled, todo) for finding in each]
    print(f"{len(proved)} headers are the first include of their source, {len(todo) - len(left_out)} were compiled alone" +
          (f", {len(left_out)} need the CUDA toolkit, which is not here" if left_out else ""))
    return findings


if __name__ == "__main__":
    found = check(sys.argv[1], sys.argv[2])
    print(*found, sep="\n")
    sys.exit(1 if found else 0)
