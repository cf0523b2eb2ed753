"""What the checks of the house share: the project's files, and how findings are told."""
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LEFT_OUT = ("build", "out", "dist", "__pycache__")


def files(root):
    """Paths of all files below root, relative to it and sorted; nothing that was built or is hidden (but .github)."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f == ".github" or not (
            f.startswith(".") or f.endswith(".egg-info") or (folder == root and f in LEFT_OUT) or f == "__pycache__")]
        found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted(found)


def text(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def main(check):
    """Runs check(root) over the project, or over the folder that the command line names; prints what it finds."""
    findings = check(sys.argv[1] if len(sys.argv) > 1 else ROOT)
    for finding in findings:
        print(finding)
    print(f"{len(findings)} findings")
    sys.exit(1 if findings else 0)
