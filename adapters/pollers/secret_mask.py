"""Hiding a device's own secret in what the device sends back."""

import re
from base64 import b64encode
from typing import Final

from domain.ingestion.iot_configuration import AuthType

MASK: Final = "***"
_SHORTEST: Final = 4
"""What is shorter stands in many innocent texts, and guards little."""


class SecretMask:
    """Puts ``***`` where the secret of one ``auth`` stands: the text of its variable, and what is made of it.

    Numbers stay. Without a secret everything does.
    """

    def __init__(self, secret: str = "", kind: AuthType | None = None) -> None:
        forms = {secret}
        if kind is AuthType.BASIC:
            encoded = b64encode(secret.encode()).decode()
            forms |= {secret.partition(":")[2], encoded, encoded.rstrip("=")}
        # The longest first: what holds another one is hidden as a whole.
        hidden = sorted((form for form in forms if len(form) >= _SHORTEST), key=len, reverse=True)
        self._secret = re.compile("|".join(map(re.escape, hidden))) if hidden else None

    def text(self, text: str) -> str:
        """Return the text without the secret."""
        return text if self._secret is None else self._secret.sub(MASK, text)

    def document(self, document: object) -> object:
        """Return decoded JSON, changed in place, without the secret in its texts and keys."""
        if self._secret is None:
            return document
        whole = [document]
        # Not by recursion: the answer may be nested more deeply than calls can be.
        waiting: list[object] = [whole]
        while waiting:
            part = waiting.pop()
            if isinstance(part, list):
                part[:] = map(self._value, part)
                waiting.extend(part)
            elif isinstance(part, dict):
                masked = {self.text(key): self._value(value) for key, value in part.items()}
                part.clear()
                part.update(masked)
                waiting.extend(part.values())
        return whole[0]

    def _value(self, value: object) -> object:
        return self.text(value) if isinstance(value, str) else value
