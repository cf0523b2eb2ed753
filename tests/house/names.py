"""Names of tests: sentences in snake_case. Suites keep their CamelCase, as GoogleTest asks. And names that begin with d_: they
are device pointers (spec, "Words"), so they belong to the CUDA code and to what calls it."""
import re

import tree

TEST = re.compile(r"^\s*(?:TYPED_)?(?:TEST(?:_F|_P)?|RC_GTEST(?:_FIXTURE)?_PROP)\(\s*(\w+)\s*,\s*(\w+)", re.MULTILINE)
DEVICE_POINTER = re.compile(r"(?<![\w\"'])d_[a-z]\w*")
DEVICE_FOLDERS = ("cuda/", "tests/cuda/", "python/binding/device_")
SENTENCE = re.compile(r"[a-z][a-z0-9_]*")


def check(root):
    findings = []
    for path in tree.files(root):
        if not path.endswith((".cpp", ".cu", ".hpp", ".cuh")):
            continue
        text = tree.text(root, path)
        if not path.startswith(DEVICE_FOLDERS):
            for match in DEVICE_POINTER.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                findings.append(f"{path}:{line}: {match[0]} is named like a device pointer")
        for match in TEST.finditer(text):
            if not SENTENCE.fullmatch(match[2]):
                line = text.count("\n", 0, match.start(2)) + 1
                findings.append(f"{path}:{line}: the test {match[1]}.{match[2]} is no sentence in snake_case")
    return findings


if __name__ == "__main__":
    tree.main(check)
