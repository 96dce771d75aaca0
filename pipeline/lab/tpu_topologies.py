"""TPUs that a program may be compiled for: the smallest slice of each generation."""

from __future__ import annotations

from collections.abc import Mapping

# Generation -> its topology as JAX names it, its type as the compiler reads it.
TOPOLOGIES: Mapping[str, tuple[str, str]] = {
    "v2": ("v2:2x2", "v2-8"),
    "v4": ("v4:2x2x1", "v4-8"),
    "v5e": ("v5e:2x2", "v5litepod-4"),
    "v5p": ("v5p:2x2x1", "v5p-8"),
    "v6e": ("v6e:2x2", "v6e-4"),
}
