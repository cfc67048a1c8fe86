"""Everything that can be set about the server, in one frozen record."""

from __future__ import annotations

from dataclasses import dataclass, field

from fluxmlx.errors import InvalidArgumentError
from fluxmlx.server.addresses import DEFAULT_PORT, is_loopback
from fluxmlx.server.durations import FOR_EVER

__all__ = ["ServerSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """What the server is told; `load_settings` makes it from flags, environment and a file. Times are in seconds.

    Attributes:
        host, port: where to listen; port 0 takes a free one.
        keep_alive: how long a model stays loaded after its last request; FOR_EVER until it must go.
        load_timeout: longest load of a model; FOR_EVER for no limit.
        max_queue: requests that may wait for a place; one more is refused with 503.
        num_parallel: answers that one model writes together; 0 leaves it to the engine.
        max_loaded_models: models in memory; 0 as many as fit.
        memory_budget: bytes that all loaded models may take together; 0 for no limit of ours.
        context_length: positions of one sequence; 0 as the model was trained.
        threads: of the CPU kernels; 0 leaves it to the engine.
        origins: web pages that may call: exact origins, `http://localhost:*`, or `*`. None by default.
        allowed_hosts: further names in the Host header, beside those of this machine.
        api_key: what clients must show; "" for none.
        no_auth: listen where others can reach it without a key.
        admin: whether models may be pulled, created, deleted and unloaded over HTTP; None only on loopback.
        max_body: bytes of a request.
        max_connections: open at once.
        header_timeout: to send a request's head; body_timeout: longest pause in its body;
        write_timeout: longest pause of a reader before its request is dropped.
        stream_ping: seconds of silence after which a stream of server-sent events gets a comment; 0 for never.
        shutdown_timeout: that running answers have to finish after SIGTERM.
        access_log: one line for each request; never with prompts.
        alias: further name of the model that the server is started with.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    keep_alive: float = 300.0
    load_timeout: float = 300.0
    max_queue: int = 512
    num_parallel: int = 0
    max_loaded_models: int = 0
    memory_budget: int = 0
    context_length: int = 0
    threads: int = 0
    origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    api_key: str = field(default="", repr=False)
    no_auth: bool = False
    admin: bool | None = None
    max_body: int = 32 << 20
    max_connections: int = 1024
    header_timeout: float = 10.0
    body_timeout: float = 30.0
    write_timeout: float = 30.0
    stream_ping: float = 10.0
    shutdown_timeout: float = 30.0
    access_log: bool = True
    alias: str = ""

    def __post_init__(self) -> None:
        if not self.is_local and not self.api_key and not self.no_auth:
            raise InvalidArgumentError(
                f"host is {self.host!r}, which others can reach; set an api_key, or no_auth to have none"
            )

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)

    @property
    def allows_admin(self) -> bool:
        """Whether models may be managed over HTTP."""
        return self.is_local if self.admin is None else self.admin

    @property
    def load_limit(self) -> float | None:
        """The longest load, None for no limit."""
        return None if self.load_timeout == FOR_EVER else self.load_timeout
