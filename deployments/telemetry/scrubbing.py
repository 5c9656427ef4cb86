"""Takes secrets out of text before it is stored, and makes it fit for one line of a log.

What a secret is shows by its form (keys and tokens of this service, JSON Web Tokens, PEM keys, passwords in addresses,
long random-looking words) or by the name before it (`password=`, `"client_secret": `, `Authorization: Basic `). Text
is looked at as it is, and as it reads once percent signs, JSON escapes, compatibility characters and invisible ones
are resolved; where only the second view shows a secret, the second view is what is written. When in doubt it hides.
"""

from __future__ import annotations

import binascii
import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

HIDDEN = "[hidden]"

# Of one text; what is beyond is cut, so that no one can make logging slow.
MAX_CHARACTERS = 16_384
CUT = "[cut]"

_MAX_DEPTH = 6
_MAX_DECODINGS = 3

_SENSITIVE = (
    r"(?:passw(?:or)?d|passphrase|passwd|pwd|secret|token|credential|authori[sz]ation|api[-_ .]?key|[-_.]key|\bkey"
    r"|(?:access|account|private|shared|subscription|signing|primary|secondary)key|signature|\bsig|cookie"
    r"|session[-_]?id|\bsid|\bjwt|\botp|\bpin)"
)
_SENSITIVE_NAME = re.compile(rf"(?i){_SENSITIVE}|^(?:key|sig|sid)$")
_SCHEME = r"(?:bearer|basic|digest|negotiate|ntlm|sharedkey|apikey)"

# The value that follows a name: in quotes, which may be escaped, up to the same quotes or the end; a list or an object;
# a scheme and a word; a word.
_VALUE = (
    r"""(?:(?P<quote>\\{0,8}["'])(?s:.*?)(?:(?<!\\)(?P=quote)|\Z)|\[[^\]]*\]?|\{[^}]*\}?"""
    rf"""|{_SCHEME}\s+[^\s,;&"']+|[^\s,;&"'\[{{}}\])]+)"""
)
# Between the two: a sign, or a comma where both are quoted, as in a list of headers.
_BETWEEN = r"""\\{0,8}["']?\]?\s{0,20}(?:=>|[:=]|(?<=["'])\s{0,20},(?=\s{0,20}[bru]?\\{0,8}["']))\s{0,20}"""
_NAMED = re.compile(rf"""(?i)({_SENSITIVE}[\w.-]{{0,40}}{_BETWEEN}(?:[bru](?=["']))?){_VALUE}""")
_SCHEMED = re.compile(rf"(?i)\b({_SCHEME}[\s:=]{{1,20}})[A-Za-z0-9._~+/=-]{{4,}}")
_OWN_KEY = re.compile(r"(scoring_[0-9a-f]{16}_)[A-Za-z0-9_-]+")
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){1,4}")
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{1,40}-----.*?(?:-----END [A-Z0-9 ]{1,40}-----|\Z)", re.DOTALL)
_USERINFO = re.compile(r"(://)[^/\s:@]{0,256}:[^/\s@]{1,256}@")
_WORD = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")

_RANDOM_LENGTH = 32
_SEGMENT_LENGTH = 20
_SHORTEST_BASE64 = 8
_SHORT = 128
_JSON_ESCAPE = re.compile(r"\\{1,8}(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))")
_INVISIBLE = {"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"}
_PLAIN = re.compile(r"[\x20-\x7e]*")


def scrub(text: str, limit: int = MAX_CHARACTERS) -> str:
    """Return the text without what looks like a secret, and without what is beyond the limit."""
    if len(text) > limit:
        # What is cut through may be a secret whose form no longer shows.
        text = re.sub(r"[^\s\"',;&]{0,256}\Z", "", text[:limit]) + CUT
    masked = _masked(text)
    plain = _decoded(masked)
    if plain == masked:
        return masked
    masked_plain = _masked(plain)
    return masked if masked_plain == plain else masked_plain


def one_line(text: str) -> str:
    """Return the text with every character that could begin a line, move the cursor or turn its order, escaped."""
    if _PLAIN.fullmatch(text):
        return text
    return "".join(
        _escaped(character) if unicodedata.category(character) in _INVISIBLE else character for character in text
    )


def scrubbed_line(text: str, limit: int = MAX_CHARACTERS) -> str:
    """Return the text as it may stand in a log."""
    return one_line(scrub(text, limit))


def scrubbed_lines(text: str) -> str:
    """Return text of several lines, as a stack trace is, with each of them marked as a continuation."""
    return "\n".join(f"    {one_line(line)}" for line in scrub(text).splitlines())


def scrub_value(name: str, value: Any, depth: int = 0) -> Any:
    """Return a named value, and what it holds, without secrets; what is no plain data becomes text."""
    if value is not None and is_sensitive(name):
        return HIDDEN
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _scrub_inside(value, depth) if depth < _MAX_DEPTH else CUT
    if isinstance(value, bytes | bytearray):
        value = bytes(value[: MAX_CHARACTERS + 1]).decode("utf-8", "replace")
    text = str(value)
    return _known_line(text) if len(text) <= _SHORT else scrubbed_line(text)


def _scrub_inside(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        return {scrubbed_line(str(key)): scrub_value(str(key), item, depth + 1) for key, item in value.items()}
    return [scrub_value("", item, depth + 1) for item in value]


# Every line of a replica has the same names and mostly the same values.
_known_line = lru_cache(maxsize=256)(scrubbed_line)


@lru_cache(maxsize=256)
def is_sensitive(name: str) -> bool:
    """Whether what has this name is a secret whatever it looks like."""
    return bool(name) and _SENSITIVE_NAME.search(_decoded(name)) is not None


def _masked(text: str) -> str:
    text = _PEM.sub(HIDDEN, text)
    text = _OWN_KEY.sub(rf"\1{HIDDEN}", text)
    text = _JWT.sub(HIDDEN, text)
    text = _USERINFO.sub(rf"\1{HIDDEN}@", text)
    text = _NAMED.sub(_named, text)
    text = _SCHEMED.sub(rf"\1{HIDDEN}", text)
    return _WORD.sub(_word, text)


def _named(match: re.Match[str]) -> str:
    quote = match["quote"] or ""
    return f"{match[1]}{quote}{HIDDEN}{quote}"


def _word(match: re.Match[str]) -> str:
    word = match[0]
    if _looks_random(word) or _holds_credentials(word):
        return HIDDEN
    # A path is a word too, and each of its parts may be one of its own.
    return "/".join(HIDDEN if _holds_credentials(part) else part for part in word.split("/")) if "/" in word else word


def _looks_random(word: str) -> bool:
    """Whether a word is long and mixes digits with letters of both cases; identifiers in hexadecimal do not."""
    return len(word) >= _RANDOM_LENGTH and any(
        len(part) >= _SEGMENT_LENGTH
        and any(map(str.isdigit, part))
        and any(map(str.islower, part))
        and any(map(str.isupper, part))
        for part in word.split("/")
    )


def _holds_credentials(word: str) -> bool:
    """Whether a word is base64 of `name:password`, or of something that would be hidden itself."""
    if len(word) < _SHORTEST_BASE64:
        return False
    padded = word.rstrip("=").replace("-", "+").replace("_", "/")
    padded += "=" * (-len(padded) % 4)
    try:
        text = binascii.a2b_base64(padded).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return False
    if not text.isprintable():
        return False
    return ":" in text.strip(":") or _NAMED.search(text) is not None or _OWN_KEY.search(text) is not None


def _decoded(text: str) -> str:
    """Return the text as whoever reads it would read it."""
    for _ in range(_MAX_DECODINGS):
        before = text
        if "%" in text:
            text = unquote(text, errors="replace")
        if "\\" in text:
            text = _JSON_ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), text)
        if not _PLAIN.fullmatch(text):
            text = unicodedata.normalize("NFKC", text)
            text = "".join(character for character in text if unicodedata.category(character) not in _INVISIBLE)
        if text == before:
            break
    return text


def _escaped(character: str) -> str:
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    number = ord(character)
    return named.get(character) or (f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}")  # noqa: PLR2004
