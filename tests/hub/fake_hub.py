"""A repository of Hugging Face on a fake server."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from fake_server import FakeServer, digest

SHA = "0123456789abcdef0123456789abcdef01234567"


class FakeHub:
    """A repository on a fake server."""

    def __init__(self, server: FakeServer, repository: str = "user/repo") -> None:
        self.server = server
        self.repository = repository
        self.info = f"/api/models/{repository}"

    def add(self, **files: bytes) -> None:
        rows: list[dict[str, Any]] = [{"rfilename": "README.md", "size": 3, "blobId": "0"}]
        for name, data in files.items():
            lfs = {"sha256": digest(data).removeprefix("sha256:"), "size": len(data), "pointerSize": 1}
            rows.append({"rfilename": name, "size": len(data), "blobId": "0", "lfs": lfs})
            self.server.files[self.path(name)] = data
        self.publish(rows)

    def add_small(self, rows: list[dict[str, Any]], **files: bytes) -> None:
        """Files that the repository holds itself, listed with git's own digest."""
        for name, data in files.items():
            code = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            rows.append({"rfilename": name, "size": len(data), "blobId": code})
            self.server.files[self.path(name)] = data

    def publish(self, rows: list[dict[str, Any]]) -> None:
        listing = {
            "id": self.repository,
            "sha": SHA,
            "siblings": rows,
            "private": False,
            "tags": [],
            "downloads": 0,
        }
        self.server.files[self.info] = json.dumps(listing).encode()

    def path(self, name: str) -> str:
        return f"/{self.repository}/resolve/{SHA}/{name}"
