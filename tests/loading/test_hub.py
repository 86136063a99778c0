"""Hub addresses, without a network: a cache made by hand, and a hub served from a folder."""

from __future__ import annotations

import http.server
import json
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

import universality as un
from tests.loading.fixtures import CHECKPOINTS, difference, expected
from universality.errors import (
    FormatError,
    MissingDependencyError,
    MissingFileError,
    UniversalityError,
)
from universality.input_normalization import LayerNorm, NoNormalization
from universality.loading import expand, hub
from universality.loading.addresses import resolve

huggingface_hub = pytest.importorskip("huggingface_hub")

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache made by hand with one repository at `main`, and the hub out of reach."""
    repo = tmp_path / "hub" / "models--org--saes"
    snapshot = repo / "snapshots" / COMMIT
    for name in ("standard", "topk"):
        shutil.copytree(CHECKPOINTS / "saelens" / name, snapshot / "layer.8" / name)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(COMMIT)
    (repo / "blobs").mkdir()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return snapshot


@pytest.mark.parametrize("revision", ["", "@main", f"@{COMMIT}"])
def test_a_cached_checkpoint_loads_offline(cache: Path, revision: str) -> None:
    dictionary = un.load(f"hf://org/saes{revision}/layer.8/topk")
    theirs = expected("saelens/topk")
    assert difference(dictionary.encode(theirs["x"]), theirs["codes"]) <= 1e-6
    assert dictionary.source.name == "topk"
    assert dictionary.source.spec == f"hf://org/saes{revision}/layer.8/topk"


def test_a_cached_repository_expands_to_its_checkpoints(cache: Path) -> None:
    expected_runs = ["hf://org/saes/layer.8/standard", "hf://org/saes/layer.8/topk"]
    assert expand("hf://org/saes") == expected_runs


@pytest.mark.parametrize(
    "address",
    [
        "hf://org/saes/layer.9",
        "hf://org/saes@v2/layer.8/topk",
        "hf://org/other/layer.8/topk",
    ],
    ids=["missing file", "missing revision", "wrong repository"],
)
def test_what_is_not_cached_names_the_command_that_fetches_it(cache: Path, address: str) -> None:
    with pytest.raises(MissingFileError) as caught:
        un.load(address)
    assert f"universality pretrained fetch {address}" in str(caught.value)


@pytest.mark.parametrize(
    "address", ["hf://org", "hf://org/repo/../other", "hf://org/repo name/x", "hf:///org/repo"]
)
def test_a_malformed_address_is_refused(address: str) -> None:
    with pytest.raises(FormatError, match="is no hub address"):
        un.load(address)


def test_an_existing_path_wins_over_every_other_reading(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("hf:/org/saes/layer.8/topk", "release:sae_id", "crosscoder#0"):
        shutil.copytree(CHECKPOINTS / "saelens" / "standard", tmp_path / name)
    assert un.load("hf://org/saes/layer.8/topk").source.spec.startswith("hf://")
    assert resolve("release:sae_id").path.name == "release:sae_id"
    assert resolve("crosscoder#0").part == ""


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingDependencyError, match=r"universality\[hub\]"):
        un.load("hf://org/saes")


REPOSITORY = {
    "saelens/topk": "run/topk",
    "llama_scope/topk": "llama/L8R-8x",
    "neel_nanda/run1": "several",
}


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A hub on this machine that serves one repository; yields the files it was asked for."""
    root = tmp_path / "repository"
    for source, place in REPOSITORY.items():
        shutil.copytree(CHECKPOINTS / source, root / place)
    shutil.copy(CHECKPOINTS / "neel_nanda/run1/25.pt", root / "several" / "47.pt")
    _split(CHECKPOINTS / "saelens" / "topk", root / "split")
    asked: list[str] = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(root, asked))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    template = f"{endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint)
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_PROGRESS_BARS", True)
    yield asked
    server.shutdown()
    server.server_close()
    thread.join()


def _split(source: Path, folder: Path) -> None:
    """A SAELens folder with its weights in two shards."""
    shutil.copytree(source, folder)
    weights = folder / "sae_weights.safetensors"
    tensors = load_file(weights)
    weights.unlink()
    shard_of = {
        name: f"sae_weights-0000{1 + number % 2}-of-00002.safetensors"
        for number, name in enumerate(sorted(tensors))
    }
    for shard in set(shard_of.values()):
        part = {name: tensor for name, tensor in tensors.items() if shard_of[name] == shard}
        save_file(part, folder / shard)
    index = folder / "sae_weights.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": shard_of}))


def _handler(root: Path, asked: list[str]) -> type[http.server.BaseHTTPRequestHandler]:
    names = [p.relative_to(root).as_posix() for p in sorted(root.rglob("*")) if p.is_file()]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path.startswith("/api/models/org/saes/revision/main"):
                siblings = [{"rfilename": name} for name in names]
                self._json({"id": "org/saes", "sha": COMMIT, "siblings": siblings})
            elif path.startswith("/api/models/org/saes/tree/"):
                self._json([self._entry(name) for name in names])
            elif path.startswith(f"/org/saes/resolve/{COMMIT}/"):
                self._file(path.removeprefix(f"/org/saes/resolve/{COMMIT}/"))
            else:
                self._missing()

        do_HEAD = do_GET  # noqa: N815 (the base class's spelling)

        def _entry(self, name: str) -> dict[str, object]:
            size = (root / name).stat().st_size
            return {"type": "file", "path": name, "size": size, "oid": f"{names.index(name):040x}"}

        def _json(self, content: object) -> None:
            self._send(json.dumps(content).encode(), {"Content-Type": "application/json"})

        def _file(self, name: str) -> None:
            if self.command == "GET":
                asked.append(name)
            etag = {"ETag": f'"{names.index(name):040x}"', "X-Repo-Commit": COMMIT}
            self._send((root / name).read_bytes(), etag)

        def _missing(self) -> None:
            code = "RevisionNotFound" if "org/saes" in self.path else "RepoNotFound"
            self.send_response(404)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _send(self, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(200)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def test_only_the_files_of_one_checkpoint_are_fetched(served: list[str]) -> None:
    dictionary = un.load("hf://org/saes/llama/L8R-8x")
    theirs = expected("llama_scope/topk")
    assert difference(dictionary.encode(theirs["x"]), theirs["codes"]) <= 1e-6
    assert sorted(served) == [
        "llama/L8R-8x/checkpoints/final.safetensors",
        "llama/L8R-8x/hyperparams.json",
    ]


@pytest.mark.parametrize(
    "named", ["", "/sae_weights.safetensors", "/sae_weights-00002-of-00002.safetensors"]
)
def test_a_checkpoint_in_shards_is_fetched_whole(served: list[str], named: str) -> None:
    dictionary = un.load(f"hf://org/saes/split{named}")
    theirs = expected("saelens/topk")
    assert difference(dictionary.encode(theirs["x"]), theirs["codes"]) <= 1e-6
    shards = [name for name in served if "-of-00002" in name]
    assert len(shards) == 2
    assert "split/sae_weights.safetensors.index.json" in served


def test_a_single_file_brings_its_configuration(served: list[str]) -> None:
    assert un.load("hf://org/saes/several/25.pt").key.seed == 49
    assert sorted(served) == ["several/25.pt", "several/25_cfg.json"]


def test_a_set_of_runs_is_expanded_from_the_listing_alone(served: list[str]) -> None:
    assert expand("hf://org/saes") == [
        "hf://org/saes/llama/L8R-8x",
        "hf://org/saes/run/topk",
        "hf://org/saes/several/25.pt",
        "hf://org/saes/several/47.pt",
        "hf://org/saes/split",
    ]
    assert not served


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("hf://org/saes", "folders below it do: llama/L8R-8x, run/topk"),
        ("hf://org/saes/several", "holds 2 checkpoints: several/25.pt, several/47.pt"),
        ("hf://org/saes/nowhere", "no such file, and no folder with weights"),
        ("hf://org/saes@v9/run/topk", "hf://org/saes@v9/run/topk:"),
        ("hf://org/nothing", "hf://org/nothing:"),
    ],
)
def test_the_hubs_refusals_are_one_line(served: list[str], address: str, words: str) -> None:
    with pytest.raises(UniversalityError) as caught:
        un.load(address)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert not served


def test_addresses_are_written_as_they_are_read() -> None:
    for spec in ("hf://org/saes", "hf://org/saes@v1/a/b", "hf://org/saes/a.pt"):
        assert str(hub.parse(spec)) == spec


def test_a_repository_whose_files_say_too_little_reads_as_its_release_does(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SAELens' list says of whole repositories what their configurations do not."""
    corrected = "universality.loading.saelens_registry._CORRECTED"
    plain = un.load("hf://org/saes/layer.8/topk")
    monkeypatch.setattr(corrected, {"org/saes": {"normalize_activations": "layer_norm"}})
    found = un.load("hf://org/saes/layer.8/topk")
    assert isinstance(plain.input_normalization, NoNormalization)
    assert isinstance(found.input_normalization, LayerNorm)
