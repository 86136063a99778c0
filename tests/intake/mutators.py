"""Ways in which inputs are wrong as a whole: other formats, other values, other kinds of files.

Unlike the bytes that `tests.loading.mutations` flips and cuts, most of these leave a file that its
library reads without a word.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from tests.intake.whole_files import (
    another_kind_of_file,
    cut_or_repeat,
    files_in,
    link_in_circles,
    remove,
    sparse,
    swap_formats,
    swap_two,
)
from tests.intake.wrong_arrays import (
    large_header,
    strange_archive,
    strange_arrays,
    tensor_dtypes,
    tensor_metadata,
    tensor_names,
    tensor_shapes,
    tensor_values,
)
from tests.intake.wrong_json import json_keys, json_numbers, json_values, json_whole
from tests.intake.wrong_tables import arrow, broken_csv, broken_lines, tables
from tests.intake.wrong_values import Mutator

ANY: tuple[Mutator, ...] = (
    swap_formats, swap_two, another_kind_of_file, link_in_circles, sparse, cut_or_repeat, remove,
)  # fmt: skip
BY_SUFFIX: dict[str, tuple[Mutator, ...]] = {
    ".json": (json_numbers, json_values, json_values, json_values, json_keys, json_whole),
    ".meta": (json_numbers, json_values, json_values, json_keys, json_whole),
    ".jsonl": (broken_lines, broken_lines, broken_lines, broken_lines),
    ".safetensors": (
        tensor_values, tensor_values, tensor_shapes, tensor_dtypes, tensor_names, tensor_metadata,
        large_header,
    ),
    ".npy": (strange_arrays, strange_arrays, large_header),
    ".npz": (strange_arrays, strange_arrays, strange_arrays, strange_archive, strange_archive),
    ".csv": (tables, tables, broken_csv, broken_csv),
    ".parquet": (tables, tables, tables),
    ".arrow": (arrow, arrow),
}  # fmt: skip


def mutate(place: Path, rng: random.Random) -> str:
    """Make one or two things wrong with an input; the names of what was done."""
    done = []
    for _ in range(rng.choice((1, 1, 1, 2))):
        files = [path for path in files_in(place) if path.stat().st_size < 2**30]
        if not files:
            break
        path = rng.choice(files)
        special = BY_SUFFIX.get(path.suffix, ())
        way = rng.choice(special if special and rng.random() < 0.65 else ANY)
        try:
            way(path, rng)
        except Exception:  # what was made wrong before cannot be changed as if it were whole
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        done.append(f"{way.__name__} {path.name}")
    return ", ".join(done)
