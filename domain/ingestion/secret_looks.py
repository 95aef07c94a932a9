"""What secrets look like: by the names that people give them, and by themselves.

No list of names is ever whole. What is certain is that a secret has no need to stand in a configuration,
since each way of sending one can take it from the environment.
"""

import re
from typing import Final
from urllib.parse import unquote, urlsplit

_NAME: Final = re.compile(
    r"authori[sz]ation|cookie|token|secret|passw|pass[-_. ]?(?:phrase|code)|pwd|(?<![a-z])pw(?![a-z])"
    r"|credential|bearer|x-auth|jwt"
    r"|(?:api|access|auth|app|client|consumer|encryption|function|licen[cs]e|login|master|private|secure"
    r"|security|shared|signing|subscription|user|webhook)s?[-_. ]?key"
    r"|auth[-_. ]?(?:code|data|value)"
    r"|(?<![a-z])(?:auth|authentication|pass|hmac|signature|session[-_. ]?id|creds?)(?![a-z_-])",
    re.IGNORECASE,
)
_DOUBTFUL_NAME: Final = re.compile(r"(?:x-)?(?:key|code|sid|sig|appid|session|hash)", re.IGNORECASE)
"""Names that secrets share with harmless things: what stands there decides."""

_RANDOM: Final = re.compile(r"[A-Za-z0-9_+/=.~-]{12,}")
_LONG_RANDOM: Final = 16
_CREDENTIALS: Final = re.compile(
    r"\s*(?:basic|bearer|digest|negotiate|ntlm|hmac|apikey|aws4-hmac-sha256)\s+(?=\S*[\d=])\S{6,}.*",
    re.IGNORECASE | re.DOTALL,
)
_LOOK: Final = re.compile(
    r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # a JSON web token
    r"|\bAKIA[0-9A-Z]{16}\b|\bgh[oprsu]_[A-Za-z0-9]{20,}|\bed_[\w-]{20,}|\bAIza[\w-]{30,}"
    r"|\bsk[-_](?:live|test|proj)?[-_]?[A-Za-z0-9]{16,}|\bxox[abprs]-[\w-]{10,}"
    r"|-----BEGIN [A-Z ]{0,20}PRIVATE KEY"
    r"|://[^/\s:@?#\"']*:[^/\s@?#\"']+@"  # user and password of a URL
)
_NAMED: Final = re.compile(r"([A-Za-z][A-Za-z0-9_.-]{0,63})[\"']?\s*[=:>]\s*[\"']?([^\s\"'&;<,}]{0,200})")
_PARAMETER: Final = re.compile(r"[?&;#/]([^=&;#/?]{1,200})=([^&;#/?]*)")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def looks_random(text: str) -> bool:
    """Return whether this is no word: long, of capitals, small letters and digits."""
    return (
        len(text) >= _LONG_RANDOM
        and _RANDOM.fullmatch(text) is not None
        and all(any(test(c) for c in text) for test in (str.isupper, str.islower, str.isdigit))
    )


def is_secret(text: str) -> bool:
    """Return whether the text is a secret, or holds one, whatever it is called."""
    return _LOOK.search(text) is not None or _CREDENTIALS.fullmatch(text) is not None


def names_secret(name: str, value: object) -> bool:
    """Return whether something of this name, with this value, is a secret."""
    if _NAME.search(_HUMP.sub("_", name)):
        return True
    return (
        isinstance(value, str)
        and _DOUBTFUL_NAME.fullmatch(name) is not None
        and _RANDOM.fullmatch(value) is not None
        and any(c.isdigit() for c in value)
        and any(c.isalpha() for c in value)
    )


def secret_in_text(text: str) -> str | None:
    """Return the name of a secret in a text such as a form, JSON, XML or a query; None where it has none."""
    if is_secret(text):
        return "a secret"
    for found in _NAMED.finditer(text):
        if found[2] and names_secret(found[1], found[2]):
            return found[1]
    return None


def secret_in_url(url: str) -> str | None:
    """Return the name of a secret in a URL, behind its host; None where it has none."""
    parts = urlsplit(url)
    rest = parts._replace(scheme="", netloc="").geturl()
    plain = unquote(unquote(rest))
    for given in (rest, plain):
        for name, value in _PARAMETER.findall(given):
            if names_secret(name.strip(), value):
                return str(name.strip())
    return "what is written" if is_secret(plain) else None
