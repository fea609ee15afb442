"""YAML aliases (*name) that stand for so much that reading them would not end."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from pipelines.config.errors import UserError

MAX_NODES = 200_000  # values of a file, aliases written out


def check_size(path: Path, root: yaml.Node) -> None:
    """Refuses aliases that, written out, make the file larger than anyone writes one."""
    sizes: dict[int, int] = {}
    for node in _children_first(root):
        sizes[id(node)] = 1 + sum(sizes.get(id(child), MAX_NODES) for child in _below(node))
        if sizes[id(node)] > MAX_NODES:
            raise UserError(
                "yaml-aliases",
                f"more than {MAX_NODES:,} values when its aliases (*name) are written out; "
                "write the blocks without anchors, or make them smaller",
                path=path, line=node.start_mark.line + 1,
            )  # fmt: skip


def _below(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield from (name, value)
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _children_first(root: yaml.Node) -> Iterator[yaml.Node]:
    """Every node once, after the nodes below it; a node inside itself comes before itself."""
    seen, stack = {id(root)}, [(root, _below(root))]
    while stack:
        node, children = stack[-1]
        child = next((child for child in children if id(child) not in seen), None)
        if child is None:
            stack.pop()
            yield node
        else:
            seen.add(id(child))
            stack.append((child, _below(child)))
