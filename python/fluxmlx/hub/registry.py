"""Models of Ollama's registry, or of another that speaks the same protocol.

Protocol: https://github.com/opencontainers/distribution-spec/blob/main/spec.md (pulling). Nothing that tells who we
are is ever sent, so a registry's challenge has nothing to ask for.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from fluxmlx.errors import DownloadError, InvalidArgumentError, ModelNotFoundError
from fluxmlx.hub import manifest as manifests
from fluxmlx.hub.details import PullRecord
from fluxmlx.hub.download import Records, download, read_small
from fluxmlx.hub.library import Library
from fluxmlx.hub.names import OLLAMA, ModelName
from fluxmlx.hub.stored import check_runnable
from fluxmlx.hub.transport import Source

__all__ = ["pull"]

_ACCEPT = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"


def pull(name: ModelName, library: Library, *, insecure: bool) -> Records:
    """Downloads what of a model is not in the store yet.

    Args:
        insecure: the registry may have a private address, and is spoken to without TLS.
    """
    base, trusted = _address(name, insecure)
    where = f"{base}/v2/{name.namespace}/{name.model}"
    yield PullRecord("pulling manifest")
    data = _manifest(Source(f"{where}/manifests/{name.tag}", {"Accept": _ACCEPT}, trusted), name)
    try:
        manifest = manifests.parse(data)
    except ValueError as error:
        raise DownloadError(f"{name.display} from {urlsplit(base).netloc}: {error}") from None
    check_runnable(manifest, name.display)
    library.begin(name, manifest.blobs)
    for blob in manifest.blobs:
        yield from download(Source(f"{where}/blobs/{blob.digest}", {}, trusted), blob, library.blobs)
    yield PullRecord("verifying sha256 digest")
    yield PullRecord("writing manifest")
    library.write(name, data)
    yield PullRecord("success")


def _address(name: ModelName, insecure: bool) -> tuple[str, bool]:
    """The registry's URL, and whether somebody vouched for it."""
    mirror = os.environ.get("FLUXMLX_REGISTRY", "").rstrip("/")
    if name.host == OLLAMA and mirror:
        if not mirror.startswith(("https://", "http://")):
            raise InvalidArgumentError(f"FLUXMLX_REGISTRY is {mirror!r}; expected https://HOST[:PORT]")
        return mirror, True
    return f"{'http' if insecure else 'https'}://{name.host}", insecure


def _manifest(source: Source, name: ModelName) -> bytes:
    try:
        return read_small(source, f"manifest of {name.display}", manifests.MAX_BYTES)
    except ModelNotFoundError as error:
        raise ModelNotFoundError(
            f"no model is called {name.text!r}: {error}; what works: a path to a .gguf file, smollm2, "
            "NAME[:TAG] of Ollama's library, hf.co/USER/REPO[:QUANT], pypi:PACKAGE"
        ) from None
