"""Schemata: the text of a source in which all its run-time mutants stand beside what they replace."""
import re

ASK = "llsa_mutant::is({})"


MARK = re.compile("\x01([mo/])([0-9]+);")  # where a mutant's own text (m) or its whole site (o) begins, and where it ends (/)


def choose(group, original):
    """The text of one site: `group` holds (number, mutant) of the same range."""
    form = group[0][1].form
    begin = "".join(f"\x01o{number};" for number, _ in group)
    end = "".join(f"\x01/{number};" for number, _ in reversed(group))
    if form == "statement":
        asked = " && ".join("!" + ASK.format(number) for number, _ in group)
        return begin + "{ if (" + asked + ") " + original + " }" + end
    if form == "condition":
        original = f"static_cast<bool>({original})"
    for number, mutant in reversed(group):
        original = f"({ASK.format(number)} ? (\x01m{number};{mutant.text}\x01/{number};) : ({original}))"
    return begin + original + end


def groups(numbered):
    """Mutants of one range and form together, outer ranges before the inner ones."""
    by_place = {}
    for number, mutant in numbered:
        by_place.setdefault((mutant.start, -mutant.end, mutant.form != "statement", mutant.form != "condition"), []).append(
            (number, mutant))
    return [by_place[place] for place in sorted(by_place)]


def render(source, numbered):
    """The new text, and where in it each mutant stands: a list of ((line, column), (line, column), number, whole site?)."""
    pending = groups(numbered)

    def piece(begin, end):
        """The text of source[begin:end] with the groups inside it."""
        out, at = "", begin
        while pending and pending[0][0][1].start < end:
            group = pending.pop(0)
            start, stop = group[0][1].start, group[0][1].end
            out += source[at:start].decode() + choose(group, piece(start, stop))
            at = stop
        return out + source[at:end].decode()

    return without_marks(piece(0, len(source)))


def without_marks(text):
    """Columns count bytes from 1, as compilers do."""
    out, spans, open_marks, line, column, at = [], [], [], 1, 1, 0
    for mark in MARK.finditer(text):
        part = text[at:mark.start()]
        at = mark.end()
        out.append(part)
        if "\n" in part:
            line += part.count("\n")
            column = 1
        column += len(part[part.rfind("\n") + 1:].encode())
        if mark.group(1) == "/":
            begin, whole = open_marks.pop()
            spans.append((begin, (line, column), int(mark.group(2)), whole))
        else:
            open_marks.append(((line, column), mark.group(1) == "o"))
    return "".join(out) + text[at:], spans


def at(spans, line, column):
    """The mutants that a compiler's message at this place speaks of: the innermost one, or those of the innermost site."""
    over = [span for span in spans if span[0] <= (line, column) < span[1]]
    if not over:
        return {span[2] for span in spans if span[0][0] <= line <= span[1][0]}
    inner = max(over, key=lambda span: (span[0], (-span[1][0], -span[1][1]), not span[3]))
    if not inner[3]:
        return {inner[2]}
    return {span[2] for span in over if span[:2] == inner[:2]}


def alone(source, mutant):
    """The text in which a mutant simply replaces the original."""
    text = mutant.text.encode() if mutant.form != "statement" else b";"
    if mutant.form != "statement":
        text = b"(" + text + b")"
    return source[:mutant.start] + text + source[mutant.end:]
