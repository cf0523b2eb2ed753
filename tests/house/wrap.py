"""Wraps the documents (*.md, or those named) at 120 columns: paragraphs and list items that have a longer line, and commands in
code blocks, at their options. Tables, headings and other code stay as they are."""
import os
import re
import sys

import tree
from documents import WIDTH

BULLET = re.compile(r"^\s*(?:[*-]|\d+\.)\s+")
MARKUP = re.compile(r"^\s*(?:[*+-]|\d+[.)]|#+|\||>)(?:\s|$)")


def words_of(text, room):
    """Words, code between backticks in one piece where it fits."""
    pieces = re.findall(r"(?:`[^`]*`|[^\s`])+|`", text)
    return [word for piece in pieces for word in ([piece] if len(piece) <= room else piece.split(" "))]


def wrapped(paragraph):
    """The paragraph's lines, filled anew when one of them is too long."""
    if all(len(line) <= WIDTH for line in paragraph):
        return paragraph
    bullet = BULLET.match(paragraph[0]) or re.match(r"^\s*", paragraph[0])
    indent = " " * len(bullet.group(0))
    text = " ".join([paragraph[0][bullet.end():]] + [line.strip() for line in paragraph[1:]])
    lines = [bullet.group(0).rstrip("\n")]
    begun = False
    for word in words_of(text, WIDTH - len(indent)):
        if begun and len(lines[-1]) + 1 + len(word) > WIDTH:
            if MARKUP.match(word):  # a line must not begin with it: the word before goes along
                lines[-1], before = lines[-1].rsplit(" ", 1)
                word = before + " " + word
            lines.append(indent + word)
        else:
            lines[-1] += (" " if begun else "") + word
        begun = True
    return lines


def wrapped_command(line):
    """A shell command over several lines, its comment before it; other code as it is."""
    if len(line) <= WIDTH or not re.match(r"^(\$ )?(llsa-|scripts/|build/|cmake |  --)", line):
        return [line]
    command, comment = re.match(r"^(.*?)(?:\s+(# .*))?$", line).groups()
    continued = command.endswith(" \\")
    lines, first = [], True
    for part in re.split(r" (?=\[?--)", command.removesuffix(" \\")):
        if not first and len(lines[-1]) + 1 + len(part) <= WIDTH - 2:
            lines[-1] += " " + part
        else:
            lines.append(part if first else "  " + part)
        first = False
    lines = [each + " \\" for each in lines[:-1]] + [lines[-1] + (" \\" if continued else "")]
    return ([comment] if comment else []) + lines


def wrapped_text(text):
    lines, paragraph, code = [], [], False

    def flush():
        lines.extend(wrapped(paragraph) if paragraph else [])
        paragraph.clear()

    for line in text.split("\n"):
        fence = line.lstrip().startswith("```")
        if fence or code or not line.strip() or line.startswith(("|", "#", "!", ">", "<")):
            flush()
            lines.extend(wrapped_command(line) if code and not fence else [line])
            code = code != fence
            continue
        if BULLET.match(line):
            flush()
        paragraph.append(line)
    flush()
    return "\n".join(lines)


if __name__ == "__main__":
    for path in sys.argv[1:] or [name for name in tree.files(tree.ROOT) if name.endswith(".md")]:
        whole = os.path.join(tree.ROOT, path)
        before = tree.text(tree.ROOT, path)
        after = wrapped_text(before)
        if after != before:
            with open(whole, "w", encoding="utf-8") as file:
                file.write(after)
