"""Sites: where mutants can be, found with tree-sitter; and which of them can live together in one build."""
import fnmatch
import os
import random
import subprocess
from collections import namedtuple

import tree_sitter
import tree_sitter_cpp

import operators

# when: "run" where the program can choose as it runs, "build" where each needs a build of its own.
Mutant = namedtuple("Mutant", "path line column operator start end form text before when")
EXTENSIONS = (".cpp", ".hpp", ".cu", ".cuh")
LEFT_OUT = ("cuda/ptx/*", "*/fuzz/*")  # compiled with nvcc or clang only
PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_cpp.language()))

NEVER = ("preproc_if", "preproc_elif", "preproc_def", "preproc_function_def", "preproc_include", "static_assert_declaration",
         "attribute_declaration", "attribute_specifier", "noexcept", "decltype", "sizeof_expression", "alignas_qualifier",
         "requires_clause", "requires_expression", "asm_statement", "ERROR", "concept_definition", "linkage_specification_",
         "bitfield_clause", "gnu_asm_expression", "explicit_function_specifier", "alignof_expression", "type_requirement")
CONSTANT = ("template_argument_list", "template_parameter_list", "enumerator", "optional_type_parameter_declaration")
INSIDE = ("compound_statement", "field_initializer_list", "optional_parameter_declaration", "try_statement")


def is_literal(node):
    """Made of literals and operators alone: the compiler may evaluate it before the program runs."""
    if node.type in ("call_expression", "identifier", "field_expression", "subscript_expression", "this", "lambda_expression"):
        return False
    return all(is_literal(child) for child in node.named_children)


def qualifiers(node):
    return {child.text.decode() for child in node.children if child.type in ("type_qualifier", "storage_class_specifier")}


def declared(node, child):
    """What a declaration says about the expressions in it: "build" where they must, or may, be constants."""
    marks = qualifiers(node)
    if "constexpr" in marks or "static" in marks or "thread_local" in marks or "extern" in marks:
        return "build"
    if "const" in marks and child.type == "init_declarator":
        value = child.child_by_field_name("value")
        if value is not None and is_literal(value):
            return "build"
    return None


def when(node):
    """"run", "build", or None where nothing is changed."""
    answer, inside, child = "run", False, node
    walk = node.parent
    if node.type in NEVER or node.is_missing:
        return None
    while walk is not None:
        if walk.type in NEVER or (walk.type.startswith("preproc_") and child == walk.child_by_field_name("condition")):
            return None
        if walk.type in CONSTANT:
            answer = "build"
        if walk.type == "case_statement" and child == walk.child_by_field_name("value"):
            answer = "build"
        if walk.type == "array_declarator" and child == walk.child_by_field_name("size"):
            answer = "build"
        if walk.type in ("if_statement",) and any(part.type == "constexpr" for part in walk.children):
            if child.type == "condition_clause":
                answer = "build"
        if walk.type in ("declaration", "field_declaration") and not inside:
            answer = declared(walk, child) or answer
            if walk.type == "field_declaration":
                inside = True
        if walk.type in INSIDE:
            inside = True
        if walk.type == "lambda_expression":
            inside = True
        child, walk = walk, walk.parent
    return answer if inside else "build"


def in_source(path, source):
    """All mutants of one source, each site's beside each other."""
    found = []

    def visit(node):
        if node.type in NEVER:
            return
        for change in operators.changes(node):
            moment = when(node)
            if moment is None:
                continue
            if change.form == "constant":
                moment = "build"
            before = source[change.start:change.end].decode()
            start = node if change.start == node.start_byte else None
            line = source.count(b"\n", 0, change.start) + 1
            column = change.start - (source.rfind(b"\n", 0, change.start) + 1) + 1
            del start
            found.append(Mutant(path, line, column, change.operator, change.start, change.end, change.form, change.text, before,
                                moment))
        for child in node.children:
            visit(child)

    visit(PARSER.parse(source).root_node)
    return found


def tracked(root):
    """The project's files: what git knows and does not ignore, or everything where there is no repository."""
    listed = subprocess.run(["git", "-C", root, "ls-files", "-z", "-co", "--exclude-standard"], capture_output=True)
    if listed.returncode == 0 and os.path.exists(os.path.join(root, ".git")):
        names = [name for name in listed.stdout.decode().split("\0") if name]
    else:
        names = [os.path.relpath(os.path.join(at, name), root) for at, _, there in os.walk(root) for name in there]
    return sorted(name for name in names if os.path.isfile(os.path.join(root, name)) and not name.startswith("build/"))


def read(root, path):
    with open(os.path.join(root, path), "rb") as file:
        return file.read()


def in_folder(root, folder, paths):
    """All mutants of the sources below a folder."""
    found = []
    for path in paths:
        if path.startswith(folder + "/") and path.endswith(EXTENSIONS):
            if not any(fnmatch.fnmatch(path, pattern) for pattern in LEFT_OUT):
                found += in_source(path, read(root, path))
    return found


def draw(mutants, count, seed, moments=("run", "build")):
    """A sample: sites drawn evenly, one mutant of each; the same seed draws the same ones, and a larger count only adds."""
    mutants = [mutant for mutant in mutants if mutant.when in moments]
    by_site = {}
    for mutant in mutants:
        by_site.setdefault((mutant.path, mutant.start, mutant.end), []).append(mutant)
    chance = random.Random(seed)
    places = sorted(by_site)
    chance.shuffle(places)
    return [chance.choice(by_site[place]) for place in places[:count]]
