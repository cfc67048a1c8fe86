"""Models of Hugging Face: huggingface_hub knows the repositories, tokens, mirrors and its cache; the bytes come by
our own downloader, which holds them to their digest.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from fluxmlx.errors import DownloadError, ModelNotFoundError
from fluxmlx.hub import snapshot
from fluxmlx.hub.blobs import digest_of
from fluxmlx.hub.config import config_layer
from fluxmlx.hub.details import PullRecord
from fluxmlx.hub.download import Records, download, read_small, record
from fluxmlx.hub.library import Library
from fluxmlx.hub.manifest import Layer, Manifest
from fluxmlx.hub.names import OLLAMA, ModelName
from fluxmlx.hub.quants import RemoteFile, choose
from fluxmlx.hub.retries import Retries
from fluxmlx.hub.transport import TIMEOUT_S, BadStatus, Source

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo

__all__ = ["pull"]

Fetched = Generator[PullRecord, None, list[Layer]]

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LOGIN = "if you have access, log in with `hf auth login` or set HF_TOKEN"


def pull(name: ModelName, library: Library) -> Records:
    """Downloads the file that the name stands for, unless Hugging Face's cache has it; of a repository without GGUF
    files its checkpoint.
    """
    import time

    repository = f"{name.namespace}/{name.model}"
    yield PullRecord("pulling manifest")
    other = "" if name.has_host else f"; a model of Ollama's library is {OLLAMA}/{repository}"
    info = _info(repository, time.sleep, other)
    found, tag = _files(info), None if name.tag == "latest" else name.tag
    if found or tag:
        files = choose(repository, found, tag)
        _begin(name, files, library)
        layers = yield from _gguf(repository, info, files, library)
    else:
        parts = snapshot.wanted(repository, info.siblings or ())
        _begin(name, parts, library)
        layers = yield from _checkpoint(repository, info, parts, library)
    yield PullRecord("verifying sha256 digest")
    yield PullRecord("writing manifest")
    config = config_layer(library.blobs, library.path_of(layers))
    library.write(name, Manifest(tuple(layers), config).dump())
    yield PullRecord("success")


def _begin(name: ModelName, files: Sequence[RemoteFile | snapshot.Wanted], library: Library) -> None:
    library.begin(name, [Layer("part", f"sha256:{file.sha256}", file.size) for file in files if file.sha256])


def _gguf(repository: str, info: ModelInfo, files: list[RemoteFile], library: Library) -> Fetched:
    """The parts of a split model keep their names, by which they find each other."""
    layers: list[Layer] = []
    for file in files:
        title = file.path.rpartition("/")[2] if len(files) > 1 else ""
        layer = Layer("model", f"sha256:{file.sha256}", file.size, title)
        yield from _one(repository, str(info.sha), file.path, layer, library)
        layers.append(layer)
    return layers


def _checkpoint(repository: str, info: ModelInfo, files: list[snapshot.Wanted], library: Library) -> Fetched:
    """Every file keeps its name. The repository lists small ones with git's own digest."""
    layers: list[Layer] = []
    for file in files:
        if file.sha256 is not None:
            layer = Layer(snapshot.KIND, f"sha256:{file.sha256}", file.size, file.path)
            yield from _one(repository, str(info.sha), file.path, layer, library)
        else:
            source = _source(repository, file.path, str(info.sha))
            data = read_small(source, f"{file.path} of {repository}", snapshot.SMALL_BYTES, login=_LOGIN)
            snapshot.check_bytes(file, data)
            layer = replace(library.blobs.write(snapshot.KIND, data), title=file.path)
            yield record(layer, layer.size)
        layers.append(layer)
    return layers


def _one(repository: str, revision: str, path: str, layer: Layer, library: Library) -> Records:
    from pathlib import Path

    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(repository, path, revision=revision)
    if isinstance(cached, str) and not library.blobs.has(layer) and digest_of(Path(cached)) == layer.digest:
        library.blobs.adopt(Path(cached), layer)
        yield record(layer, layer.size)
        return
    yield from download(_source(repository, path, revision), layer, library.blobs, login=_LOGIN)


def _source(repository: str, path: str, revision: str) -> Source:
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers

    url = hf_hub_url(repository, path, revision=revision)
    headers = {key: str(value) for key, value in build_hf_headers(library_name="fluxmlx").items()}
    return Source(url, headers, trusted="HF_ENDPOINT" in os.environ)


def _info(repository: str, sleep: Callable[[float], None], other: str) -> ModelInfo:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    retries = Retries(f"repository {repository} on Hugging Face", login=_LOGIN)
    while True:
        try:
            return HfApi(library_name="fluxmlx").model_info(
                repository, files_metadata=True, timeout=TIMEOUT_S
            )
        except OfflineModeIsEnabled as error:
            raise ModelNotFoundError(
                f"hf.co/{repository} is not in the store, and HF_HUB_OFFLINE is set"
            ) from error
        except GatedRepoError as error:
            raise DownloadError(
                f"hf.co/{repository} is gated: ask for access on its page; {_LOGIN}"
            ) from error
        except RepositoryNotFoundError as error:
            raise ModelNotFoundError(
                f"Hugging Face has no repository {repository}, or it is private: {_LOGIN}{other}"
            ) from error
        except HfHubHTTPError as error:
            response = cast("Any", error.response)
            sleep(retries.pause(BadStatus(int(response.status_code), None, str(response.url))))
        except Exception as error:  # noqa: BLE001  # its HTTP library is not ours to name: httpx, httpx2
            sleep(retries.pause(error))


def _files(info: ModelInfo) -> list[RemoteFile]:
    """The GGUF files that have a digest."""
    found: list[RemoteFile] = []
    for sibling in info.siblings or ():
        lfs = sibling.lfs
        if sibling.rfilename.lower().endswith(".gguf") and lfs and _SHA256.fullmatch(str(lfs.sha256)):
            found.append(RemoteFile(sibling.rfilename, int(lfs.size), str(lfs.sha256)))
    return found
