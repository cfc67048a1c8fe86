"""The native core of fluxmlx."""

class GgufTensor:
    """One row of a model file's tensor directory."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str:
        """Such as "Q4_K"."""

    @property
    def shape(self) -> tuple:
        """Dimensions in the order of the file: the first is contiguous."""

    @property
    def offset(self) -> int:
        """Of the first byte in the file of its shard."""

    @property
    def n_bytes(self) -> int: ...
    @property
    def shard(self) -> int:
        """Index of the file of a split set; 0 where it is not split."""

    def __repr__(self) -> str: ...

class GgufFile:
    """
    A GGUF model file, or the split set that it belongs to, checked and open.
    """

    def __init__(self, path: object) -> None: ...
    @property
    def path(self) -> object:
        """As it was given."""

    @property
    def version(self) -> int: ...
    @property
    def n_bytes(self) -> int:
        """Of all shards."""

    @property
    def n_shards(self) -> int: ...
    @property
    def metadata(self) -> object:
        """Every key in the order of the file; converted once and then kept."""

    @property
    def metadata_types(self) -> dict:
        """Type of every key, such as "UINT32" or "ARRAY[STRING]"."""

    @property
    def tensors(self) -> list: ...
    def tensor_bytes(self, name: str) -> bytes:
        """A copy of one tensor's bytes; KeyError when there is none."""

def gguf_parse(data: bytes, name: str = "data") -> dict:
    """Parse the bytes of a whole GGUF file; a dict of what its header says."""

def dequantize(data: bytes, type_name: str) -> object:
    """
    The weights of whole blocks as float32 (n,).

    Args:
        data: blocks as a GGUF file holds them.
        type_name: a name from tensor_types().
    Raises:
        InvalidArgumentError: unknown type, or data is not whole blocks.
        UnsupportedModelError: this build cannot read the type.
    """

def tensor_types() -> dict:
    """
    Every GGUF tensor type: name -> (id, weights per block, bytes per block, whether dequantize() reads it).
    """
