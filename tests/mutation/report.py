"""Reports: what became of each mutant, as JSON and as a table per folder; and the reviewed list of equivalent mutants."""
import json
import os

import run

EQUIVALENT = "equivalent"
FIELDS = ("path", "line", "column", "operator", "before", "text", "when")
COLUMNS = (("seen", run.SEEN), ("time-out", run.TIME_OUT), ("survived", run.SURVIVED), ("not reached", run.NOT_REACHED),
           ("equivalent", EQUIVALENT), ("did not compile", run.NOT_COMPILED))


class BadList(Exception):
    pass


def squeezed(text):
    return " ".join(text.split())


def entry(number, mutant, verdict, source=""):
    """`source` is the line on which the mutant begins."""
    found = {"number": number, **{name: getattr(mutant, name) for name in FIELDS}, "source": squeezed(source),
             "state": verdict.state}
    if verdict.by:
        found["by"] = verdict.by
    if verdict.left_out:
        found["tests left out"] = verdict.left_out
    found["seconds"] = round(verdict.seconds, 2)
    return found


def equivalents(path):
    """{(file, line, original, replacement): reason} of the reviewed list, whose entries are four lines each."""
    known = {}
    if not os.path.exists(path):
        return known
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip() for line in file if line.strip() and not line.startswith("#")]
    for begin in range(0, len(lines), 4):
        fields = dict(line.split(": ", 1) for line in lines[begin:begin + 4] if ": " in line)
        change = fields.get("change", "").split(" => ")
        if sorted(fields) != ["change", "file", "line", "why"] or len(change) != 2:
            raise BadList(f"{path}: after '{lines[begin]}': an entry has file, line, change (original => replacement) and why")
        known[fields["file"], fields["line"], *change] = fields["why"]
    return known


def shown(found):
    """The replacement as the list writes it: a dropped statement is `-`."""
    return squeezed(found["text"]) or "-"


def review(entries, known):
    """Marks what the list calls equivalent. A mutant that some test sees is not: that is returned as a complaint."""
    complaints = []
    for found in entries:
        reason = known.get((found["path"], found["source"], squeezed(found["before"]), shown(found)))
        if reason is None:
            continue
        if found["state"] in (run.SEEN, run.TIME_OUT):
            complaints.append(f"{found['path']}:{found['line']} is listed as equivalent, but {found['by']} sees it")
        elif found["state"] in (run.SURVIVED, run.NOT_REACHED):
            found["state"], found["reason"] = EQUIVALENT, reason
    return complaints


def counts(entries):
    table = {}
    for found in entries:
        row = table.setdefault(found["path"].split("/")[0], {name: 0 for name, _ in COLUMNS})
        for name, state in COLUMNS:
            row[name] += found["state"] == state
    return table


def share(row):
    """Seen of all that a test could see."""
    whole = row["seen"] + row["time-out"] + row["survived"] + row["not reached"]
    return (row["seen"] + row["time-out"]) / whole if whole else None


def markdown(entries):
    names = [name for name, _ in COLUMNS]
    lines = ["| folder | mutants | " + " | ".join(names) + " | seen of those that could be |",
             "|---|" + "---:|" * (len(names) + 2)]
    table = counts(entries)
    rows = sorted(table.items())
    if len(rows) > 1:
        rows.append(("all", {name: sum(row[name] for row in table.values()) for name in names}))
    for folder, row in rows:
        part = share(row)
        lines.append(f"| `{folder}` | {sum(row.values())} | " + " | ".join(str(row[name]) for name in names) +
                     (f" | {100 * part:.1f}% |" if part is not None else " | - |"))
    return "\n".join(lines)


def survivors(entries):
    lines = []
    for found in sorted(entries, key=lambda one: (one["path"], one["line"])):
        if found["state"] in (run.SURVIVED, run.NOT_REACHED):
            left = f" ({found['tests left out']} tests left out)" if "tests left out" in found else ""
            lines.append(f"{found['state']}{left}: {found['path']}:{found['line']}:{found['column']}: {found['operator']}: "
                         f"`{squeezed(found['before'])[:90]}` -> `{shown(found)[:90]}`")
    return "\n".join(lines)


def write(path, whole):
    temporary = path + ".new"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(whole, file, indent=1)
        file.write("\n")
    os.replace(temporary, path)
