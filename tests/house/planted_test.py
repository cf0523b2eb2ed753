"""The checks of this folder find what is planted, and nothing in a tree that is as it should be."""
import json
import os
import shutil
import tempfile
import unittest

import documents
import folders
import format as formatting
import headers
import names
import wrap

GOOD = {
    "README.md": "See [the demo](docs/demo.md), `llsa/a.hpp` and scripts/run.\n| " + "wide table " * 20 + "|\n",
    "docs/demo.md": "As `a.hpp` says. Writes `out/report.md` and model_READER.cpp.\n",
    "scripts/run": "#!/bin/sh\n# Like llsa/a.cpp.\n",
    "llsa/a.hpp": "#pragma once\n#include <vector>\nstd::vector<int> numbers();\n",
    "llsa/a.cpp": '#include "llsa/a.hpp"\n\nstd::vector<int> numbers() { return {}; }\n',
    "reference/b.hpp": '#pragma once\n#include "llsa/a.hpp"\n',
    "tests/a_test.cpp": "TEST(Numbers, are_few) {}\nTYPED_TEST_SUITE(Numbers, Types);\n",
    "compare/c.cpp": '#include "reference/b.hpp"\n',
    ".clang-format": "BasedOnStyle: Google\n",
}


class Planted(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root)
        for path, content in GOOD.items():
            self.write(path, content)

    def write(self, path, content):
        whole = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "w", encoding="utf-8") as file:
            file.write(content)

    def one(self, findings, *words):
        self.assertEqual(len(findings), 1, findings)
        for word in words:
            self.assertIn(word, findings[0])

    def test_nothing_is_found_in_a_good_tree(self):
        self.assertEqual(documents.check(self.root) + folders.check(self.root) + names.check(self.root), [])

    def test_a_long_line_is_found_and_counted_in_characters(self):
        self.write("docs/long.md", "é" * 120 + "\n" + "é" * 121 + "\n")
        self.one(documents.check(self.root), "docs/long.md:2", "121 columns")

    def test_what_is_wrapped_says_the_same_and_fits(self):
        text = ("* " + "some `code in one piece` and words " * 9 + "\n\n| " + "x" * 130 + " |\n\n```\nllsa-compare run " +
                "--option value " * 12 + " # why\n```\n")
        after = wrap.wrapped_text(text)
        self.assertTrue(all(len(line) <= 120 or line.startswith("|") for line in after.split("\n")), after)
        self.assertEqual(sorted(after.replace(" \\\n", " ").split()), sorted(text.split()))
        self.assertEqual(wrap.wrapped_text(after), after)

    def test_a_name_without_a_file_is_found_in_a_document(self):
        self.write("docs/demo.md", "See `demo/projection.hpp`.\n")
        self.one(documents.check(self.root), "docs/demo.md:1", "demo/projection.hpp")

    def test_a_name_without_a_file_is_found_in_a_comment(self):
        self.write("llsa/a.cpp", '#include "llsa/a.hpp"\n// See gone.hpp.\n')
        self.one(documents.check(self.root), "llsa/a.cpp:2", "gone.hpp")

    def test_a_name_without_a_file_is_found_in_what_is_printed(self):
        self.write("llsa/a.cpp", 'const char* text = "see llsa/gone.hpp for more";\n')
        self.one(documents.check(self.root), "llsa/gone.hpp")

    def test_a_folder_that_is_not_the_file_s_own_is_found(self):
        self.write("llsa/a.cpp", "// As reference/a.hpp says.\n")
        self.one(documents.check(self.root), "reference/a.hpp")

    def test_a_script_and_a_link_without_a_file_are_found(self):
        self.write("docs/demo.md", "Run scripts/walk.\n")
        self.one(documents.check(self.root), "scripts/walk")
        self.write("docs/demo.md", "![picture](images/none.png)\n")
        self.one(documents.check(self.root), "images/none.png")

    def test_an_arrow_upwards_is_found(self):
        self.write("llsa/a.cpp", '#include "reference/b.hpp"\n')
        self.one(folders.check(self.root), "llsa must not depend on reference")

    def test_a_ruler_that_knows_a_command_is_found(self):
        self.write("compare/run/d.hpp", "#pragma once\n")
        self.write("compare/c.cpp", '#include "compare/run/d.hpp"\n')
        self.one(folders.check(self.root), "compare must not depend on compare/run")

    def test_a_new_folder_must_say_what_it_stands_on(self):
        self.write("attic/a.cpp", "int x;\n")
        self.one(folders.check(self.root), "attic")

    def test_a_test_that_is_no_sentence_in_snake_case_is_found(self):
        for macro in ("TEST", "TEST_F", "TEST_P", "TYPED_TEST", "RC_GTEST_PROP", "RC_GTEST_FIXTURE_PROP"):
            self.write("tests/b_test.cpp", f"TEST(A, is_b) {{}}\n{macro}(Numbers, AreFew) {{}}\n")
            self.one(names.check(self.root), "tests/b_test.cpp:2", "Numbers.AreFew")

    def test_a_name_of_a_device_pointer_outside_the_cuda_code_is_found(self):
        self.write("cuda/a.cuh", "float* d_x;\n")
        self.write("llsa/e.hpp", "#pragma once\ninline double id_x = 1;\ninline double d_x = 2;\n")
        self.one(names.check(self.root), "llsa/e.hpp:3", "d_x")

    @unittest.skipUnless(shutil.which("c++"), "no C++ compiler")
    def test_a_header_that_needs_another_first_is_found(self):
        self.write("llsa/lonely.hpp", "#pragma once\nstd::vector<int> more();\n")
        self.write("llsa/a.cpp", '#include "llsa/a.hpp"\n#include "llsa/lonely.hpp"\n')
        entries = [{"directory": self.root, "file": os.path.join(self.root, path),
                    "command": f"c++ -std=c++20 -I{self.root} -o {path}.o -c {os.path.join(self.root, path)}"}
                   for path in ("llsa/a.cpp", "compare/c.cpp")]
        self.write("build/compile_commands.json", json.dumps(entries))
        self.write("llsa/device.hpp", "#pragma once\n#include <cuda_nothing_of_the_kind.h>\n")
        found = headers.check(self.root, os.path.join(self.root, "build"))
        self.assertEqual(len(found), 2, found)
        self.one([line for line in found if "lonely" in line], "llsa/lonely.hpp does not compile alone")
        self.one([line for line in found if "device" in line], "llsa/device.hpp does not compile alone")

    @unittest.skipUnless(formatting.clang_format(), "clang-format 14 is not installed")
    def test_a_deviation_from_the_format_is_found(self):
        program = formatting.clang_format()
        self.assertEqual(formatting.check(self.root, program), [])
        self.write("llsa/a.hpp", "#pragma once\nint  x ;\n")
        self.one(formatting.check(self.root, program), "llsa/a.hpp")
        formatting.check(self.root, program, fix=True)
        self.assertEqual(formatting.check(self.root, program), [])


if __name__ == "__main__":
    unittest.main()
