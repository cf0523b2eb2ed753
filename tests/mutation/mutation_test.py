"""The mutation runner: each operator on a small source, and a project with one planted bug that is seen and one that survives."""
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
if importlib.util.find_spec("tree_sitter_cpp") is None:
    python = os.path.join(ROOT, "build", "mutants", "python", "bin", "python")
    if os.path.exists(python) and os.path.realpath(sys.prefix) != os.path.realpath(os.path.dirname(os.path.dirname(python))):
        os.execv(python, [python, "-B", *sys.argv])
    print("tree-sitter is not installed; `scripts/mutate` installs it: skipped")
    sys.exit(77)

import report
import run
import schemata
import sites

INCLUDE = "#include"
LIBRARY = INCLUDE + """ "sign.hpp"

void count() {}

int sign(int x) {
  count();
  if (x > 0) return 1;
  if (x < 0) return -1;
  return 0;
}

int never(int x) { return x + 1; }
"""
TEST = INCLUDE + """ "../lib/sign.hpp"
int main() { return sign(5) == 1 && sign(0) == 0 ? 0 : 1; }
"""
CMAKE = """cmake_minimum_required(VERSION 3.20)
project(toy CXX)
set(CMAKE_CXX_STANDARD 20)
add_executable(toy_test lib/sign.cpp test/toy_test.cpp)
enable_testing()
add_test(NAME toy_test COMMAND toy_test)
"""


def found(source, kind=None):
    return [m for m in sites.in_source("a.cpp", source.encode()) if kind is None or m.operator == kind]


def texts(source, kind):
    return {m.text for m in found(source, kind)}


class Operators(unittest.TestCase):
    def test_a_comparison_moves_by_one_and_turns_round(self):
        self.assertEqual(texts("bool f(int a, int b) { return a < b; }", "relational"), {"a <= b", "a >= b"})
        self.assertEqual(texts("bool f(int a, int b) { return a == b; }", "relational"), {"a != b"})

    def test_arithmetic_is_exchanged_but_strings_are_left_alone(self):
        self.assertEqual(texts("int f(int a, int b) { return a % b; }", "arithmetic"), {"a * b"})
        self.assertEqual(texts("void f(int a) { a += 2; }", "arithmetic"), {"a -= 2"})
        self.assertEqual(texts('auto f(std::string a) { return a + "x"; }', "arithmetic"), set())

    def test_a_logical_operator_is_exchanged_and_loses_each_side(self):
        source = "bool f(bool a, bool b) { return a && b; }"
        self.assertEqual(texts(source, "logical"), {"a || b"})
        self.assertEqual(texts(source, "dropped condition"), {"static_cast<bool>(a)", "static_cast<bool>(b)"})

    def test_constants_and_defaults_move_by_one(self):
        self.assertEqual(texts("int f() { return g(7); }", "constant"), {"7 + 1", "7 - 1"})
        self.assertEqual(texts("struct A { int k = 8; bool on = true; };", "default"), {"8 + 1", "8 - 1", "false"})
        self.assertEqual(texts("void f(int k = 8);", "default"), {"8 + 1", "8 - 1"})

    def test_a_condition_is_negated_and_decided_beforehand(self):
        source = "void f(bool a) { if (a) g(); }"
        self.assertEqual(texts(source, "negated condition"), {"!(a)"})
        self.assertEqual(texts(source, "dropped condition"), {"true", "false"})
        self.assertEqual(texts("void f() { if (auto x = g()) h(x); }", "negated condition"), set())

    def test_statements_and_jumps_are_dropped_but_no_returned_value(self):
        self.assertEqual(len(found("void f() { g(); }", "dropped statement")), 1)
        for jump in ("break;", "continue;", "return;"):
            self.assertEqual(len(found(f"void f() {{ for (;;) {{ {jump} }} }}", "dropped jump")), 1, jump)
        self.assertEqual(found("int f() { return g(); }", "dropped jump"), [])
        self.assertEqual(len(found("void f(bool a) { if (a) throw g(); }", "dropped statement")), 1)

    def test_loops_end_one_early_arguments_swap_and_doubles_lose_digits(self):
        self.assertEqual(texts("void f(int n) { for (int i = 0; i < n; ++i) g(); }", "loop end"), {"i < n - 1"})
        self.assertEqual(texts("void f(int a, int b) { g(a, b, 1); }", "swapped arguments"), {"g(b, a, 1)"})
        self.assertEqual(texts("double f(int a) { return static_cast<double>(a); }", "float for double"),
                         {"static_cast<double>(static_cast<float>(a))"})
        self.assertEqual(texts("bool f(bool a) { return !a; }", "negation"), {"static_cast<bool>(a)"})

    def test_template_branches_and_constants_of_the_compiler_need_a_build_of_their_own(self):
        branch = found("template <bool A> void f() { if constexpr (A) g(); }", "template branch")
        self.assertEqual({m.text for m in branch}, {"true", "false"})
        sources = ("constexpr int k = 4;", "void f() { static constexpr int k = 4; }", "void f() { const int k = 4 * 2; }",
                   "void f() { g<4>(); }", "void f() { int a[4]; }", "void f(int x) { switch (x) { case 4: g(); } }")
        for source in sources:
            self.assertEqual({m.when for m in found(source, "constant")}, {"build"}, source)
        self.assertEqual({m.when for m in found("void f(int n) { const int k = n * 2; }")}, {"run"})
        self.assertEqual(found("static_assert(sizeof(int) == 4);"), [])

    def test_what_cannot_be_parsed_has_no_mutants(self):
        self.assertEqual(found("void f( { ) 3 + ; 4"), [])


class Schemata(unittest.TestCase):
    def test_all_mutants_of_a_source_live_in_one_text_and_are_found_again(self):
        source = "int f(int a, int b) {\n  if (a < b) g(a, b);\n  return a * 3;\n}\n"
        numbered = list(enumerate(found(source), 1))
        text, spans = schemata.render(source.encode(), numbered)
        lines = text.split("\n")
        self.assertEqual({span[2] for span in spans}, {number for number, _ in numbered})
        for number, mutant in numbered:
            self.assertIn(f"llsa_mutant::is({number})", text)
            if mutant.form != "statement":
                (begin,) = [span[0] for span in spans if span[2] == number and not span[3]]
                self.assertTrue(lines[begin[0] - 1][begin[1] - 1:].startswith(mutant.text))
                self.assertEqual(schemata.at(spans, *begin), {number})

    def test_a_dropped_statement_keeps_the_else_where_it_was(self):
        source = b"void f(bool a) { if (a) g(); else h(); }"
        (first, _) = found(source.decode(), "dropped statement")
        text, _ = schemata.render(source, [(1, first)])
        self.assertEqual(text, "void f(bool a) { if (a) { if (!llsa_mutant::is(1)) g(); } else h(); }")

    def test_one_mutant_alone_simply_stands_there(self):
        source = b"constexpr int k = 4;"
        texts_alone = {schemata.alone(source, m) for m in found(source.decode())}
        self.assertEqual(texts_alone, {b"constexpr int k = (4 + 1);", b"constexpr int k = (4 - 1);"})


class Samples(unittest.TestCase):
    def test_a_seed_is_a_sample_and_a_larger_one_holds_the_smaller(self):
        mutants = found("int f(int a) { return a + 1 < a * 2 ? g(a - 3) : h(a / 4); }")
        small, large = sites.draw(mutants, 3, "1:x"), sites.draw(mutants, 6, "1:x")
        self.assertEqual(large[:3], small)
        self.assertEqual(len({(m.start, m.end) for m in large}), 6)
        self.assertNotEqual(sites.draw(mutants, 3, "2:x"), small)


class Reports(unittest.TestCase):
    def entries(self):
        mutants = found("int f(int a) { return a + 1; }")
        states = (run.SEEN, run.SURVIVED, run.TIME_OUT)
        return [report.entry(i, m, run.Verdict(s, "t" if s != run.SURVIVED else "")) for i, (m, s) in
                enumerate(zip(mutants, states))]

    def test_the_share_counts_time_outs_as_seen_and_leaves_equivalent_ones_out(self):
        entries = self.entries()
        self.assertAlmostEqual(report.share(report.counts(entries)["a.cpp"]), 2 / 3)
        key = ("a.cpp", "", report.squeezed(entries[1]["before"]), report.shown(entries[1]))
        self.assertEqual(report.review(entries, {key: "why"}), [])
        self.assertEqual(report.share(report.counts(entries)["a.cpp"]), 1)

    def test_an_equivalent_mutant_that_a_test_sees_is_a_complaint(self):
        entries = self.entries()
        key = ("a.cpp", "", report.squeezed(entries[0]["before"]), report.shown(entries[0]))
        self.assertEqual(len(report.review(entries, {key: "why"})), 1)

    def test_the_reviewed_list_of_the_project_can_be_read(self):
        for path, line, before, _ in report.equivalents(os.path.join(HERE, "equivalent.txt")):
            with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                lines = [report.squeezed(each) for each in file]
            self.assertIn(line, lines, path)
            self.assertIn(before.split(" ")[0], line, path)

    def test_a_line_without_a_reason_is_refused(self):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("file: a.cpp\nline: a < b;\nchange: a => b\n")
            file.flush()
            with self.assertRaises(report.BadList):
                report.equivalents(file.name)


class Arguments(unittest.TestCase):
    def test_what_is_wrong_is_one_line_and_status_2(self):
        wrong = (["--seed", "0"], ["--count", "x"], ["--folder", "nowhere"], ["--against", "HEAD"], ["--only", "3"], ["--what"],
                 ["--quick", "--resume"], ["--json", "/nowhere/a.json"])
        for words in wrong:
            done = subprocess.run([sys.executable, "-B", os.path.join(HERE, "main.py"), *words], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1), (words, done.stderr))


@unittest.skipUnless(shutil.which("cmake") and shutil.which("ninja"), "needs cmake and ninja")
class Toy(unittest.TestCase):
    def test_what_the_test_asks_is_seen_what_it_does_not_survives_and_what_it_never_calls_is_not_reached(self):
        with tempfile.TemporaryDirectory() as root:
            files = {"lib/sign.cpp": LIBRARY, "lib/sign.hpp": "int sign(int x);\nint never(int x);\n", "test/toy_test.cpp": TEST,
                     "CMakeLists.txt": CMAKE, "mutation.json": json.dumps({"programs": {"lib": ["toy_test"]}})}
            for path, text in files.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text)
            def mutate(*words):
                return subprocess.run([sys.executable, "-B", os.path.join(HERE, "main.py"), *words], capture_output=True,
                                      env={**os.environ, "LLSA_MUTATE_ROOT": root, "CCACHE_DISABLE": "1"}, text=True)

            done = mutate("--json", os.path.join(root, "r.json"))
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            with open(os.path.join(root, "r.json"), encoding="utf-8") as file:
                mutants = json.load(file)["mutants"]
            states = {}
            for mutant in mutants:
                states.setdefault((mutant["line"], mutant["before"]), set()).add(mutant["state"])
            self.assertEqual(states[(7, "1")], {run.SEEN})
            self.assertEqual(states[(9, "0")], {run.SEEN})
            self.assertEqual(states[(6, "count();")], {run.SURVIVED})
            self.assertEqual({m["state"] for m in mutants if m["line"] == 12}, {run.NOT_REACHED})
            self.assertEqual({m["state"] for m in mutants if m["before"] == "-1"}, {run.NOT_REACHED})
            self.assertIn("| `lib` |", done.stdout)
            self.assertIn("survived: lib/sign.cpp:6:", done.stdout)
            self.assertIn("not reached: lib/sign.cpp:12:", done.stdout)
            with open(os.path.join(root, "lib", "sign.cpp"), encoding="utf-8") as file:
                self.assertEqual(file.read(), LIBRARY)
            table = done.stdout[done.stdout.index("| folder"):]
            again = mutate("--resume")
            self.assertEqual((again.returncode, again.stdout[again.stdout.index("| folder"):]), (0, table))
            with open(os.path.join(root, "lib", "sign.cpp"), "a", encoding="utf-8") as file:
                file.write("// later\n")
            changed = mutate("--resume")
            self.assertEqual(changed.returncode, 2)
            self.assertEqual(changed.stderr,
                             "scripts/mutate: --resume: lib/sign.cpp changed since; start a new run\n")


if __name__ == "__main__":
    unittest.main()
