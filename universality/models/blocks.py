"""The list of layers of a language model, found by what it is and not by what it is called."""

from __future__ import annotations

from typing import Any

from torch import nn

from universality.errors import InvalidInputError, UnsupportedError


def find_blocks(model: nn.Module, path: str | None = None) -> nn.ModuleList:
    """The layers: the only list of modules, inside of no other, that is as long as the config says.

    `path` names the list instead, as `model.get_submodule` takes it.

    Raises:
        UnsupportedError: there is no such list, or there are several; the message names them.
        InvalidInputError: at `path` there is no list of modules.
    """
    if path is not None:
        return _at(model, path)
    wanted = _n_layers(model)
    found = {
        name: module
        for name, module in _outermost_lists(model).items()
        if wanted is None or len(module) == wanted
    }
    if len(found) == 1:
        return next(iter(found.values()))
    length = "" if wanted is None else f" of length {wanted}"
    which = f"several ({', '.join(found)})" if found else "no list of layers"
    raise UnsupportedError(
        f"{type(model).__name__}: {which}{length}; hooks cannot be placed. Give the path of the "
        "list of its layers (--blocks), such as model.layers"
    )


def _at(model: nn.Module, path: str) -> nn.ModuleList:
    try:
        found = model.get_submodule(path)
    except AttributeError as error:
        raise InvalidInputError(f"--blocks {path!r}: {error}") from error
    if not isinstance(found, nn.ModuleList):
        raise InvalidInputError(
            f"--blocks {path!r}: a {type(found).__name__} and no list of modules; lists here are "
            f"{', '.join(_outermost_lists(model)) or 'none'}"
        )
    return found


def _n_layers(model: nn.Module) -> int | None:
    config: Any = getattr(model, "config", None)
    if config is None:
        return None
    count = getattr(config.get_text_config(), "num_hidden_layers", None)
    return None if count is None else int(count)


def _outermost_lists(model: nn.Module) -> dict[str, nn.ModuleList]:
    lists = {
        name: module for name, module in model.named_modules() if isinstance(module, nn.ModuleList)
    }
    return {
        name: module
        for name, module in lists.items()
        if not any(name.startswith(f"{other}.") for other in lists)
    }
