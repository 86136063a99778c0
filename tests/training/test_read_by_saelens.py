"""What training saves means to sae-lens what it means here: codes that sae-lens itself gave."""

import json

import pytest
import torch
from safetensors.torch import load_file

import universality as un
from tests.training.tiny_runs import NAMES, TRAINED, train_tiny


@pytest.mark.parametrize("name", NAMES)
def test_our_codes_of_a_trained_run_are_those_that_saelens_gives(name):
    theirs = load_file(TRAINED / name / "by_saelens.safetensors")
    dictionary = un.load(TRAINED / name)
    codes = dictionary.encode(theirs["x"])
    assert 0 < float((theirs["codes"] != 0).float().mean()) < 0.9
    assert torch.equal(codes != 0, theirs["codes"] != 0)
    torch.testing.assert_close(codes, theirs["codes"], rtol=1e-5, atol=1e-5)
    rebuilt = dictionary.decode(codes, theirs["x"])
    torch.testing.assert_close(rebuilt, theirs["reconstruction"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_saved_today_has_the_form_that_saelens_read(name, tmp_path):
    run = train_tiny(name, tmp_path)
    now, then = (json.loads((place / "cfg.json").read_text()) for place in (run, TRAINED / name))
    assert {key: now[key] for key in now if key != "metadata"} == {
        key: then[key] for key in then if key != "metadata"
    }
    now, then = (load_file(place / "sae_weights.safetensors") for place in (run, TRAINED / name))
    assert {key: (value.shape, value.dtype) for key, value in now.items()} == {
        key: (value.shape, value.dtype) for key, value in then.items()
    }
