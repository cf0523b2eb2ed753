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


def entry(number, mutant, verdict):
    found = {"number": number, **{name: getattr(mutant, name) for name in FIELDS}, "state": verdict.state}
    if verdict.by:
        found["by"] = verdict.by
    if verdict.left_out:
        found["tests left out"] = verdict.left_out
    found["seconds"] = round(verdict.seconds, 2)
    return found


def equivalents(path):
    """{(file, original, replacement, nth): reason} of the reviewed list: lines `file | original | replacement | reason`."""
    known = {}
    if not os.path.exists(path):
        return known
    with open(path, encoding="utf-8") as file:
        for count, line in enumerate(file, 1):
            if not line.strip() or line.startswith("#"):
                continue
            parts = [part.strip() for part in line.split(" | ")]
            if len(parts) != 4 or not all(parts):
                raise BadList(f"{path}:{count}: a line must be `file | original | replacement | reason`")
            known[tuple(parts[:3])] = parts[3]
    return known


def shown(found):
    """The replacement as the list writes it: a dropped statement is `-`."""
    return squeezed(found["text"]) or "-"


def review(entries, known):
    """Marks what the list calls equivalent. A mutant that some test sees is not: that is returned as a complaint."""
    complaints = []
    for found in entries:
        reason = known.get((found["path"], squeezed(found["before"]), shown(found)))
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
