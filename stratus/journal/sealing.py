"""Secret values at rest: encrypted with a key that lies beside the journal, readable by its owner only.

The seal keeps Secrets out of copies of the journal (bug reports, backups without the key). It is AES-256-GCM; the
digest of sealed content is keyed, because a plain hash of a short password can be guessed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

NONCE_BYTES = 12
KEY_BYTES = 32


class Seal:
    """Encrypts and decrypts with the key in ``path``, which is created on first use."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._key: bytes | None = None

    def seal(self, plain: bytes) -> bytes:
        """The nonce followed by the ciphertext."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # slow to import, rarely needed

        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self._load()).encrypt(nonce, plain, None)

    def open(self, sealed: bytes) -> bytes:
        """The plain text. Raises cryptography.exceptions.InvalidTag with another key."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._load()).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)

    def digest(self, plain: bytes) -> str:
        """A keyed SHA-256 in hex."""
        return hmac.new(self._load(), plain, hashlib.sha256).hexdigest()

    def _load(self) -> bytes:
        if self._key is None:
            if not self._path.exists():
                self._create()
            self._key = self._path.read_bytes()
        return self._key

    def _create(self) -> None:
        partial = self._path.with_suffix(f".{os.getpid()}.partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(partial, self._path)  # atomic, and the first process wins
        except FileExistsError:
            pass
        finally:
            partial.unlink()
