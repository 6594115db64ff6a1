"""Nodes and what runs on them: the scheduler that places pods, and a kubelet per node that lives their lives.

Outcome = f(pod spec, image, cluster state). Nothing in this room looks at labels or flags to decide what happens: a
container fails because its image, its environment, its files, its memory or its network make it fail.
"""
