"""Folders: none includes one that it must not depend on. The arrows of CONTRIBUTING.md, written out."""
import re

import tree

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
RULER = {"llsa", "reference", "backends", "files", "program"}
# What each folder may include beside itself. compare/ is the ruler; the folders below it are the commands.
ALLOWED = {
    "llsa": set(),
    "reference": {"llsa"},
    "cuda": {"llsa"},
    "backends": {"llsa", "reference", "cuda"},
    "program": {"llsa", "files"},
    "files": {"llsa"},
    "plot": {"llsa", "files"},
    "datasets": {"llsa", "files"},
    "diffusion": {"llsa", "reference", "backends", "files", "datasets", "plot", "program"},
    "compare": RULER,
    "compare/run": RULER | {"compare"},
    "compare/verify": RULER | {"compare"},
    "compare/check": RULER | {"compare", "compare/verify"},
    "compare/profile": RULER | {"compare", "plot", "cuda"},
    "compare/approximate": RULER | {"compare", "plot", "datasets"},
    "compare/recommend": RULER | {"compare", "plot", "compare/approximate", "compare/profile"},
    "compare/tables": RULER | {"compare", "plot", "datasets", "diffusion", "compare/profile"},
    "demo": {"llsa", "reference", "backends", "files", "datasets", "plot", "program", "diffusion", "compare"},
    "viewer": {"llsa", "reference", "backends", "files", "datasets", "plot", "program", "diffusion", "compare", "compare/verify"},
    "benchmarks": RULER | {"compare", "compare/profile"},
}
FREE = ("tests", "python")  # what stands on everything


def folder_of(path):
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == "compare" and len(parts) > 2 else parts[0]


def check(root):
    paths = tree.files(root)
    top = {path.split("/")[0] for path in paths if "/" in path}
    findings = []
    for path in paths:
        folder = folder_of(path)
        if not path.endswith((".hpp", ".cpp", ".cu", ".cuh")) or folder in FREE or "/" not in path:
            continue
        if folder not in ALLOWED:
            findings.append(f"{path}: tests/house/folders.py does not say what {folder} may include")
            continue
        for name in INCLUDE.findall(tree.text(root, path)):
            target = folder_of(name)
            if name.split("/")[0] in top and "/" in name and target != folder and target not in ALLOWED[folder]:
                findings.append(f"{path}: includes {name}; {folder} must not depend on {target}")
    return findings


if __name__ == "__main__":
    tree.main(check)
