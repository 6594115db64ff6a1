"""docs/undo.md, written from the tables that the undo uses, so that page and code cannot say different things.

python -m stratus.cluster.document > docs/undo.md
"""

from __future__ import annotations

from collections.abc import Mapping

from stratus.cluster import classify as c
from stratus.cluster.normal import SERVER_FIELDS
from stratus.cluster.tree import MERGE_KEYS, dotted

TEXT = """# What undo restores, and what it cannot

Written from the code's tables by `python -m stratus.cluster.document`; the meaning of the words is in [tnr.md](tnr.md).

## How
For each step, newest first: the object as it was (P), as the server stored it right after our write (Q), and as it is now
(L) are compared place by place. Where P and Q differ: if L still reads Q, it becomes P; if it reads P, nothing is to do;
otherwise somebody changed it since, it stays, and the undo says so (DIVERGED). Everything else in the object stays as it
is now. The result is one PUT with L's uid and resourceVersion, so a write in between is a 409 and a new comparison, never
an overwrite. What the server refuses, and what is changed again as soon as it is put back, is DIVERGED with the fields.

- **Lists** are compared item by item where a key identifies every item in P, Q and L; otherwise (duplicate env names) a
  list is one value. The order returns too, others' items keep their neighbours. Fields that exclude each other
  (`value`/`valueFrom`, a probe's handler, a volume's source, a strategy, a budget's two sides) are one value.
- **Created objects** are deleted, unless somebody edited them (or put something into a new namespace). **Deleted
  objects** are created again with clusterIP, nodePort and labels as they were, under a new uid. A Deployment's
  ReplicaSets come first, without an owner, and it adopts them: revisions and template hashes are those of before, so
  `kubectl rollout undo` still works. What else it owned follows, under its new uid, and what lived on without it
  (orphans, or with another owner) finds it again.
- **Ownership** (`metadata.managedFields`): a second PUT hands each restored field back to whoever held it, so that the
  next server-side apply of a GitOps tool meets no conflict. Then everything is read once more: only that proves.
- **Status** is nobody's wish; but where a custom resource has it as a plain field, it is restored like one.
- **No undo**: a delete that only `--irreversible` let through, or a write to a subresource, is never RESTORED: its fields
  may read the snapshot again, and what it erased does not come back.
- **Autoscalers**: where a HorizontalPodAutoscaler set `spec.replicas` since, its value stays, and that is no conflict. A
  new one is deleted, and what it scaled gets its replicas back.

"""


def document() -> str:
    """The page."""
    keys = {name: ", or ".join("+".join(key) for key in choices) for name, choices in MERGE_KEYS.items()}
    parts = [
        TEXT,
        "## Keys of lists\nBy `name`, and:\n",
        _table(("list", "key"), keys),
        "\n## Fields that nobody restores\nBecause only the server or a controller writes them.\n",
        _server_fields(),
        "\n## Refused unless a person says `--irreversible`\nDeleting:\n",
        _table(("kind", "because"), c.LASTING_DELETES),
        "\nalso a finished Job (it would run again), anything with a finalizer (what it cleans up elsewhere does not"
        "\ncome back), and a StatefulSet whose claims go with it. Creating:\n",
        _table(("kind", "because"), c.LASTING_CREATIONS),
        "\nWriting to a subresource:\n",
        _table(("subresource", "because"), c.LASTING_SUBRESOURCES),
        "\nChanging what the API changes in one direction only: `immutable: true`, the growth of a claim, dropping a"
        "\nfinalizer, a volume's reclaim policy to Delete, the versions of a CustomResourceDefinition, resuming a Job,"
        "\nscaling down a StatefulSet that sheds claims, a pod's tolerations and deadline."
        "\nAlways refused: a new owner that does not exist, for which the garbage collector would delete the object.\n",
        "\n## Risk tiers\n- **cluster**: anything without a namespace, and everything in "
        + ", ".join(f"`{name}`" for name in sorted(c.SYSTEM_NAMESPACES))
        + ".\n- **sensitive**: deletes (but of pods), scaling to zero, DaemonSets, and the kinds "
        + ", ".join(sorted(c.SENSITIVE_KINDS))
        + ".\n- **workload**: the rest.\n",
    ]
    return "".join(parts)


def _table(head: tuple[str, str], rows: Mapping[str, str]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "|---|---|", *(f"| {left} | {right} |" for left, right in rows.items())]
    return "\n" + "\n".join(lines) + "\n"


def _server_fields() -> str:
    lines = ["| field | of | because |", "|---|---|---|"]
    for row in SERVER_FIELDS:
        lines.append(f"| `{dotted(row.path)}` | {', '.join(sorted(row.kinds)) or 'everything'} | {row.reason} |")
    return "\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(document(), end="")
