"""A connector between two runs of the tiny study, with everything that its result can hold."""

from __future__ import annotations

from typing import Any

import torch

from tests.tiny_study import TinyStudy
from universality.connectors.analytic_map import Between
from universality.connectors.connecting import Connected, connect
from universality.connectors.fit_settings import ConnectorSettings


def made_connection(study: TinyStudy, **settings: Any) -> Connected:
    """From the first run to the second, which read the same place: the layer between is nothing."""
    width = study.runs[0].d_in
    nothing = Between(
        torch.eye(width, dtype=torch.float32), torch.zeros(width, dtype=torch.float32), relu=False
    )
    return connect(
        study.runs[0],
        study.runs[1],
        (study.cache, study.cache),
        ConnectorSettings(**{"steps": 150, "batch_size": 256, "l1": 0.01} | settings),
        l1_path=(0.1,),
        between=nothing,
    )
