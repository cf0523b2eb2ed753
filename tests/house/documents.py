"""Documents: no line longer than 120 columns (tables aside), no name of a file that does not exist.

Names are looked for in documents, in the C++ and CUDA sources (comments and what is printed) and in the comments of CMake
files and scripts. A name without a folder must be the name of some file, one with folders the end of some file's path.
"""
import os
import posixpath
import re

import tree

WIDTH = 120
SOURCE_NAME = re.compile(r"(?<![\w./<>{}$*-])((?:[\w.-]+/)*[\w-][\w.-]*\.(?:hpp|cpp|cuh|cu|cmake))(?![\w*/-])")
PROJECT_NAME = re.compile(r"(?<![\w./<>{}$*-])((?:scripts|docs)/[\w./-]*[\w-])(?![\w*{<-])")
LINK = re.compile(r"\]\(([^)#\s]+)")
SOURCES = (".hpp", ".cpp", ".cu", ".cuh")
SCRIPTS = (".cmake", ".sh", ".py", ".in")
OTHERS = ("include/cute/",)  # files of CUTLASS, which a comment may cite
PLACEHOLDER = re.compile(r"[A-Z]{4,}")


def told(path, content):
    """(number, line) of the lines that people read."""
    document, source = path.endswith((".md", ".md.in")), path.endswith(SOURCES)
    script = path.endswith(SCRIPTS) or os.path.basename(path) == "CMakeLists.txt" or content.startswith("#!")
    for number, line in enumerate(content.split("\n"), 1):
        if document or (source and not line.lstrip().startswith("#include")):
            yield number, line
        elif script and "#" in line:
            yield number, line[line.index("#"):]


def check(root):
    paths = tree.files(root)
    ends = set()
    for path in paths:
        parts = path.split("/")
        ends.update("/".join(parts[i:]) for i in range(len(parts)))
    folders = {posixpath.dirname(path) for path in paths}
    findings = []
    for path in paths:
        if path.startswith("tests/house/") or not (path.endswith((".md",) + SOURCES + SCRIPTS) or "." not in path.split("/")[-1]
                                                   or path.endswith("CMakeLists.txt")):
            continue
        content = tree.text(root, path)
        for number, line in told(path, content):
            where = f"{path}:{number}: "
            if path.endswith(".md"):
                if len(line) > WIDTH and not line.startswith("|"):
                    findings.append(f"{where}{len(line)} columns; at most {WIDTH} are allowed")
                for target in LINK.findall(line):
                    if "://" not in target and not os.path.exists(os.path.join(root, os.path.dirname(path), target)):
                        findings.append(f"{where}links to {target}, which does not exist")
            for name in SOURCE_NAME.findall(line):
                if name.removeprefix("./") not in ends and not PLACEHOLDER.search(name) and not name.startswith(OTHERS):
                    findings.append(f"{where}names {name}, which does not exist")
            for name in PROJECT_NAME.findall(line):
                if name not in ends and name not in folders and not SOURCE_NAME.fullmatch(name):
                    findings.append(f"{where}names {name}, which does not exist")
    return findings


if __name__ == "__main__":
    tree.main(check)
