"""Operators: what may be written instead of a piece of C++. Each takes a node of tree-sitter's tree and yields Changes."""
from collections import namedtuple

# range: the bytes that are replaced; form: how the copy chooses at run time (an expression, a condition, or a statement that
# is dropped); text: what stands there instead (empty where a statement is dropped).
Change = namedtuple("Change", "operator start end form text")

RELATIONAL = {"<": ("<=", ">="), ">": (">=", "<="), "<=": ("<", ">"), ">=": (">", "<"), "==": ("!=",), "!=": ("==",)}
ARITHMETIC = {"+": "-", "-": "+", "*": "/", "/": "*", "%": "*", "<<": ">>", ">>": "<<", "&": "|", "|": "&", "^": "&"}
ASSIGNING = {"+=": "-=", "-=": "+=", "*=": "/=", "/=": "*=", "&=": "|=", "|=": "&=", "^=": "&=", "<<=": ">>=", ">>=": "<<="}
TEXTS = ("string_literal", "raw_string_literal", "concatenated_string", "char_literal")


def words(node):
    return node.text.decode()


def instead(operator, node, text, form="expression"):
    return Change(operator, node.start_byte, node.end_byte, form, text)


def has_text(node):
    """Whether a string is in the expression: `+` between strings has no other meaning."""
    return node.type in TEXTS or any(has_text(child) for child in node.children)


def binary(node):
    left, sign, right = (node.child_by_field_name(name) for name in ("left", "operator", "right"))
    if left is None or sign is None or right is None:
        return
    a, sign, b = words(left), words(sign), words(right)
    for other in RELATIONAL.get(sign, ()):
        yield instead("relational", node, f"{a} {other} {b}")
    if sign in ARITHMETIC and not has_text(node):
        yield instead("arithmetic", node, f"{a} {ARITHMETIC[sign]} {b}")
    if sign in ("&&", "||"):
        yield instead("logical", node, f"{a} {'||' if sign == '&&' else '&&'} {b}")
        yield instead("dropped condition", node, f"static_cast<bool>({a})")
        yield instead("dropped condition", node, f"static_cast<bool>({b})")


def unary(node):
    sign, argument = node.child_by_field_name("operator"), node.child_by_field_name("argument")
    if sign is not None and argument is not None and words(sign) in ("!", "-", "~"):
        yield instead("negation", node, f"{'static_cast<bool>' if words(sign) == '!' else ''}({words(argument)})")


def assignment(node):
    left, sign, right = (node.child_by_field_name(name) for name in ("left", "operator", "right"))
    if sign is not None and words(sign) in ASSIGNING and not has_text(node):
        yield instead("arithmetic", node, f"{words(left)} {ASSIGNING[words(sign)]} {words(right)}")


def kind_of_constant(node):
    while node is not None and node.type not in ("compound_statement", "translation_unit"):
        if node.type in ("field_declaration", "optional_parameter_declaration"):
            return "default"
        node = node.parent
    return "constant"


def number(node):
    if node.parent is not None and node.parent.type == "user_defined_literal":
        return
    for step in ("+ 1", "- 1"):
        yield instead(kind_of_constant(node), node, f"{words(node)} {step}")


def truth(node):
    yield instead(kind_of_constant(node), node, "false" if node.type == "true" else "true")


def condition_of(node):
    """The expression that decides, where it is one: not `if (const auto x = ...)`."""
    condition = node.child_by_field_name("condition")
    if condition is not None and condition.type == "condition_clause":
        if condition.child_by_field_name("initializer") is not None:
            return None
        condition = condition.child_by_field_name("value")
    if condition is None or "declaration" in condition.type or condition.type == "init_statement":
        return None
    return condition


def decision(node):
    if any(child.type == "constexpr" for child in node.children):
        condition = condition_of(node)
        if condition is not None:
            yield instead("template branch", condition, "true", "constant")
            yield instead("template branch", condition, "false", "constant")
        return
    condition = condition_of(node)
    if condition is None or condition.type in ("true", "false", "number_literal"):
        return
    form = "condition"
    yield instead("negated condition", condition, f"!({words(condition)})", form)
    if node.type == "if_statement":
        yield instead("dropped condition", condition, "true", form)
        yield instead("dropped condition", condition, "false", form)


def loop(node):
    condition = node.child_by_field_name("condition")
    if condition is None or condition.type != "binary_expression":
        return
    left, sign, right = (condition.child_by_field_name(name) for name in ("left", "operator", "right"))
    if words(sign) in ("<", "<="):
        yield instead("loop end", condition, f"{words(left)} {words(sign)} {words(right)} - 1")


def statement(node):
    inner = node.named_children[0] if node.named_children else None
    if inner is None or inner.type in ("cast_expression", "string_literal", "identifier"):
        return
    yield instead("dropped statement", node, "", "statement")


def jump(node):
    if node.type == "return_statement" and node.named_child_count:
        return  # a value must be returned
    yield instead("dropped jump", node, "", "statement")


def throw(node):
    """Only what an `if` decides: behind it the function goes on."""
    parent = node.parent
    if parent is not None and parent.type == "compound_statement":
        parent = parent.parent
    if parent is not None and parent.type == "if_statement":
        yield instead("dropped statement", node, "", "statement")


def call(node):
    function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if function is None or arguments is None or arguments.type != "argument_list":
        return
    if words(function) == "static_cast<double>" and arguments.named_child_count == 1:
        yield instead("float for double", node, f"static_cast<double>(static_cast<float>{words(arguments)})")
    parts = [child for child in arguments.named_children if child.type != "comment"]
    for i in range(len(parts) - 1):
        first, second = parts[i], parts[i + 1]
        if first.type == second.type and first.type in ("identifier", "field_expression") and words(first) != words(second):
            swapped = [words(part) for part in parts]
            swapped[i], swapped[i + 1] = swapped[i + 1], swapped[i]
            yield instead("swapped arguments", node, f"{words(function)}({', '.join(swapped)})")


OPERATORS = {
    "binary_expression": (binary,), "unary_expression": (unary,), "assignment_expression": (assignment,),
    "number_literal": (number,), "true": (truth,), "false": (truth,), "if_statement": (decision,),
    "while_statement": (decision,), "conditional_expression": (decision,), "for_statement": (loop,),
    "expression_statement": (statement,), "break_statement": (jump,), "continue_statement": (jump,),
    "return_statement": (jump,), "throw_statement": (throw,), "call_expression": (call,),
}


def changes(node):
    for operator in OPERATORS.get(node.type, ()):
        yield from operator(node)
