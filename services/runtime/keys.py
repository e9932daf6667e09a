"""An institution's key and what is made with it: signatures on what it says, and documents' verification codes.

Own facts carry an HMAC, which nobody else can make or needs to check. Words to others carry an Ed25519 signature, whose
public half others will check.
"""

import base64
import hmac
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.envelope import Envelope
from contracts.values import verification_code

KEY_BYTES = 32


@dataclass(frozen=True)
class Keys:
    """What follows from an institution's one secret of 32 bytes."""

    secret: bytes

    @classmethod
    def read(cls, path: Path) -> "Keys":
        """The key in a file of 64 hex digits. Raises ValueError where it holds anything else."""
        secret = bytes.fromhex(path.read_text().strip())
        if len(secret) != KEY_BYTES:
            raise ValueError(f"{path}: a key has {KEY_BYTES} bytes in hex, this one {len(secret)}")
        return cls(secret)

    def sign_own(self, envelope: Envelope) -> Envelope:
        """An own fact, as only this institution can write it."""
        return replace(envelope, signature=self._own_signature(envelope))

    def is_own(self, envelope: Envelope) -> bool:
        """Whether an own fact is really this institution's."""
        return hmac.compare_digest(envelope.signature, self._own_signature(envelope))

    def sign_word(self, envelope: Envelope) -> Envelope:
        """A word to another institution."""
        signature = self._signing.sign(envelope.signed_bytes())
        return replace(envelope, signature="ed25519:" + base64.b64encode(signature).decode())

    def code(self, number: str) -> str:
        """The verification code of a document's number, which nobody can guess without the key."""
        return verification_code(self._mac(b"document", number.encode()))

    @cached_property
    def _signing(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._mac(b"signing", b""))

    def _own_signature(self, envelope: Envelope) -> str:
        return "hmac-sha256:" + self._mac(b"own", envelope.signed_bytes()).hex()

    def _mac(self, use: bytes, message: bytes) -> bytes:
        key = hmac.digest(self.secret, b"daiya " + use, "sha256")
        return hmac.digest(key, message, "sha256")
